// Package leaserun runs a program for as long as a lease is held: it waits for the lease, keeps it
// while the program runs, and gives it back when the program has ended, however it ended.
//
// The program keeps its terminal. Where there is one, it stays in the process group of the caller,
// so that the terminal's own signals (Ctrl-C, Ctrl-Z) reach it once and by themselves, and job
// control is the shell's as always. Where there is none, as in CI, it gets a group of its own, and
// every signal that the caller gets is passed on to it.
package leaserun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// OnLost says what to do when the lease is lost while the program runs.
type OnLost string

// The choices.
const (
	// Interrupt sends an interrupt, as Ctrl-C would, and lets the program finish writing.
	Interrupt OnLost = "interrupt"
	// Warn only says so.
	Warn OnLost = "warn"
	// Kill ends the program at once, also in the middle of a write.
	Kill OnLost = "kill"
)

// Signals say what becomes of the signals that come while the program runs and that a terminal has not
// sent.
type Signals string

// The choices.
const (
	// Pass passes them on to the program.
	Pass Signals = "pass"
	// Leave leaves them to whoever sends them. Some send a signal to all processes of a job, and a program
	// that got it twice, like Terraform, would stop at once and not write what it has done.
	Leave Signals = "leave"
)

// Options say what to run under which lease.
type Options struct {
	Store   lease.Store
	Request lease.Request
	// Timeout is how long to wait for the lease; 0 does not wait.
	Timeout time.Duration
	// OnLost is Interrupt if empty.
	OnLost OnLost
	// Signals is Pass if empty.
	Signals Signals
	// Args are the program and its arguments.
	Args []string
	// Env is the environment of the program; nil is that of this process.
	Env []string
	// Stdin, Stdout and Stderr are handed to the program as they are; nil is the null device.
	Stdin, Stdout, Stderr *os.File
	// Events tells what happens; every function may be nil. Several may be called at the same time.
	Events Events
}

// Events are calls for those who watch.
type Events struct {
	// Waiting is called when the wait begins and whenever the holder changes.
	Waiting func(holder lease.Held)
	// Acquired is called once, before the program starts.
	Acquired func(g lease.Grant)
	// Inherited is called instead, when a caller further up holds the lease already.
	Inherited func(name string)
	// Kept is called with every change of how certain it is that the lease lasts; for a lost one
	// before anything is done about it.
	Kept func(e lease.Event)
	// Unreleased is called when the lease could not be given back. It ends by itself, unless the error
	// matches lease.ErrLost: then it was lost unnoticed, after the last renewal.
	Unreleased func(err error, g lease.Grant)
}

// InterruptedError is a signal that came before the program was started. The lease is nobody's then.
type InterruptedError struct {
	// Before is what did not happen any more.
	Before string
}

// Error implements error.
func (e *InterruptedError) Error() string { return "interrupted before " + e.Before }

// Is matches context.Canceled.
func (e *InterruptedError) Is(target error) bool { return target == context.Canceled }

// releaseTime bounds giving the lease back: the program has ended, and its caller waits.
const releaseTime = 15 * time.Second

