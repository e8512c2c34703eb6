package proc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	defaultStartTimeout = time.Minute
	portAttempts        = 5
	pollInterval        = 20 * time.Millisecond
	probeTimeout        = 5 * time.Second
	defaultGrace        = 10 * time.Second
	killTimeout         = 10 * time.Second
)

// Server describes a program that serves on one TCP port of the loopback interface.
type Server struct {
	// Name is what errors call it.
	Name string
	// Path is the program; Args returns its arguments for a port.
	Path string
	Args func(port int) []string
	// Env is the whole environment of the program and Dir its working directory.
	Env []string
	Dir string
	// Sys says how else the program is started, such as a Credential for a server that refuses to
	// run as root. The tie to this process is added to it.
	Sys *syscall.SysProcAttr
	// Ready is asked until it returns nil. It must prove that this very server answers, as a signed
	// request with its random credentials does: another program may have taken the port.
	Ready func(ctx context.Context, port int) error
	// Deaf tells from its log that the program could not bind the port, for one that then goes on
	// without serving; nil for one that ends.
	Deaf func(log string) bool
	// StartTimeout bounds the wait for Ready; zero means a minute.
	StartTimeout time.Duration
	// Secrets are replaced wherever the log is repeated.
	Secrets []string

	// pickPort and grace, the time that a server has to end politely, are set by tests.
	pickPort func() (int, error)
	grace    time.Duration
}

// StartError says why a server did not come up, with the end of its log.
type StartError struct {
	Server string
	Err    error
	Log    string
}

// Error implements error.
func (e *StartError) Error() string {
	log := e.Log
	if log == "" {
		log = "(it printed nothing)"
	}
	return fmt.Sprintf("starting %s: %v\nthe end of its log:\n%s", e.Server, e.Err, log)
}

// Unwrap returns why the server did not come up.
func (e *StartError) Unwrap() error { return e.Err }

// Process is a running server.
type Process struct {
	name  string
	port  int
	grace time.Duration
	cmd   *exec.Cmd
	log   *tailBuffer

	exited  chan struct{}
	exitErr error // set before exited is closed

	stopOnce sync.Once
	stopErr  error
}

var errPortTaken = errors.New("another program took the port before the server could bind it")

// Start starts the server on a free port and waits until it serves. The context bounds the start;
// the server then runs until Stop, or until this process ends.
func (s Server) Start(ctx context.Context) (*Process, error) {
	pick := s.pickPort
	if pick == nil {
		pick = freePort
	}
	timeout := cmp.Or(s.StartTimeout, defaultStartTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it did not serve within %s", timeout))
	defer cancel()

	var err error
	for range portAttempts {
		var port int
		if port, err = pick(); err != nil {
			return nil, &StartError{Server: s.Name, Err: fmt.Errorf("finding a free port: %w", err)}
		}
		var p *Process
		if p, err = s.startOn(ctx, port); err == nil {
			return p, nil
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, err
}

func (s Server) startOn(ctx context.Context, port int) (*Process, error) {
	p := &Process{
		name: s.Name, port: port, grace: cmp.Or(s.grace, defaultGrace), exited: make(chan struct{}),
		log: &tailBuffer{secrets: s.Secrets},
	}
	p.cmd = exec.Command(s.Path, s.Args(port)...) //nolint:gosec,noctx // the caller names the program, and it outlives the context of its start
	p.cmd.Env, p.cmd.Dir = s.Env, s.Dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	if s.Sys != nil {
		*p.cmd.SysProcAttr = *s.Sys
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.WaitDelay = time.Second

	if err := p.launch(); err != nil {
		return nil, &StartError{Server: s.Name, Err: err}
	}
	if err := p.await(ctx, s.Ready, s.Deaf); err != nil {
		if stopErr := p.Stop(); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
		return nil, &StartError{Server: s.Name, Err: err, Log: p.Log()}
	}
	return p, nil
}

// launch starts the program from a thread that lives as long as the program: on Linux the tie to
// the parent is a tie to the thread that forked.
func (p *Process) launch() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		release, err := startTied(p.cmd)
		started <- err
		if err != nil {
			return
		}
		p.exitErr = p.cmd.Wait()
		release()
		close(p.exited)
	}()
	return <-started
}

func (p *Process) await(ctx context.Context, ready func(context.Context, int) error, deaf func(string) bool) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := probe(ctx, p.port, ready)
		if err == nil {
			return nil
		}
		if deaf != nil && deaf(p.Log()) {
			return errPortTaken
		}
		select {
		case <-p.exited:
			if portTaken(p.port) {
				return errPortTaken
			}
			return fmt.Errorf("it ended before it served: %w", p.exitReason())
		case <-ctx.Done():
			return fmt.Errorf("%w; the last check said: %w", context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

func probe(ctx context.Context, port int, ready func(context.Context, int) error) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return ready(ctx, port)
}

// Port returns the port that the server listens on.
func (p *Process) Port() int { return p.port }

// PID returns the process id of the server.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the end of what the server printed, without secrets.
func (p *Process) Log() string { return p.log.String() }

// Exited is closed when the server has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Stop ends the server: politely, then by force. It is safe to call more than once. An error means
// that the server may still be running.
func (p *Process) Stop() error {
	p.stopOnce.Do(func() { p.stopErr = p.stop() })
	return p.stopErr
}

func (p *Process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err == nil && p.endsWithin(p.grace) {
		return nil
	}
	// Windows has no SIGTERM, and a server may sit on its open connections.
	err := p.cmd.Process.Kill()
	if p.endsWithin(killTimeout) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("it has not ended %s after it was killed", killTimeout)
	}
	return fmt.Errorf("stopping %s (process %d): %w; end it by hand", p.name, p.PID(), err)
}

func (p *Process) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

func (p *Process) exitReason() error {
	if p.exitErr == nil {
		return errors.New("exit status 0")
	}
	return p.exitErr
}

// Ports below those that systems hand out by themselves: one of the latter may become the near end of
// somebody's connection between the look at it and the server's bind.
const firstPort, lastPort = 10000, 32000

// freePort finds a port that is free. Between this and the server's bind another program may take
// it; Start then tries another one.
func freePort() (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort) // #nosec G404 -- not a secret
		if !portTaken(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("a hundred ports between %d and %d are taken", firstPort, lastPort)
}

func portTaken(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // binding does not block
	if err != nil {
		return true
	}
	_ = listener.Close()
	return false
}

// CleanEnv returns an environment that holds what programs need to run at all, and the given
// NAME=value pairs: nothing of the caller's configuration leaks into a server or a CLI.
func CleanEnv(home string, pairs ...string) []string {
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "TMPDIR=" + os.TempDir(), "TEMP=" + os.TempDir(), "TMP=" + os.TempDir()}
	for _, name := range []string{"PATH", "SYSTEMROOT", "SYSTEMDRIVE", "PATHEXT", "COMSPEC"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, pairs...)
}
