package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// lock takes the lock of the operating system on a file, which ends with the process that holds it,
// so that there is no stale lock to detect. The file itself stays.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- in the cache
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		held, err := tryLock(file)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
		}
		if held {
			return file.Close, nil // closing releases the lock
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%s is held: %w", path, context.Cause(ctx)), file.Close())
		case <-ticker.C:
		}
	}
}
