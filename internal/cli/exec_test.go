//go:build linux

package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/leaserun"
)

// hold starts a job that holds a lock until open is called.
func (l *lab) hold(name string, flags ...string) (j *job, open func()) {
	l.t.Helper()
	in, gate := "in-"+name, "gate-"+name
	j = l.start(append(flags, "--lock", name, "--", "sh", "-c", fmt.Sprintf("touch '%s'; until [ -e '%s' ]; do sleep 0.05; done", l.path(in), l.path(gate)))...)
	l.await(in)
	return j, func() { l.write(gate, "") }
}

func TestExecGivesBackWhatTheCommandGives(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for script, want := range map[string]int{
		"exit 0": 0, "exit 7": 7, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9,
	} {
		l.start("--lock", "x", "--", "sh", "-c", script).ends(want)
	}
	l.start("--lock", "x", "--", "/nonexistent/program").ends(127)
	l.start("--lock", "x", "--", "no-such-program-anywhere").ends(127)
	l.start("--lock", "x", "--", l.dir).ends(126)
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}

	j := l.start("--lock", "x", "--", "sh", "-c", "echo out; echo err >&2")
	j.ends(0)
	if j.out.String() != "out\n" || j.errOut.String() != "err\n" {
		t.Errorf("stdout %q, stderr %q: want the command's alone", j.out.String(), j.errOut.String())
	}
}

// The command gets the input, byte for byte.
func TestExecPassesInputOn(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	j := l.job(l.dir, nil, []string{"--lock", "x", "--", "cat"})
	j.cmd.Stdin, j.cmd.Stdout, j.cmd.Stderr = strings.NewReader("a\x00b\nno newline"), &j.out, &j.errOut
	if err := j.cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, j.errOut.String())
	}
	if j.out.String() != "a\x00b\nno newline" {
		t.Errorf("got %q", j.out.String())
	}
}

func TestExecWaitsAndTimesOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first, open := l.hold("x")
	second := l.start("--lock", "x", "--", "sh", "-c", "echo second")
	second.says(`for the lock "x", which is held by `)
	second.says(" for sh (pid ")

	third := l.start("--lock", "x", "--lock-timeout", "1", "--", "touch", l.path("never"))
	third.ends(11)
	third.says("state lock timeout")
	third.says("groundwork locks list")
	third.says("groundwork locks break x --force")
	named := l.start("--lock", "x", "--lock-timeout", "0", "--lock-table", "public.pulumi_state_locks", "--lock-db-name", l.database, "--", "true")
	named.ends(11)
	named.says("groundwork locks list --lock-db-name " + l.database + " --lock-table public.pulumi_state_locks\n")
	named.says("groundwork locks break x --force --lock-db-name " + l.database + " --lock-table public.pulumi_state_locks\n")
	inJSON := l.start("--format", "json", "--lock", "x", "--lock-timeout", "0s", "--", "true")
	inJSON.ends(11)
	var doc struct {
		Error struct {
			Code          int
			Kind, Message string
		}
	}
	if err := json.Unmarshal([]byte(inJSON.errOut.String()), &doc); err != nil || doc.Error.Code != 11 || doc.Error.Kind != "locked" || !strings.Contains(doc.Error.Message, "held by") {
		t.Errorf("%v: %s", err, inJSON.errOut.String())
	}

	other := l.start("--lock", "y", "--lock-timeout", "0", "--", "true") // another lock is not in the way
	other.ends(0)
	open()
	first.ends(0)
	second.ends(0)
	second.says(`got the lock "x" after`)
	if l.read("never") != "" {
		t.Error("the third ran without the lock")
	}
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// A lock that somebody wrote by hand, with nothing but its name, does not end by itself.
func TestExecWaitsForALockWithoutAnEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.sql("INSERT INTO pulumi_state_locks (LockID) VALUES ('x')")
	j := l.start("--lock", "x", "--lock-timeout", "1", "--", "true")
	j.ends(11)
	j.says(`for the lock "x", which is held by somebody, without an end`)
	j.says(`state lock timeout: the lock "x" is held by somebody, without an end; waited `)
	j.says("If the holder is dead, its lock stays")
}