// Run runs the program and returns its exit code: 128+n if signal n ended it, as shells have it, and
// 127 or 126 if there is no such program or it cannot be run. The error is a *lease.HeldError when
// the lease could not be had in time, and context.Canceled when it was interrupted before the program
// was started.
func Run(ctx context.Context, o Options) (code int, err error) {
	path, err := exec.LookPath(o.Args[0])
	if err != nil {
		return notStarted(err), fmt.Errorf("run %s: %w", o.Args[0], err)
	}
	cmd := exec.Command(path, o.Args[1:]...) //nolint:gosec,noctx // it is what the user asked for, and ends by itself
	cmd.Args[0] = o.Args[0]
	stdio(cmd, o)
	cmd.Env = o.Env
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	signals := make(chan os.Signal, 16)
	// What this process was told to ignore, as by nohup, is ignored by the program as well.
	signal.Notify(signals, slices.DeleteFunc(relayed(), signal.Ignored)...)
	defer signal.Stop(signals)
	if inherits(ctx, o, cmd.Env) {
		call(o.Events.Inherited, o.Request.Name)
		return supervise(cmd, o, signals, nil)
	}
	if o.Request.Info, err = o.Request.Info.Complete(); err != nil {
		return 0, fmt.Errorf("describe the lock: %w", err)
	}
	grant, err := acquire(ctx, o, signals)
	if err != nil {
		return 0, err
	}
	call(o.Events.Acquired, grant)
	if cmd.Env, err = handDown(cmd.Env, grant); err != nil {
		return 0, errors.Join(err, release(o, grant))
	}
	k := lease.Keep(o.Store, grant, lease.KeepOptions{OnEvent: o.Events.Kept})
	code, err = supervise(cmd, o, signals, k.Lost())
	k.Stop()
	if errors.Is(k.Err(), lease.ErrLost) {
		return code, err // said already; what the table holds is not ours to touch
	}
	if failed := release(o, k.Grant()); failed != nil && o.Events.Unreleased != nil {
		o.Events.Unreleased(failed, k.Grant())
	}
	return code, err
}

// stdio hands over what there is; the program gets the null device for what is nil. A nil *os.File in
// cmd would start it with that descriptor closed, and the first file that it opens would get the number.
func stdio(cmd *exec.Cmd, o Options) {
	if o.Stdin != nil {
		cmd.Stdin = o.Stdin
	}
	if o.Stdout != nil {
		cmd.Stdout = o.Stdout
	}
	if o.Stderr != nil {
		cmd.Stderr = o.Stderr
	}
}

// acquire waits for the lease until it is there, the time is over, or a signal asks to stop.
func acquire(ctx context.Context, o Options, signals <-chan os.Signal) (lease.Grant, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		grant lease.Grant
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		g, err := o.Store.Acquire(ctx, o.Request, lease.Wait{Timeout: o.Timeout, OnWait: o.Events.Waiting})
		done <- answer{g, err}
	}()
	interrupted := false
	for {
		select {
		case a := <-done:
			if interrupted && a.err == nil {
				return lease.Grant{}, errors.Join(&InterruptedError{Before: o.Args[0] + " was started"}, release(o, a.grant))
			}
			if interrupted {
				return lease.Grant{}, &InterruptedError{Before: fmt.Sprintf("the lock %q could be had", o.Request.Name)}
			}
			return a.grant, a.err
		case s := <-signals:
			if stops(s) {
				interrupted = true
				cancel()
			}
		}
	}
}

// supervise runs the program, passes signals on, and acts when the lease is lost. What asks to stop
// before the program is there keeps it from being started.
func supervise(cmd *exec.Cmd, o Options, signals <-chan os.Signal, lost <-chan struct{}) (int, error) {
	if stopped(signals) {
		return 0, &InterruptedError{Before: o.Args[0] + " was started"}
	}
	c, err := start(cmd, o.OnLost)
	if err != nil {
		return notStarted(err), fmt.Errorf("run %s: %w", o.Args[0], err)
	}
	for {
		select {
		case code := <-c.ended:
			return code, nil
		case s := <-signals:
			// The interrupt of a caller's death is for this process alone. Any other signal may come when a
			// shell that got it as well has ended before.
			if o.Signals != Leave || s == os.Interrupt && c.orphaned() {
				c.relay(s)
			}
		case <-lost:
			lost = nil
			switch o.OnLost {
			case Warn:
			case Kill:
				c.kill()
			default:
				c.interrupt()
			}
		}
	}
}

// stopped takes the signals that have come, and tells whether one of them asks to stop.
func stopped(signals <-chan os.Signal) bool {
	for {
		select {
		case s := <-signals:
			if stops(s) {
				return true
			}
		default:
			return false
		}
	}
}

// release gives the lease back, and does not hang for long where that cannot be done.
func release(o Options, g lease.Grant) error {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	return o.Store.Release(ctx, g)
}

// notStarted is the exit code of shells for a program that cannot be started.
func notStarted(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return 127
	}
	return 126
}

func call[T any](f func(T), v T) {
	if f != nil {
		f(v)
	}
}
