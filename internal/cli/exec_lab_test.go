//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// lab is a lock table as people make it by hand, and a folder to work in.
type lab struct {
	t        *testing.T
	server   *postgres.Server
	role     postgres.Role
	database string
	dir      string
	// host and port are those that groundwork connects to.
	host string
	port int
	env  []string
}

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "groundwork-cli-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "groundwork")
	out, err := exec.Command("go", "build", "-o", file, "../../cmd/groundwork").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// groundwork is the program of this checkout.
func groundwork(t *testing.T) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// handMade is the table that people are told to make.
const handMade = `CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
);
CREATE INDEX IF NOT EXISTS idx_pulumi_lock_expires ON pulumi_state_locks (LeaseExpires);`

func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabOn(t, testenv.Postgres(t))
}

func newLabOn(t *testing.T, server *postgres.Server) *lab {
	t.Helper()
	l := &lab{t: t, server: server, host: server.Host, port: server.Port, dir: t.TempDir()}
	l.role = testenv.PostgresRole(t, server, "")
	l.database = testenv.PostgresDatabase(t, server, l.role.Name)
	l.sql("SET ROLE " + l.role.Name + ";" + handMade)
	return l
}

// sql runs statements in the lock database.
func (l *lab) sql(text string) {
	l.t.Helper()
	if err := l.server.Exec(l.t.Context(), l.database, text); err != nil {
		l.t.Fatal(err)
	}
}

// count counts rows of a table in the lock database.
func (l *lab) count(from string) (n int) {
	l.t.Helper()
	conn, err := l.server.Connect(l.t.Context(), l.database)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(l.t.Context())) }()
	if err := conn.QueryRow(l.t.Context(), "SELECT count(*) FROM "+from).Scan(&n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// environ is what groundwork and its children see.
func (l *lab) environ() []string {
	env := proc.CleanEnv(l.dir,
		"PULUMI_LOCK_DB_HOST="+l.host, "PULUMI_LOCK_DB_PORT="+strconv.Itoa(l.port), "PULUMI_LOCK_DB_NAME="+l.database,
		"PULUMI_LOCK_DB_USER="+l.role.Name, "PULUMI_LOCK_DB_PASSWORD="+l.role.Password, "PGSSLMODE=disable")
	return append(env, l.env...)
}

// path is a file in the lab's folder.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) write(name, text string) string {
	l.t.Helper()
	file := l.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		l.t.Fatal(err)
	}
	return file
}

func (l *lab) read(name string) string {
	l.t.Helper()
	text, err := os.ReadFile(l.path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
	return string(text)
}

// number reads a file that holds one.
func (l *lab) number(name string) int {
	l.t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(l.read(name)))
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// await waits for a file of the lab.
func (l *lab) await(name string) {
	l.t.Helper()
	await(l.t, "the file "+name, func() bool {
		_, err := os.Stat(l.path(name))
		return err == nil
	})
}

// patience is what a busy machine may need; nothing asserts speed.
const patience = 90 * time.Second

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("%s has not come", what)
}

// job is one run of groundwork.
type job struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	// tty is set for one that runs at a terminal; its output is what the terminal shows.
	tty         *os.File
	out, errOut lockedBuffer
	ended       chan struct{}
}

// lockedBuffer is written and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs groundwork exec without a terminal, as CI does.
func (l *lab) start(args ...string) *job {
	l.t.Helper()
	return l.startIn(l.dir, nil, args...)
}

func (l *lab) startIn(dir string, env []string, args ...string) *job {
	l.t.Helper()
	j := l.job(dir, env, args)
	j.begin()
	return j
}

// begin starts the job without a terminal.
func (j *job) begin() {
	j.t.Helper()
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	j.cmd.Stdout, j.cmd.Stderr = &j.out, &j.errOut
	// A grandchild that outlives its parents must not keep the test waiting for its output.
	j.cmd.WaitDelay = 10 * time.Second
	if err := j.cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	j.watch(func() {})
}

// startTTY runs groundwork exec at a terminal of its own.
func (l *lab) startTTY(args ...string) *job {
	l.t.Helper()
	j := l.job(l.dir, nil, args)
	tty, err := pty.Start(j.cmd)
	if err != nil {
		l.t.Fatal(err)
	}
	j.tty = tty
	copied := make(chan struct{})
	go func() {
		_, _ = io.Copy(&j.out, tty) // ends with an error when the terminal closes
		close(copied)
	}()
	j.watch(func() { <-copied; _ = tty.Close() })
	return j
}

func (l *lab) job(dir string, env, args []string) *job {
	l.t.Helper()
	j := &job{t: l.t, name: strings.Join(args, " "), ended: make(chan struct{})}
	j.cmd = exec.Command(groundwork(l.t), append([]string{"exec"}, args...)...)
	j.cmd.Dir, j.cmd.Env = dir, append(l.environ(), env...)
	return j
}

func (j *job) watch(after func()) {
	go func() {
		_ = j.cmd.Wait() // ProcessState says how it ended
		after()
		close(j.ended)
	}()
	j.t.Cleanup(func() {
		select {
		case <-j.ended:
		default:
			_ = j.cmd.Process.Kill()
			<-j.ended
		}
	})
}

// wait returns the exit code, -1 for one that a signal ended.
func (j *job) wait() int {
	j.t.Helper()
	select {
	case <-j.ended:
	case <-time.After(2 * time.Minute):
		j.t.Fatalf("%s does not end:\n%s%s", j.name, j.out.String(), j.errOut.String())
	}
	return j.cmd.ProcessState.ExitCode()
}

// ends waits for an exit code.
func (j *job) ends(want int) {
	j.t.Helper()
	if code := j.wait(); code != want {
		j.t.Fatalf("%s: exit code %d, want %d\n%s%s", j.name, code, want, j.out.String(), j.errOut.String())
	}
}

// says waits for a text on standard error, or at the terminal.
func (j *job) says(text string) {
	j.t.Helper()
	heard := func() bool { return strings.Contains(j.errOut.String()+j.out.String(), text) }
	for end := time.Now().Add(patience); !heard(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			j.t.Fatalf("%s does not say %q (running: %t):\n%s%s", j.name, text, j.running(), j.out.String(), j.errOut.String())
		}
	}
}

// signal sends a signal to groundwork alone.
func (j *job) signal(s syscall.Signal) {
	j.t.Helper()
	if err := j.cmd.Process.Signal(s); err != nil {
		j.t.Fatal(err)
	}
}

// running tells that it has not ended.
func (j *job) running() bool {
	select {
	case <-j.ended:
		return false
	default:
		return true
	}
}
