//go:build unix

package leaserun

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is the running program.
type child struct {
	process *os.Process
	// shared tells that the child is in this process's group, at a terminal.
	shared bool
	// parent is who started this process, and began when the child was there.
	parent int
	began  time.Time
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
	c := &child{shared: hasTerminal(), parent: os.Getppid(), ended: make(chan int, 1)}
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
	err := <-started
	c.began = time.Now()
	return c, err
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

// birth is how long after its start a child may have missed a key that was pressed before it: signals
// take a moment to get to a Go program. A child this young that gets one twice has nothing to lose.
const birth = 20 * time.Millisecond

// relay passes a signal on. The terminal's own have reached a child in the same group already, unless
// they came before it.
func (c *child) relay(s os.Signal) {
	sig, ok := s.(syscall.Signal)
	switch {
	case !ok:
	case sig != syscall.SIGINT && sig != syscall.SIGQUIT:
		c.send(sig, false)
	case !c.shared:
		c.send(sig, true)
	case time.Since(c.began) < birth:
		c.send(sig, false)
	case c.orphaned():
		c.spread(sig)
	}
}

// orphaned tells that the caller has died. An interrupt tells of that then (signalOnDeath), and not of a
// key; nobody has sent it to anybody else.
func (c *child) orphaned() bool { return os.Getppid() != c.parent }

// interrupt does what Ctrl-C would: the child's children get it as well.
func (c *child) interrupt() {
	if c.shared {
		c.spread(syscall.SIGINT)
		return
	}
	c.send(syscall.SIGINT, true)
}

// spread sends a signal to the child and to those of its descendants that a key of the terminal would
// reach. A program such as a shell, make or groundwork itself, which is sent an interrupt alone, counts
// on the terminal having sent it to all of them. The whole group is not for us to interrupt: a tee
// beside us would go, and with it the output that the child writes to.
func (c *child) spread(sig syscall.Signal) {
	own, front := syscall.Getpgrp(), foreground()
	held, release := c.hold(func(p process) bool { return p.group == own || p.group == front })
	// All have it before any goes on: a shell whose command dies of an interrupt that it has not seen
	// itself goes on with the next one.
	for _, p := range held {
		_ = c.signal(p, sig) // it may have ended meanwhile
	}
	release()
}

// kill ends the child and all that it has started.
func (c *child) kill() {
	if !c.shared {
		c.send(syscall.SIGKILL, true)
		return
	}
	held, _ := c.hold(func(process) bool { return true })
	for _, p := range held {
		_ = c.signal(p, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// send sends a signal to the child or its group. It may have ended meanwhile.
func (c *child) send(sig syscall.Signal, group bool) {
	if group {
		_ = syscall.Kill(-c.process.Pid, sig)
		return
	}
	_ = c.process.Signal(sig)
}
