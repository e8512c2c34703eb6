package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParsePin(t *testing.T) {
	tests := map[string]struct {
		mod, pkg, version, err string
	}{
		"the module root": {
			mod: "module m\ntool example.com/hello\nrequire example.com/hello v1.2.3\n",
			pkg: "example.com/hello", version: "v1.2.3",
		},
		"the longest module path owns the package": {
			mod: "module m\ntool example.com/a/b/cmd/x\nrequire (\n\texample.com/a v1.0.0\n\texample.com/a/b v1.5.0 // indirect\n)\n",
			pkg: "example.com/a/b/cmd/x", version: "v1.5.0",
		},
		"a prefix that is no path prefix": {
			mod: "module m\ntool example.com/abc/cmd\nrequire example.com/ab v1.0.0\n",
			err: "no require line pins a version for the tool example.com/abc/cmd",
		},
		"no tool":   {mod: "module m\n", err: "0 tool directives"},
		"two tools": {mod: "module m\ntool a.b/c\ntool a.b/d\n", err: "2 tool directives"},
		"no go.mod": {mod: "<html>", err: "x/go.mod:1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pkg, version, err := parsePin("x/go.mod", []byte(tc.mod))
			switch {
			case tc.err != "":
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v does not say %q", err, tc.err)
				}
			case err != nil:
				t.Fatal(err)
			case pkg != tc.pkg || version != tc.version:
				t.Fatalf("got %s %s, want %s %s", pkg, version, tc.pkg, tc.version)
			}
		})
	}
}

func FuzzParsePin(f *testing.F) {
	f.Add([]byte("module m\ntool example.com/hello\nrequire example.com/hello v1.2.3\n"))
	f.Add([]byte("tool (\n\ta\n)"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pkg, version, err := parsePin("go.mod", data)
		if err == nil && (pkg == "" || version == "") {
			t.Fatalf("no error, and yet package %q and version %q", pkg, version)
		}
	})
}

// Each program of the table must have its module, or Path fails on a machine with an empty cache
// while it works on everybody else's.
func TestEveryToolIsPinned(t *testing.T) {
	for _, p := range pins {
		t.Run(p.name, func(t *testing.T) {
			src, err := p.source()
			if err != nil {
				t.Fatal(err)
			}
			lock := "go.sum"
			if p.kind != goModule {
				lock = lockFiles[p.kind]
			}
			if _, err := os.Stat(filepath.Join(src.dir, lock)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestModuleRoot(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module "+ModulePath()+"\n")
	write(t, filepath.Join(root, "bridge", "go.mod"), "module "+ModulePath()+"/bridge\n")
	write(t, filepath.Join(root, "bridge", "provider", "x.go"), "package provider\n")

	t.Chdir(filepath.Join(root, "bridge", "provider"))
	got, err := ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	if !sameFile(t, got, root) {
		t.Fatalf("got %s, want %s", got, root)
	}

	outside := t.TempDir()
	t.Chdir(outside)
	if root, err := ModuleRoot(); err == nil {
		t.Fatalf("found %s from a folder that is in no checkout", root)
	}
}

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	infoA, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	infoB, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	return os.SameFile(infoA, infoB)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	// #nosec G703 -- below a temporary folder
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	// #nosec G703 -- below a temporary folder
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
