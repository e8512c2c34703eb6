//go:build unix

package leaserun

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// process is one line of the system's table of processes.
type process struct {
	pid, parent, group int
	// still tells that it is stopped or dead, and starts no other one; deep that the system is at work for
	// it, and that it stops before it does anything more, such as one whose new program is just being
	// started.
	still, deep bool
}

// in sets what the first letter of a process's state tells.
func (p *process) in(state string) {
	p.still, p.deep = strings.IndexAny(state, "TtZX") == 0, strings.IndexAny(state, "DU") == 0
}

// family is a process and those below it, nearest first. A table that cannot be read has nobody but the
// one.
func family(pid int) []process {
	all, err := processes()
	self := slices.IndexFunc(all, func(p process) bool { return p.pid == pid })
	if err != nil || self < 0 {
		return []process{{pid: pid, still: true}}
	}
	found := []process{all[self]}
	for parents := []int{pid}; len(parents) > 0; {
		var next []int
		for _, p := range all {
			if slices.Contains(parents, p.parent) {
				found, next = append(found, p), append(next, p.pid)
			}
		}
		parents = next
	}
	return found
}

// foreground is the process group that the terminal's keys go to; 0 where that cannot be said.
func foreground() int {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return 0
	}
	defer func() { _ = tty.Close() }() // it was only looked at
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	if err != nil {
		return 0
	}
	return group
}