func TestExecTimeoutFromTheEnvironment(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, open := l.hold("x")
	defer open()
	j := l.startIn(l.dir, []string{"PULUMI_LOCK_TIMEOUT=1"}, "--lock", "x", "--", "true")
	j.ends(11)
	j.says("waiting for up to ")
	for _, bad := range []string{"PULUMI_LOCK_TIMEOUT=soon", "PULUMI_LOCK_TIMEOUT=-1", "PULUMI_LOCK_SCOPE=world", "PULUMI_LOCK_DB_PORT=none"} {
		j := l.startIn(l.dir, []string{bad}, "--lock", "x", "--", "true")
		j.ends(3)
		j.says(strings.SplitN(bad, "=", 2)[0])
	}
}

func TestExecInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first, open := l.hold("x")
	second := l.start("--lock", "x", "--", "touch", l.path("never"))
	second.says("waiting for")
	second.signal(syscall.SIGINT)
	second.ends(130)
	second.says(`Error: interrupted before the lock "x" could be had`)
	open()
	first.ends(0)
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// Without a terminal, as in CI, each signal to groundwork reaches the command once.
func TestExecRelaysSignals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, s := range []struct {
		name   string
		signal syscall.Signal
	}{{"INT", syscall.SIGINT}, {"TERM", syscall.SIGTERM}, {"HUP", syscall.SIGHUP}, {"USR1", syscall.SIGUSR1}} {
		script := fmt.Sprintf("trap 'echo got %[1]s; n=$((n+1))' %[1]s; touch '%[2]s'; until [ -e '%[3]s' ]; do sleep 0.05; done; exit $((40+n))",
			s.name, l.path("ready-"+s.name), l.path("go-"+s.name))
		j := l.start("--lock", s.name, "--", "bash", "-c", script)
		l.await("ready-" + s.name)
		j.signal(s.signal)
		await(t, "the signal", func() bool { return strings.Contains(j.out.String(), "got "+s.name) })
		l.write("go-"+s.name, "")
		j.ends(41)
	}
}

// Who signals every process of a job gets the signal to the command once; and exec outlives it.
func TestExecLeavesSignals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	script := fmt.Sprintf("trap 'n=$((n+1))' TERM; trap 'touch %[3]s' USR1; echo $$ > '%[1]s.new'; mv '%[1]s.new' '%[1]s'; until [ -e '%[2]s' ]; do sleep 0.05; done; exit $((40+n))",
		l.path("pid"), l.path("go"), l.path("usr1"))
	j := l.start("--lock", "x", "--signals", "leave", "--", "bash", "-c", script)
	l.await("pid")
	for range 3 {
		j.signal(syscall.SIGTERM)
		time.Sleep(100 * time.Millisecond) // so that signals that were passed on would be several
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1} {
		if err := syscall.Kill(l.number("pid"), s); err != nil {
			t.Fatal(err)
		}
	}
	l.await("usr1")
	l.write("go", "")
	j.ends(41)
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// At a terminal Ctrl-C reaches the command once, and its exit code comes back.
func TestExecCtrlC(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// A command that is younger than a key takes to arrive may get it twice.
	j := l.startTTY("--lock", "x", "--", "bash", "-c",
		"trap 'n=$((n+1)); echo got $n' INT; sleep 0.2; [ -t 0 ] && [ -t 1 ] && echo at a terminal; until [ -e '"+l.path("go")+"' ]; do sleep 0.05; done; exit $((40+n))")
	j.says("at a terminal")
	if _, err := j.tty.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	j.says("got 1")
	l.write("go", "")
	j.ends(41)
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// A command that does not catch Ctrl-C dies of it, and the lock is given back.
func TestExecCtrlCKills(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	j := l.startTTY("--lock", "x", "--", "sh", "-c", "echo ready; exec sleep 600")
	j.says("ready")
	if _, err := j.tty.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	j.ends(130)
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// In a shell with job control, Ctrl-Z stops the command and fg brings it back.
func TestExecJobControl(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// The outer groundwork only gives the shell a terminal.
	j := l.startTTY("--lock", "outer", "--", "bash", "--norc", "-i")
	enter := func(text string) {
		t.Helper()
		if _, err := j.tty.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	enter("PS1='$ '\n")
	enter(groundwork(t) + " exec --lock inner -- sh -c 'echo run''ning; until [ -e " + l.path("go") + " ]; do sleep 0.05; done; echo fin''ished'\n")
	j.says("running")
	enter("\x1a")
	j.says("Stopped")
	enter("fg\n")
	l.write("go", "")
	j.says("finished")
	enter("exit 5\n")
	j.ends(5)
}

// groundwork called again below a lock that it holds does not wait for itself; one that only
// carries the variable does.
func TestExecNested(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	gw := groundwork(t)
	inner := gw + " exec --lock x --lock-timeout 0 --verbose -- " + gw + " exec --lock x --lock-timeout 0 -- echo innermost"
	j := l.start("--lock", "x", "--", "sh", "-c", inner)
	j.ends(0)
	j.says("innermost")
	j.says(`the lock "x" is held by a caller`)
	l.start("--lock", "x", "--", "sh", "-c", gw+" exec --lock y --lock-timeout 0 -- "+inner).ends(0)

	_, open := l.hold("x")
	defer open()
	for _, stale := range []string{`[{"name":"x","fence":1,"id":"other"}]`, "nonsense"} {
		l.startIn(l.dir, []string{leaserun.Variable + "=" + stale}, "--lock", "x", "--lock-timeout", "0", "--", "true").ends(11)
	}
}

func TestExecRefuses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "there is no command to run"},
		{[]string{"--lock", "x", "--lease", "10ms", "--", "true"}, "too short"},
		{[]string{"--lock", "", "--", "true"}, "the name in --lock is empty"},
		{[]string{"--lock", "x", "--on-lost", "panic", "--", "true"}, "none of interrupt, warn, kill"},
		{[]string{"--", "make", "deploy"}, "--lock NAME"},
		{[]string{"--lock", "x", "--lock-db-password", "p", "--", "true"}, "unknown flag"},
	} {
		j := l.start(c.args...)
		j.ends(3)
		j.says(c.want)
	}
	j := l.startIn(l.dir, []string{"PULUMI_LOCK_DB_HOST="}, "--lock", "x", "--", "true")
	j.ends(3)
	j.says("PULUMI_LOCK_DB_HOST")
	j = l.startIn(l.dir, []string{"PULUMI_LOCK_DB_PASSWORD=wrong-" + l.role.Password}, "--lock", "x", "--", "true")
	j.ends(1)
	j.says("Check the user")
	if strings.Contains(j.errOut.String(), l.role.Password) {
		t.Error("the password shows")
	}
}

