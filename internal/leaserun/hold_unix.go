//go:build unix

package leaserun

import (
	"errors"
	"slices"
	"syscall"
	"time"
)

// holdTime bounds how long processes get to stop: one that waits for a disk stops when that answers.
const holdTime = 3 * time.Second

// hold stops the child and those of its descendants that are wanted, and returns them, parents first.
// What goes on could start another one after it was looked for and before a signal gets to it, and that
// one would miss the signal. A key of the terminal reaches all of them at one moment. release lets
// those go on that were stopped here, children first, so that no shell among them takes its command for
// stopped. Nobody stays behind whom a later look does not find, since the parent died meanwhile.
func (c *child) hold(wanted func(process) bool) (held []process, release func()) {
	stopped := map[int]bool{} // false for those that are not ours to stop
	// A second look, since one that stopped during the first may have started another one just before.
	for calm, end := 0, time.Now().Add(holdTime); calm < 2 && time.Now().Before(end); {
		found, settled := c.stop(wanted, stopped)
		held = append(found, slices.DeleteFunc(held, func(p process) bool { return contains(found, p.pid) })...)
		if settled {
			calm++
		} else {
			calm = 0
			time.Sleep(time.Millisecond)
		}
	}
	return held, func() {
		for _, p := range slices.Backward(held) {
			if stopped[p.pid] {
				_ = c.signal(p, syscall.SIGCONT) // it may have ended meanwhile
			}
		}
	}
}

// stop looks who is there and stops those who are new. It is settled when all are still.
func (c *child) stop(wanted func(process) bool, stopped map[int]bool) (held []process, settled bool) {
	settled = true
	for _, p := range family(c.process.Pid) {
		if p.pid != c.process.Pid && !wanted(p) {
			continue
		}
		held = append(held, p)
		done, known := stopped[p.pid]
		switch {
		case p.still, known && (!done || p.deep):
		case known:
			settled = false
		default:
			stopped[p.pid] = !errors.Is(c.signal(p, syscall.SIGSTOP), syscall.EPERM)
			settled = false
		}
	}
	return held, settled
}

func contains(all []process, pid int) bool {
	return slices.ContainsFunc(all, func(p process) bool { return p.pid == pid })
}

// signal sends a signal to the child or one of its descendants. It may have ended meanwhile, and a child
// whose end is known is not asked for by its number, which another one may have by now.
func (c *child) signal(p process, sig syscall.Signal) error {
	if p.pid == c.process.Pid {
		return c.process.Signal(sig)
	}
	return syscall.Kill(p.pid, sig)
}
