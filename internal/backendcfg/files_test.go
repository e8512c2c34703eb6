package backendcfg

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// noLeftovers fails if dir holds a temporary file.
func noLeftovers(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".tmp") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	o := FileOptions{Root: dir}
	path := filepath.Join(dir, "backend.tf")
	for _, content := range []string{"one", "", strings.Repeat("long\n", 10000)} {
		if err := Write(path, []byte(content), o); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("got %d bytes, want %d", len(got), len(content))
		}
		got, exists, err := ReadFile(path, o)
		if err != nil || !exists || string(got) != content {
			t.Errorf("ReadFile: %q %v %v", got, exists, err)
		}
	}
	noLeftovers(t, dir)
	if _, exists, err := ReadFile(filepath.Join(dir, "nothing"), o); exists || err != nil {
		t.Errorf("got %v, %v", exists, err)
	}
}

func TestWriteLeavesIdenticalFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	o := FileOptions{Root: filepath.Dir(path)}
	if err := Write(path, []byte("same"), o); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("same"), o); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced by the same content: %v", err)
	}
	if err := Write(path, []byte("other"), o); err != nil {
		t.Fatal(err)
	}
	if after, err = os.Stat(path); err != nil || os.SameFile(before, after) {
		t.Errorf("the file was written in place, not replaced: %v", err)
	}
}

func TestWriteMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("Windows keeps only the write bit of a mode")
		return
	}
	dir := t.TempDir()
	mode := func(name string) fs.FileMode {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	write := func(name, content string, m fs.FileMode) {
		t.Helper()
		if err := Write(filepath.Join(dir, name), []byte(content), FileOptions{Root: dir, Mode: m}); err != nil {
			t.Fatal(err)
		}
	}
	write("default", "1", 0)
	write("given", "1", 0o640)
	write("given", "2", 0o600) // exists: keeps its own
	if err := os.WriteFile(filepath.Join(dir, "theirs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "theirs"), 0o755); err != nil { //nolint:gosec // the mode is what is tested
		t.Fatal(err)
	}
	write("theirs", "1", 0o600)
	for name, want := range map[string]fs.FileMode{"default": 0o644, "given": 0o640, "theirs": 0o755} {
		if got := mode(name); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "root")
	if err := os.MkdirAll(filepath.Join(root, "sub"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		path, root string
		want       any
	}{
		"directory":             {filepath.Join(root, "sub"), root, new(*PathError)},
		"directory by slash":    {filepath.Join(root, "new") + "/", root, new(*PathError)},
		"empty":                 {"", root, new(*PathError)},
		"NUL":                   {root + "/a\x00b", root, new(*PathError)},
		"missing parent":        {filepath.Join(root, "a", "b", "backend.tf"), root, new(*PathError)},
		"file as parent":        {filepath.Join(root, "file", "backend.tf"), root, new(*PathError)},
		"outside":               {filepath.Join(base, "backend.tf"), root, new(*OutsideRootError)},
		"outside by dots":       {root + "/sub/../../backend.tf", root, new(*OutsideRootError)},
		"a sibling's name":      {root + "2", root, new(*OutsideRootError)},
		"the root itself":       {root, root, new(*OutsideRootError)},
		"outside of the cwd":    {filepath.Join(root, "backend.tf"), "", new(*OutsideRootError)},
		"root is missing":       {filepath.Join(root, "backend.tf"), filepath.Join(base, "nowhere"), new(*PathError)},
		"root is a file":        {filepath.Join(root, "file"), filepath.Join(root, "file"), new(*OutsideRootError)},
		"through a root's file": {filepath.Join(root, "file", "x"), filepath.Join(root, "file"), new(*PathError)},
	} {
		t.Run(name, func(t *testing.T) {
			err := Write(tt.path, []byte("x"), FileOptions{Root: tt.root})
			if !errors.As(err, tt.want) {
				t.Errorf("got %T: %v, want %T", err, err, tt.want)
			}
			if _, err := os.Lstat(filepath.Join(base, "backend.tf")); err == nil {
				t.Error("a file was written outside of the root")
			}
		})
	}
	noLeftovers(t, base)
}

// TestWriteRelative: relative paths start from the working directory; dots need a
// root that contains where they lead.
func TestWriteRelative(t *testing.T) {
	base := t.TempDir()
	for _, d := range []string{"bootstrap", "environments/dev/infra"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(base, "bootstrap"))
	const path = "../environments/dev/infra/backend.tf"
	if err := Write(path, []byte("x"), FileOptions{}); !errors.As(err, new(*OutsideRootError)) {
		t.Errorf("without a root: got %v", err)
	}
	for i, root := range []string{"..", base, "../environments", "../bootstrap/.."} {
		content := fmt.Sprint(i)
		if err := Write(path, []byte(content), FileOptions{Root: root}); err != nil {
			t.Errorf("root %s: %v", root, err)
		} else if got := read(t, path); got != content {
			t.Errorf("root %s: got %q", root, got)
		}
	}
	if err := Write("backend.tf", []byte("here"), FileOptions{}); err != nil {
		t.Error(err)
	}
	if got := read(t, filepath.Join(base, "bootstrap", "backend.tf")); got != "here" {
		t.Errorf("got %q", got)
	}
}

func TestWriteCreatesDirectories(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "environments", "dev", "infra", "backend.tf")
	if err := Write(path, []byte("x"), FileOptions{Root: root, CreateDirs: true}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "x" {
		t.Errorf("got %q", got)
	}
	outside := filepath.Join(root, "..", "elsewhere-"+filepath.Base(root), "backend.tf")
	if err := Write(outside, []byte("x"), FileOptions{Root: root, CreateDirs: true}); !errors.As(err, new(*OutsideRootError)) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(filepath.Dir(outside)); err == nil {
		t.Error("a directory was made outside of the root")
	}
}

func TestUpdate(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "main.tf")
	o := FileOptions{Root: root}
	calls := 0
	if err := Update(path, o, func(old []byte, exists bool) ([]byte, error) {
		calls++
		if exists || old != nil {
			t.Errorf("exists %v, %q", exists, old)
		}
		return nil, nil
	}); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("nil created a file")
	}
	if err := Write(path, []byte("old"), o); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("no")
	if err := Update(path, o, func([]byte, bool) ([]byte, error) { return []byte("new"), refusal }); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("a refused update left %q", got)
	}
	noLeftovers(t, root)
}

