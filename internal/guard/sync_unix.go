//go:build !windows

package guard

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// syncDir writes a directory's entries to the disk; name is below root unless root is nil.
func syncDir(root *os.Root, name string) error {
	var (
		dir *os.File
		err error
	)
	if root == nil {
		dir, err = os.Open(name) //nolint:gosec // the folder that the user named
	} else {
		dir, err = root.Open(name)
	}
	if err != nil {
		return fmt.Errorf("opening the backup folder: %w", err)
	}
	synced := dir.Sync()
	if errors.Is(synced, syscall.EINVAL) || errors.Is(synced, syscall.ENOTSUP) {
		synced = nil // a file system that has no such thing, as some network ones
	}
	if err = errors.Join(synced, dir.Close()); err != nil {
		return fmt.Errorf("writing the backup folder to the disk: %w", err)
	}
	return nil
}
