package backendcfg

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// PathError is a path that cannot be written or read.
type PathError struct {
	Path   string
	Reason string
	// Err is the operating system's error, if there is one.
	Err error
}

// Error names the path, the reason and what to do.
func (e *PathError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Path, e.Reason, e.Err)
	}
	return e.Path + ": " + e.Reason
}

// Unwrap gives the operating system's error.
func (e *PathError) Unwrap() error { return e.Err }

// OutsideRootError is a path that leads out of the root, as written or through a
// symbolic link.
type OutsideRootError struct {
	Path string
	// Target is where it leads.
	Target string
	Root   string
}

// Error says where the path leads, and how to allow it.
func (e *OutsideRootError) Error() string {
	return fmt.Sprintf("%s leads to %s, outside of %s; move the file inside, or name a root that contains it", e.Path, e.Target, e.Root)
}

// maxLinks is how many symbolic links are followed before they count as a loop.
const maxLinks = 40

// location is a file inside a root: no link is left in root, nor in name's
// directory, nor is name a link itself.
type location struct {
	path string // as the caller wrote it
	root string
	name string // relative to root
}

func (l location) full() string { return filepath.Join(l.root, l.name) }

// locate resolves path, and follows it through symbolic links as long as they
// stay inside root, so that a link survives and its target is written. Relative
// paths start from the working directory, and so does an empty root.
func locate(path, root string) (location, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return location{}, &PathError{Path: path, Reason: "is no path; name the file"}
	}
	if last := path[len(path)-1]; os.IsPathSeparator(last) {
		return location{}, &PathError{Path: path, Reason: "names a directory; name the file"}
	}
	if root == "" {
		root = "."
	}
	realRoot, err := realPath(root)
	if errors.Is(err, fs.ErrNotExist) {
		return location{}, &PathError{Path: root, Reason: "the root does not exist; make the folder, or name one that does", Err: err}
	}
	if err != nil {
		return location{}, &PathError{Path: root, Reason: "the root cannot be resolved", Err: err}
	}
	at, err := filepath.Abs(path)
	if err != nil {
		return location{}, &PathError{Path: path, Reason: "cannot be resolved", Err: err}
	}
	for range maxLinks {
		dir, err := realDir(filepath.Dir(at))
		if err != nil {
			return location{}, &PathError{Path: path, Reason: "its directory cannot be resolved", Err: err}
		}
		at = filepath.Join(dir, filepath.Base(at))
		name, err := filepath.Rel(realRoot, at)
		if err != nil || !filepath.IsLocal(name) || name == "." {
			return location{}, &OutsideRootError{Path: path, Target: at, Root: realRoot}
		}
		target, err := os.Readlink(at)
		if err != nil {
			// Not a link, or not there yet.
			return location{path: path, root: realRoot, name: name}, nil //nolint:nilerr // that is an answer
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		at = target
	}
	return location{}, &PathError{Path: path, Reason: fmt.Sprintf("leads through more than %d symbolic links, which is a loop", maxLinks)}
}

func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// realDir resolves dir; the part of it that does not exist is kept as written.
func realDir(dir string) (string, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err == nil {
		return resolved, nil
	}
	parent := filepath.Dir(dir)
	if !errors.Is(err, fs.ErrNotExist) || parent == dir {
		return "", err
	}
	if _, err := os.Lstat(dir); err == nil {
		// A link that leads nowhere is not a directory to be made.
		return "", fmt.Errorf("%s is a symbolic link to nothing", dir)
	}
	if parent, err = realDir(parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(dir)), nil
}
