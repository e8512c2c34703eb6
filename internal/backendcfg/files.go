package backendcfg

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The modes of what is created, where the caller does not say otherwise: these
// files are committed, and hold no secrets.
const (
	defaultFileMode = fs.FileMode(0o644)
	defaultDirMode  = fs.FileMode(0o755)
)

// FileOptions say where files may be, and how new ones are made.
type FileOptions struct {
	// Root is the directory that the file must be in, after symbolic links; empty
	// is the working directory. A path like ../other/backend.tf needs a root that
	// contains it.
	Root string
	// Mode is that of a new file, regardless of the umask; zero is 0644. An
	// existing file keeps its own.
	Mode fs.FileMode
	// CreateDirs makes missing parent directories.
	CreateDirs bool
}

// Write puts content at path, all of it or none.
func Write(path string, content []byte, o FileOptions) error {
	return Update(path, o, func([]byte, bool) ([]byte, error) { return content, nil })
}

// Update replaces the content of the file at path by what edit makes of it. The
// calls for one file, by whatever path, come one after the other within this
// process. The file is replaced atomically, and left untouched if edit fails or
// changes nothing. Nil for a file that does not exist creates none.
func Update(path string, o FileOptions, edit func(old []byte, exists bool) ([]byte, error)) error {
	return withFile(path, o, func(f *target) error {
		old, info, err := f.read()
		if err != nil {
			return err
		}
		content, err := edit(old, info != nil)
		if err != nil {
			return err
		}
		if info == nil && content == nil || info != nil && bytes.Equal(old, content) {
			return nil
		}
		return f.replace(content, info, o)
	})
}

// ReadFile reads the file at path by the same rules; exists is false, without an
// error, if it is not there.
func ReadFile(path string, o FileOptions) (content []byte, exists bool, err error) {
	err = withFile(path, o, func(f *target) error {
		c, info, err := f.read()
		content, exists = c, info != nil
		return err
	})
	return content, exists, err
}

// Delete removes the file at path if check, which sees its content, agrees. A
// file that is gone already is no error, and check is not called for it.
func Delete(path string, o FileOptions, check func(old []byte) error) error {
	return withFile(path, o, func(f *target) error {
		old, info, err := f.read()
		if err != nil || info == nil {
			return err
		}
		if err := check(old); err != nil {
			return err
		}
		if err := f.root.Remove(f.name); err != nil {
			return f.fail("cannot be removed", err)
		}
		return f.syncDir()
	})
}

// target is a located file, with the root opened: nothing done through it can
// leave the root, even if somebody swaps a directory for a link meanwhile.
type target struct {
	location
	root *os.Root
}

func (t *target) fail(reason string, err error) error {
	return &PathError{Path: t.path, Reason: reason, Err: err}
}

func withFile(path string, o FileOptions, do func(*target) error) error {
	loc, err := locate(path, o.Root)
	if err != nil {
		return err
	}
	defer fileLocks.lock(loc.full())()
	root, err := os.OpenRoot(loc.root)
	if err != nil {
		return &PathError{Path: loc.root, Reason: "the root cannot be opened", Err: err}
	}
	defer func() { _ = root.Close() }()
	return do(&target{location: loc, root: root})
}

// read gives the content and the file's own information, or nil for both if it
// does not exist.
func (t *target) read() ([]byte, fs.FileInfo, error) {
	info, err := t.root.Lstat(t.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, t.fail("cannot be read", err)
	case info.IsDir():
		return nil, nil, t.fail("is a directory; name a file in it", nil)
	case !info.Mode().IsRegular():
		return nil, nil, t.fail("is no regular file; remove it, or choose another path", nil)
	case info.Size() > maxSourceBytes:
		return nil, nil, t.fail(fmt.Sprintf("is %d bytes long, more than any configuration file should be", info.Size()), nil)
	}
	f, err := t.root.Open(t.name)
	if err != nil {
		return nil, nil, t.fail("cannot be read", err)
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, t.fail("cannot be read", err)
	}
	return content, info, nil
}

// replace writes beside the file, and renames over it.
func (t *target) replace(content []byte, old fs.FileInfo, o FileOptions) error {
	mode := defaultFileMode
	switch {
	case old != nil:
		mode = old.Mode().Perm()
	case o.Mode != 0:
		mode = o.Mode.Perm()
	}
	dir := filepath.Dir(t.name)
	if o.CreateDirs {
		if err := t.root.MkdirAll(dir, defaultDirMode); err != nil {
			return t.fail("its directory cannot be created", err)
		}
	} else if info, err := t.root.Stat(dir); err != nil || !info.IsDir() {
		return t.fail("its directory does not exist; create it first, or ask for it to be created", err)
	}
	temp := filepath.Join(dir, tempName(filepath.Base(t.name)))
	if err := t.writeTemp(temp, content, mode, old); err != nil {
		_ = t.root.Remove(temp)
		return t.fail("cannot be written", err)
	}
	if err := t.root.Rename(temp, t.name); err != nil {
		_ = t.root.Remove(temp)
		return t.fail("cannot be replaced", err)
	}
	return t.syncDir()
}

func (t *target) writeTemp(name string, content []byte, mode fs.FileMode, old fs.FileInfo) (err error) {
	f, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if old != nil {
		keepOwner(f, old)
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Sync()
}

func (t *target) syncDir() error {
	dir, err := t.root.Open(filepath.Dir(t.name))
	if err != nil {
		// It can be written to and not read: the change is made, and that is all.
		return nil //nolint:nilerr // see above
	}
	defer func() { _ = dir.Close() }()
	if err := syncDirectory(dir); err != nil {
		return t.fail("is written, but its directory cannot be made durable", err)
	}
	return nil
}

// tempName starts with a dot and ends in .tmp, so that no tool loads the file
// during the moment for which it exists.
func tempName(base string) string {
	const room = 100
	if len(base) > room {
		base = base[:room]
	}
	return "." + base + "." + rand.Text()[:10] + ".tmp"
}

// locks holds one mutex for each file in use.
type locks struct {
	mu    sync.Mutex
	files map[string]*fileLock
}

type fileLock struct {
	mu    sync.Mutex
	users int
}

var fileLocks = locks{files: map[string]*fileLock{}}

// lock waits for the file, and returns what releases it. Case is folded for the
// file systems that do so; elsewhere two files may wait for each other in vain,
// and briefly.
func (l *locks) lock(path string) (unlock func()) {
	path = strings.ToLower(path)
	l.mu.Lock()
	f := l.files[path]
	if f == nil {
		f = &fileLock{}
		l.files[path] = f
	}
	f.users++
	l.mu.Unlock()
	f.mu.Lock()
	return func() {
		f.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if f.users--; f.users == 0 {
			delete(l.files, path)
		}
	}
}
