//go:build !windows

package backendcfg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func symlink(t testing.TB, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
}

func TestWriteThroughLinks(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "root")
	for _, d := range []string{"root/real", "outside"} {
		if err := os.MkdirAll(filepath.Join(base, d), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{root}, parts...)...) }
	symlink(t, "real", in("dir"))
	symlink(t, "real/file.tf", in("inside.tf"))
	symlink(t, in("inside.tf"), in("real", "chain.tf"))
	symlink(t, "real/dangling-target.tf", in("dangling.tf"))
	symlink(t, "../outside/file.tf", in("out.tf"))
	symlink(t, filepath.Join(base, "outside"), in("outdir"))
	symlink(t, filepath.Join("..", filepath.Base(root), "real", "round.tf"), in("round.tf"))
	symlink(t, "loop-b.tf", in("loop-a.tf"))
	symlink(t, "loop-a.tf", in("loop-b.tf"))
	symlink(t, "nowhere", in("nodir"))
	symlink(t, root, filepath.Join(base, "alias"))

	for name, want := range map[string]struct{ path, root, written string }{
		"directory inside":         {in("dir", "a.tf"), root, "root/real/a.tf"},
		"file inside":              {in("inside.tf"), root, "root/real/file.tf"},
		"chain":                    {in("real", "chain.tf"), root, "root/real/file.tf"},
		"target not there yet":     {in("dangling.tf"), root, "root/real/dangling-target.tf"},
		"out and in again":         {in("round.tf"), root, "root/real/round.tf"},
		"root by an alias":         {in("real", "b.tf"), filepath.Join(base, "alias"), "root/real/b.tf"},
		"path by an alias":         {filepath.Join(base, "alias", "real", "c.tf"), root, "root/real/c.tf"},
		"outside, in a wider root": {in("out.tf"), base, "outside/file.tf"},
	} {
		t.Run(name, func(t *testing.T) {
			before, beforeErr := os.Readlink(want.path)
			if err := Write(want.path, []byte(name), FileOptions{Root: want.root}); err != nil {
				t.Fatal(err)
			}
			if got := read(t, filepath.Join(base, want.written)); got != name {
				t.Errorf("got %q", got)
			}
			if after, err := os.Readlink(want.path); after != before || (err == nil) != (beforeErr == nil) {
				t.Errorf("the link did not survive: %q was %q", after, before)
			}
		})
	}
	if err := os.Remove(filepath.Join(base, "outside", "file.tf")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		in("out.tf"):            new(*OutsideRootError),
		in("outdir", "x.tf"):    new(*OutsideRootError),
		in("loop-a.tf"):         new(*PathError),
		in("loop-a.tf", "x"):    new(*PathError),
		in("nodir", "x.tf"):     new(*PathError),
		in("outdir", "..", "y"): nil, // cleaned before it is followed
	} {
		for _, create := range []bool{false, true} {
			err := Write(path, []byte("x"), FileOptions{Root: root, CreateDirs: create})
			if want == nil {
				if err != nil {
					t.Errorf("%s: %v", path, err)
				}
			} else if !errors.As(err, want) {
				t.Errorf("%s: got %T %v, want %T", path, err, err, want)
			}
		}
	}
	if entries, err := os.ReadDir(filepath.Join(base, "outside")); err != nil || len(entries) != 0 {
		t.Errorf("written outside: %v, %v", entries, err)
	}
	noLeftovers(t, base)
}

// TestUpdateStaysInside: somebody swaps the directory for a link while the new
// content is being made.
func TestUpdateStaysInside(t *testing.T) {
	base := t.TempDir()
	root, outside := filepath.Join(base, "root"), filepath.Join(base, "outside")
	for _, d := range []string{filepath.Join(root, "sub"), outside} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	err := Update(filepath.Join(root, "sub", "main.tf"), FileOptions{Root: root, CreateDirs: true}, func([]byte, bool) ([]byte, error) {
		if err := os.Remove(filepath.Join(root, "sub")); err != nil {
			t.Fatal(err)
		}
		symlink(t, outside, filepath.Join(root, "sub"))
		return []byte("x"), nil
	})
	if !errors.As(err, new(*PathError)) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("written outside: %v, %v", entries, err)
	}
}

// TestFIFO: what would block for ever is refused, not opened.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe.tf")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x"), FileOptions{Root: dir}); !errors.As(err, new(*PathError)) {
		t.Errorf("Write: got %v", err)
	}
	if _, err := ParseDir(dir, Terraform); !errors.As(err, new(*UnsupportedFileError)) {
		t.Errorf("ParseDir: got %v", err)
	}
}

func TestParseDirBrokenLink(t *testing.T) {
	dir := t.TempDir()
	symlink(t, "nowhere.tf", filepath.Join(dir, "main.tf"))
	if _, err := ParseDir(dir, Terraform); err == nil || !strings.Contains(err.Error(), "main.tf") {
		t.Errorf("got %v", err)
	}
}

func TestKeepsOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only root can give files away")
		return
	}
	path := filepath.Join(t.TempDir(), "main.tf")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, 54321); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("x"), FileOptions{Root: filepath.Dir(path)}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 12345 || st.Gid != 54321 {
		t.Errorf("the owner changed: %+v", info.Sys())
	}
}