// What is wrong with the connection is said with the names by which a command is told of it.
func TestExecNamesTheSettingAtFault(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, c := range []struct {
		env, flags []string
		want       string
	}{
		{[]string{"PULUMI_LOCK_DB_PASSWORD="}, nil, "No password is given for the user \"" + l.role.Name + "\" (from PULUMI_LOCK_DB_USER). Set PULUMI_LOCK_DB_PASSWORD or PGPASSWORD"},
		{[]string{"PULUMI_LOCK_DB_PASSWORD=", "PGPASSFILE=" + l.write("pgpass", "*:*:*:*:wrong")}, nil, "its password (from PGPASSFILE (" + l.path("pgpass") + "))"},
		{nil, []string{"--lock-db-host", "no..such.host"}, "The host no..such.host (from --lock-db-host) has no address"},
		{[]string{"PULUMI_LOCK_DB_HOST=" + l.host + ":5432"}, nil, "is no name of a host. Give the name or the address alone, and the port by --lock-db-port, PULUMI_LOCK_DB_PORT or PGPORT"},
		{nil, []string{"--lock-db-sslmode", "verify-ca"}, "is not signed by an authority that is trusted here (from the default). Set --lock-db-sslrootcert or PGSSLROOTCERT to the PEM of its authority"},
		{nil, []string{"--lock-db-name", "no_such"}, "Check the name (--lock-db-name, PULUMI_LOCK_DB_NAME or PGDATABASE) and the server, or make the database with groundwork_lock_database, or by hand: CREATE DATABASE \"no_such\";"},
	} {
		j := l.startIn(l.dir, c.env, append(c.flags, "--lock", "x", "--", "true")...)
		if j.wait() == 0 {
			t.Errorf("%s %s is taken", c.env, c.flags)
		}
		if text := j.errOut.String(); !strings.Contains(text, c.want) || strings.Contains(text, "postgres_") {
			t.Errorf("%s %s: it says\n%swant\n%s", c.env, c.flags, text, c.want)
		}
	}
}

// A table that does not exist is said to be missing.
func TestExecWithoutTable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	j := l.start("--lock", "x", "--lock-table", "elsewhere.locks", "--", "true")
	j.ends(10)
	j.says("elsewhere")
}

// A database that does not exist is not taken for one that databases are made from.
func TestExecWithoutDatabase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.database += "_missing"
	j := l.start("--lock", "x", "--", "true")
	j.ends(10)
	j.says("PULUMI_LOCK_DB_NAME")
	if strings.Contains(j.errOut.String(), "postgres_maintenance_database") {
		t.Error(j.errOut.String())
	}
}
