package toollock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Local is the lock of the local backend on a state file: fcntl on Unix and LockFileEx on Windows, on
// the state file itself, with a note about the holder beside it (.<state>.lock.info).
//
// It protects one file from runs of Terraform, OpenTofu and groundwork on the same machine; over NFS
// it is as good as the file server's own locks. It ends with the process that holds it, however that
// dies: only the note stays, which keeps nobody out. So a living process cannot be robbed of it.
type Local struct{ path string }

// NewLocal is the lock of a local state file, which need not exist yet.
func NewLocal(path string) *Local {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return &Local{path: path}
}

// Kind implements Place.
func (l *Local) Kind() Kind { return KindLocal }

// String implements Place.
func (l *Local) String() string { return l.note() }

// note is the file that says who holds the lock.
func (l *Local) note() string {
	dir, name := filepath.Split(l.path)
	return filepath.Join(dir, "."+strings.TrimPrefix(name, ".")+".lock.info")
}

// own are the locks of this process. On Unix a process does not keep itself out, and there but on
// Linux it loses a lock with the first handle of the file that it closes, so that files of its own
// are not even opened.
var own = struct {
	sync.Mutex
	locks map[string]Lock
}{locks: map[string]Lock{}}

func ownLock(path string) (Lock, bool) {
	own.Lock()
	defer own.Unlock()
	l, ok := own.locks[path]
	return l, ok
}

// errLocked means that another process holds the lock on a file.
var errLocked = errors.New("the file is locked")

// Acquire implements Place.
func (l *Local) Acquire(_ context.Context, info lease.Info) (*Grant, error) {
	own.Lock()
	defer own.Unlock()
	if held, ok := own.locks[l.path]; ok {
		return nil, &HeldError{Locks: []Lock{held}}
	}
	file, created, err := l.open()
	if errors.Is(err, errLocked) {
		held, err := l.seen(nil)
		if err != nil {
			return nil, err
		}
		return nil, &HeldError{Locks: []Lock{held}}
	}
	if err != nil {
		return nil, fmt.Errorf("locking the state file %s: %w", l.path, err)
	}
	info = complete(info, l.path)
	data := encode(info)
	if err := replaceFile(l.note(), data); err != nil {
		return nil, errors.Join(fmt.Errorf("locking the state file %s: %w", l.path, err), l.close(file, created))
	}
	held := l.lock(data)
	held.PID = os.Getpid()
	own.locks[l.path] = held
	grant := &Grant{Lock: held, release: func(context.Context) error {
		own.Lock()
		defer own.Unlock()
		if _, ok := own.locks[l.path]; !ok {
			return lost(held)
		}
		delete(own.locks, l.path)
		var err error
		if now, readErr := os.ReadFile(l.note()); readErr == nil && string(now) == string(data) {
			err = os.Remove(l.note())
		}
		return errors.Join(err, l.close(file, created))
	}}
	return grant.keep(), nil
}

// open opens and locks the state file, which is made if there is none.
func (l *Local) open() (file *os.File, created bool, err error) {
	for range tries {
		_, err = os.Stat(l.path)
		created = errors.Is(err, fs.ErrNotExist)
		if err := os.MkdirAll(filepath.Dir(l.path), 0o750); err != nil {
			return nil, false, err
		}
		// #nosec G302 G304 -- the state file that the caller names, with the mode that the tools give it
		if file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
			return nil, false, err
		}
		if err = lockFile(file); err != nil {
			return nil, false, errors.Join(err, file.Close())
		}
		// The tools remove an empty state file that they have made themselves. A lock on a file that has
		// no name any more keeps nobody out.
		if l.isStill(file) {
			return file, created, nil
		}
		if err = file.Close(); err != nil {
			return nil, false, err
		}
	}
	return nil, false, errors.New("the file is removed again and again")
}

func (l *Local) isStill(file *os.File) bool {
	open, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(l.path)
	return err == nil && os.SameFile(open, named)
}