// TestUpdateFailsCleanly: the rename cannot succeed, since a directory has taken
// the file's place meanwhile.
func TestUpdateFailsCleanly(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "main.tf")
	err := Update(path, FileOptions{Root: root}, func([]byte, bool) ([]byte, error) {
		if err := os.MkdirAll(filepath.Join(path, "full"), 0o750); err != nil {
			t.Fatal(err)
		}
		return []byte("new"), nil
	})
	if !errors.As(err, new(*PathError)) {
		t.Errorf("got %v", err)
	}
	noLeftovers(t, root)
}

func TestUpdateSerialises(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	if err := os.Mkdir("sub", 0o750); err != nil {
		t.Fatal(err)
	}
	spellings := []string{"sub/main.tf", "./sub/../sub/main.tf", filepath.Join(root, "sub", "main.tf")}
	const each = 20
	var wg sync.WaitGroup
	for _, path := range spellings {
		for range each {
			wg.Go(func() {
				err := Update(path, FileOptions{Root: root}, func(old []byte, _ bool) ([]byte, error) {
					return append(bytes.Clone(old), "line\n"...), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := strings.Count(read(t, "sub/main.tf"), "line\n"); got != each*len(spellings) {
		t.Errorf("%d of %d updates survived", got, each*len(spellings))
	}
	noLeftovers(t, root)
	fileLocks.mu.Lock()
	defer fileLocks.mu.Unlock()
	if len(fileLocks.files) != 0 {
		t.Errorf("%d locks are still held in memory", len(fileLocks.files))
	}
}

func TestDelete(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "backend.tf")
	o := FileOptions{Root: root}
	if err := Delete(path, o, func([]byte) error { t.Error("called for nothing"); return nil }); err != nil {
		t.Error(err)
	}
	if err := Write(path, []byte("x"), o); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("changed by hand")
	if err := Delete(path, o, func(old []byte) error {
		if string(old) != "x" {
			t.Errorf("saw %q", old)
		}
		return refusal
	}); !errors.Is(err, refusal) {
		t.Errorf("got %v", err)
	}
	if got := read(t, path); got != "x" {
		t.Errorf("got %q", got)
	}
	if err := Delete(path, o, func([]byte) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestTempNameIsNotLoaded(t *testing.T) {
	for _, base := range []string{"main.tf", strings.Repeat("x", 250) + ".tf"} {
		name := tempName(base)
		if !ignored(name) || configExt(name, OpenTofu) != "" || len(name) > 255 {
			t.Errorf("%s could be loaded, or is too long", name)
		}
	}
}
