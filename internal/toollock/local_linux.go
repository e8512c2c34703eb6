package toollock

import (
	"golang.org/x/sys/unix"
)

// Locks of open file descriptions keep out, and are kept out by, the locks of processes that the
// tools take. Unlike those they are not lost when some other handle of the file is closed.
const (
	setLock = unix.F_OFD_SETLK
	getLock = unix.F_OFD_GETLK
)