// close gives the lock back, and takes away a file that was made for the lock alone.
func (l *Local) close(file *os.File, created bool) error {
	var remove error
	if stat, err := file.Stat(); err == nil && created && stat.Size() == 0 && l.isStill(file) {
		if remove = os.Remove(l.path); remove != nil && keepsOpenFiles {
			// Windows removes no file that is open.
			err := file.Close()
			return errors.Join(err, os.Remove(l.path))
		}
	}
	return errors.Join(remove, file.Close())
}

func (l *Local) lock(data []byte) Lock {
	out := Lock{Kind: KindLocal, Place: l.note(), Protects: l.path, at: l, version: string(data)}
	if data != nil {
		out.decode(data)
	}
	return out
}

// seen reads the note beside a file that is locked by holder.
func (l *Local) seen(holder *int) (Lock, error) {
	data, err := os.ReadFile(l.note())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Lock{}, fmt.Errorf("reading who has locked the state file %s: %w", l.path, err)
	}
	out := l.lock(data)
	if holder == nil {
		pid := 0
		if pid, err = lockHolder(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Lock{}, fmt.Errorf("asking who has locked the state file %s: %w", l.path, err)
		}
		holder = &pid
	}
	out.PID = max(*holder, 0)
	return out, nil
}

// Inspect implements Place.
func (l *Local) Inspect(context.Context) ([]Lock, error) {
	if held, ok := ownLock(l.path); ok {
		return []Lock{held}, nil
	}
	pid, err := lockHolder(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("asking who has locked the state file %s: %w", l.path, err)
	}
	if pid == 0 {
		data, err := os.ReadFile(l.note())
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading who has locked the state file %s: %w", l.path, err)
		}
		out := l.lock(data)
		out.Leftover = true
		return []Lock{out}, nil
	}
	out, err := l.seen(&pid)
	if err != nil {
		return nil, err
	}
	return []Lock{out}, nil
}

// AliveError means that a lock cannot be broken, since it ends with the process that holds it and
// not before.
type AliveError struct{ Lock Lock }

// Error implements error.
func (e *AliveError) Error() string {
	return fmt.Sprintf("the lock on %s is held by a process that is alive, and cannot be taken from it: %s", e.Lock.Protects, e.Lock.Holder())
}

// Is matches lease.ErrHeld.
func (e *AliveError) Is(target error) bool { return target == lease.ErrHeld }

// Break implements Place: it removes the note that a dead process has left. The error is an
// *AliveError while the lock is held.
func (l *Local) Break(_ context.Context, seen Lock, by lease.Info) error {
	own.Lock()
	defer own.Unlock()
	if held, ok := own.locks[l.path]; ok {
		return &AliveError{Lock: held}
	}
	file, created, err := l.open()
	if errors.Is(err, errLocked) {
		held, err := l.seen(nil)
		if err != nil {
			return err
		}
		if held.version != seen.version {
			return changed(seen)
		}
		return &AliveError{Lock: held}
	}
	if err != nil {
		return fmt.Errorf("locking the state file %s: %w", l.path, err)
	}
	now, err := os.ReadFile(l.note())
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && string(now) != seen.version:
		return errors.Join(changed(seen), l.close(file, created))
	case err == nil:
		err = os.Remove(l.note())
	}
	if err = errors.Join(err, l.close(file, created)); err != nil {
		return fmt.Errorf("removing %s: %w", l.note(), err)
	}
	r := newRecord(seen, by)
	return r.result(r.beside(filepath.Dir(l.path)))
}

// beside writes a record into a folder of the machine.
func (r Record) beside(dir string) error {
	file := filepath.Join(dir, filepath.FromSlash(r.key()))
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return replaceFile(file, r.encode())
}

// replaceFile writes a file whole or not at all.
func replaceFile(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".groundwork-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", file, err), os.Remove(tmp.Name()))
	}
	return nil
}
