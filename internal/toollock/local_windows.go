package toollock

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// keepsOpenFiles tells that the system removes no file that is open.
const keepsOpenFiles = true

// lockFile takes the lock that the tools take, on the same range of bytes, or fails with errLocked.
func lockFile(file *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 0, math.MaxUint32, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

// lockHolder is 0 if nobody has locked a file, and -1 if somebody has: Windows does not say who. It
// has to try, and so keeps the tools out for an instant.
func lockHolder(path string) (pid int, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // #nosec G304 -- the state file that the caller names
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }() // which gives the lock back
	err = lockFile(file)
	if errors.Is(err, errLocked) {
		return -1, nil
	}
	return 0, err
}
