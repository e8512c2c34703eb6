//go:build unix

package leaserun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// free is a table whose one lock is always free, and that notes what is given back. What real ones do
// is tested where they are.
type free struct {
	lease.Store
	released bool
}

func (*free) List(context.Context) ([]lease.Held, error) { return nil, nil }

func (*free) Acquire(_ context.Context, r lease.Request, _ lease.Wait) (lease.Grant, error) {
	return lease.Grant{Name: r.Name, Fence: 1, Duration: time.Minute, Sent: time.Now(), Info: r.Info}, nil
}

func (f *free) Release(context.Context, lease.Grant) error {
	f.released = true
	return nil
}

// asChild makes this test program, started again, run something under a lock instead of its tests.
const asChild = "LEASERUN_TEST_MARK"

func TestMain(m *testing.M) {
	if mark := os.Getenv(asChild); mark != "" {
		interruptedAtTheGrant(mark)
		return
	}
	if os.Getenv(asTree) != "" {
		grow()
		return
	}
	os.Exit(m.Run())
}

// asTree makes this test program, started again, start one program after the other.
const asTree = "LEASERUN_TEST_TREE"

func grow() {
	for range 300 {
		cmd := exec.Command("sleep", "60")
		cmd.Stdout = os.Stdout
		if err := cmd.Start(); err != nil {
			panic(err)
		}
	}
	time.Sleep(time.Minute)
}

// interruptedAtTheGrant does what the terminal does when Ctrl-C is pressed after the lock is there and
// before the program is.
func interruptedAtTheGrant(mark string) {
	store := &free{}
	code, err := Run(context.Background(), Options{
		Store: store, Request: lease.Request{Name: "x"}, Args: []string{"touch", mark},
		Events: Events{Acquired: func(lease.Grant) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				panic(err)
			}
			time.Sleep(200 * time.Millisecond) // the signal gets here
		}},
	})
	fmt.Printf("terminal %t, released %t, code %d, %v\n", hasTerminal(), store.released, code, err)
}

// Ctrl-C between the grant and the start of the program: the program is not started, and the lock is
// given back.
func TestInterruptBetweenGrantAndStart(t *testing.T) {
	for name, terminal := range map[string]bool{"terminal": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			mark := filepath.Join(t.TempDir(), "ran")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), asChild+"="+mark)
			out, err := output(cmd, terminal)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want := fmt.Sprintf("terminal %t, released true, code 0, interrupted before touch was started", terminal)
			if !strings.Contains(out, want) {
				t.Errorf("it says %q, want %q", out, want)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("the program ran")
			}
		})
	}
}

// output runs a program at a terminal of its own, or in a session without one.
func output(cmd *exec.Cmd, terminal bool) (string, error) {
	if !terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	tty, err := pty.Start(cmd)
	if err != nil {
		return "", err
	}
	defer func() { _ = tty.Close() }() // nothing is written to it
	out, _ := io.ReadAll(tty)          // ends with an error when the terminal closes
	return string(out), cmd.Wait()
}

// A child that is just being started may have missed the key, so that it is sent on; an older one has
// got it from the terminal.
func TestRelayAtATerminal(t *testing.T) {
	for name, tc := range map[string]struct {
		c    child
		sent bool
	}{
		"at birth":         {child{shared: true, parent: os.Getppid(), began: time.Now().Add(time.Hour)}, true},
		"later":            {child{shared: true, parent: os.Getppid(), began: time.Now().Add(-time.Hour)}, false},
		"the caller died":  {child{shared: true, parent: -1, began: time.Now().Add(-time.Hour)}, true},
		"without terminal": {child{parent: os.Getppid(), began: time.Now().Add(-time.Hour)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sleep", "60")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			tc.c.process = cmd.Process
			tc.c.relay(syscall.SIGINT)
			if !tc.sent {
				_ = cmd.Process.Signal(syscall.SIGTERM) // signals of one sender arrive in order of their numbers, and INT is first
			} else {
				time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
			}
			_ = cmd.Wait() // how it ended stands in ProcessState
			want := 128 + int(syscall.SIGTERM)
			if tc.sent {
				want = 128 + int(syscall.SIGINT)
			}
			if code := exitCode(cmd.ProcessState); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
		})
	}
}

// startTree is a shell, its child and what that started, in a group of their own.
func startTree(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", "sh -c 'sleep 60; :' & wait; :")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
	})
	return cmd
}

// A child, its child and what that started are found, and nobody else.
func TestDescendants(t *testing.T) {
	cmd := startTree(t)
	var found []process
	for end := time.Now().Add(30 * time.Second); len(found) < 3; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 30 s there is %+v below the shell", found)
		}
		found = family(cmd.Process.Pid)
	}
	if len(found) != 3 || found[0].pid != cmd.Process.Pid || found[1].parent != found[0].pid || found[2].parent != found[1].pid || found[2].group != cmd.Process.Pid {
		t.Errorf("from %d on there is %+v", cmd.Process.Pid, found)
	}
}

// A signal for the tree finds it growing: a program that is started at that moment does not miss it.
func TestSignalsReachAGrowingTree(t *testing.T) {
	for name, send := range map[string]func(*child){"interrupt": (*child).interrupt, "kill": (*child).kill} {
		t.Run(name, func(t *testing.T) {
			alive, inherited, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			// Not a shell: between its fork and its exec it takes an interrupt for its own and forgets it.
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), asTree+"=1")
			cmd.Stdout = inherited // all that the tree is of has it
			if err := errors.Join(cmd.Start(), inherited.Close()); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(30 * time.Second); len(family(cmd.Process.Pid)) < 10; {
				if time.Now().After(end) {
					t.Fatal("it does not grow")
				}
			}
			time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() }) // a test that fails does not hang
			send(&child{shared: true, process: cmd.Process, parent: os.Getppid(), began: time.Now()})
			_ = cmd.Wait() // how it ended stands in ProcessState
			if err := alive.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := alive.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("some of it live on: %v", err)
			}
			if code := exitCode(cmd.ProcessState); code != 128+int(syscall.SIGINT) && code != 128+int(syscall.SIGKILL) {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// One that is held and loses its parent meanwhile is in nobody's family any more, and is let go with the
// others.
func TestHoldReleasesOrphans(t *testing.T) {
	cmd := startTree(t)
	wait := func(what string, done func() bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited 30 s for: %s", what)
			}
		}
	}
	var found []process
	wait("two below the shell", func() bool { found = family(cmd.Process.Pid); return len(found) == 3 })
	middle, last := found[1], found[2]
	looks := 0
	held, release := (&child{process: cmd.Process}).hold(func(p process) bool {
		if p.pid != middle.pid {
			return true
		}
		if looks++; looks == 2 {
			if err := syscall.Kill(middle.pid, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
			wait("the orphan", func() bool { return !contains(family(cmd.Process.Pid), last.pid) })
		}
		return true
	})
	if !contains(held, last.pid) {
		t.Errorf("%d is not in %+v", last.pid, held)
	}
	release()
	wait("it goes on", func() bool { now := family(last.pid)[0]; return now.parent != 0 && !now.still })
}
