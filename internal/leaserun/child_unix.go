//go:build unix

package leaserun

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// child is the running program.
type child struct {
	process *os.Process
	// shared tells that the child is in this process's group, at a terminal.
	shared bool
	ended  chan int
}

// relayed are the signals that are passed on. Those that a terminal sends are caught as well, so
// that this process outlives the child.
func relayed() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
}

// stops tells whether a signal asks to give up waiting.
func stops(s os.Signal) bool { return s != syscall.SIGUSR1 && s != syscall.SIGUSR2 }

// start starts the program. The thread that starts it lives until it ends: Linux sends the signal
// for the parent's death when that thread ends.
func start(cmd *exec.Cmd, onLost OnLost) (*child, error) {
	c := &child{shared: hasTerminal(), ended: make(chan int, 1)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !c.shared}
	signalOnDeath(cmd.SysProcAttr, onLost)
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.process = cmd.Process
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in ProcessState
			c.ended <- exitCode(cmd.ProcessState)
		}
	}()
	return c, <-started
}

// hasTerminal tells whether this process has a controlling terminal.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	_ = tty.Close() // it was only looked at
	return true
}

func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// relay passes a signal on. The terminal's own have reached a child in the same group already.
func (c *child) relay(s os.Signal) {
	sig, ok := s.(syscall.Signal)
	switch {
	case !ok:
	case sig == syscall.SIGINT || sig == syscall.SIGQUIT:
		if !c.shared {
			c.send(sig, true)
		}
	default:
		c.send(sig, false)
	}
}

// interrupt does what Ctrl-C would: in a group of its own, the child's children get it as well.
func (c *child) interrupt() { c.send(syscall.SIGINT, !c.shared) }

func (c *child) kill() { c.send(syscall.SIGKILL, !c.shared) }

// send sends a signal to the child or its group. It may have ended meanwhile.
func (c *child) send(sig syscall.Signal, group bool) {
	if group {
		_ = syscall.Kill(-c.process.Pid, sig)
		return
	}
	_ = c.process.Signal(sig)
}
