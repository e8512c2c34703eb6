//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// trap is a command that notes an interrupt, and ends when told to.
func (l *lab) trap(name string) []string {
	return []string{"bash", "-c", fmt.Sprintf(
		"trap 'touch \"%[1]s\"' INT; touch '%[2]s'; until [ -e '%[3]s' ] || [ ! -e '%[2]s' ]; do sleep 0.05; done; touch '%[4]s'",
		l.path("int-"+name), l.path("in-"+name), l.path("go-"+name), l.path("end-"+name))}
}

func (l *lab) exists(name string) bool {
	_, err := os.Stat(l.path(name))
	return err == nil
}

// The lock is broken while the command runs: what happens then is the caller's choice.
func TestExecLosesTheLock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	start := func(onLost string) *job {
		j := l.start(append([]string{"--lock", onLost, "--lease", "3s", "--on-lost", onLost, "--"}, l.trap(onLost)...)...)
		l.await("in-" + onLost)
		return j
	}
	jobs := map[string]*job{}
	for _, onLost := range []string{"interrupt", "warn", "kill"} {
		jobs[onLost] = start(onLost)
	}
	l.sql("DELETE FROM pulumi_state_locks")
	for onLost, j := range jobs {
		j.says(fmt.Sprintf("THE LOCK %q IS LOST", onLost))
	}
	jobs["kill"].ends(128 + 9)
	l.await("int-interrupt")
	for _, onLost := range []string{"interrupt", "warn"} {
		if !jobs[onLost].running() {
			t.Errorf("%s: the command may not finish", onLost)
		}
		l.write("go-"+onLost, "")
		jobs[onLost].ends(0)
		l.await("end-" + onLost)
	}
	if l.exists("int-warn") || l.exists("int-kill") || l.exists("end-kill") {
		t.Error("warn interrupts, or kill does not kill")
	}
}

// The database is out of reach until the lease has ended: nobody can say any more whose it is.
func TestExecLosesTheDatabase(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	proxy := testenv.TCPProxy(t, l.server.Addr())
	l.host, l.port = proxy.Host(), proxy.Port()
	j := l.start(append([]string{"--lock", "x", "--lease", "3s", "--"}, l.trap("x")...)...)
	l.await("in-x")
	proxy.Stall()
	j.says("cannot be renewed at the moment")
	j.says(`THE LOCK "x" IS LOST`)
	l.await("int-x")
	proxy.Resume()
	l.write("go-x", "")
	j.ends(0)
}

// A restart of the database that is shorter than the lease: the command notices nothing.
func TestExecOutlastsAFailover(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, testenv.StartPostgres(t, postgres.Options{}))
	j := l.start(append([]string{"--lock", "x", "--lease", "30s", "--"}, l.trap("x")...)...)
	l.await("in-x")
	if err := l.server.Shutdown(); err != nil {
		t.Fatal(err)
	}
	j.says("cannot be renewed at the moment")
	if err := l.server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.says("is renewed again")
	l.start("--lock", "x", "--lock-timeout", "0", "--", "true").ends(11)
	l.write("go-x", "")
	j.ends(0)
	if l.exists("int-x") {
		t.Error("the command was interrupted")
	}
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks are left", n)
	}
}

// kill -9 of groundwork: on Linux the command is interrupted, or what --on-lost says, and the lock
// is free when the lease has ended, not before.
func TestExecKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, onLost := range []string{"interrupt", "warn", "kill"} {
		j := l.start(append([]string{"--lock", onLost, "--lease", "6s", "--on-lost", onLost, "--"}, l.trap(onLost)...)...)
		l.await("in-" + onLost)
		j.signal(syscall.SIGKILL)
		l.start("--lock", onLost, "--lock-timeout", "0", "--", "true").ends(11)
		next := l.start("--lock", onLost, "--", "true")
		next.says("waiting for")
		switch onLost {
		case "interrupt":
			l.await("int-interrupt")
			fallthrough
		case "warn":
			l.write("go-"+onLost, "")
			l.await("end-" + onLost)
		}
		next.ends(0)
		if onLost != "interrupt" && l.exists("int-"+onLost) {
			t.Errorf("%s: the command was interrupted", onLost)
		}
	}
	l.write("go-kill", "")
	if l.exists("end-kill") {
		t.Error("the command was not killed")
	}
}

// SIGSTOP beyond the lease, and somebody else takes the lock: the command is interrupted as soon as
// groundwork runs again.
func TestExecStopped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	j := l.start(append([]string{"--lock", "x", "--lease", "2s", "--"}, l.trap("first")...)...)
	l.await("in-first")
	j.signal(syscall.SIGSTOP)
	second, open := l.hold("x")
	j.signal(syscall.SIGCONT)
	j.says(`THE LOCK "x" IS LOST`)
	l.await("int-first")
	l.write("go-first", "")
	j.ends(0)
	if !second.running() {
		t.Error("the second has lost its lock")
	}
	l.start("--lock", "x", "--lock-timeout", "0", "--", "true").ends(11) // the first took nothing away
	open()
	second.ends(0)
	if strings.Contains(second.errOut.String(), "LOST") {
		t.Error(second.errOut.String())
	}
}

// The lock is broken after the last renewal: that it was lost shows when it is to be given back.
func TestExecFindsTheLockLostAtTheEnd(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	j := l.start(append([]string{"--lock", "x", "--lease", "1h", "--"}, l.trap("x")...)...)
	l.await("in-x")
	l.sql("DELETE FROM pulumi_state_locks")
	l.write("go-x", "")
	j.ends(0)
	j.says(`THE LOCK "x" WAS LOST before the command ended`)
}
