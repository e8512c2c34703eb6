//go:build unix

package leaserun

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// process is one line of the system's table of processes.
type process struct{ pid, parent, group int }

// descendants are the processes below one, nearest first. A table that cannot be read has none.
func descendants(pid int) []process {
	all, err := processes()
	if err != nil {
		return nil
	}
	var found []process
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
