//go:build unix

package toollock

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// keepsOpenFiles tells that the system removes no file that is open.
const keepsOpenFiles = false

// lockFile takes the lock on the whole file that the tools take, or fails with errLocked.
func lockFile(file *os.File) error {
	err := unix.FcntlFlock(file.Fd(), setLock, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart})
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EAGAIN) {
		return errLocked
	}
	return err
}

// lockHolder is the process that has locked a file, 0 if none has, and -1 if the system does not
// say which one.
func lockHolder(path string) (pid int, err error) {
	file, err := os.Open(path) // #nosec G304 -- the state file that the caller names
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(file.Fd(), getLock, &lock); err != nil {
		return 0, err
	}
	switch {
	case lock.Type == unix.F_UNLCK:
		return 0, nil
	case lock.Pid <= 0:
		return -1, nil
	}
	return int(lock.Pid), nil
}
