package toolchain

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const helloMain = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n"

// checkout makes a checkout whose gotestsum is a small program beside it, so that the build is a
// real one and needs no network. It returns where the program's source is.
func checkout(t *testing.T) (mainFile string) {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module "+ModulePath()+"\n")
	write(t, filepath.Join(root, "tools", "testrunner", "go.mod"), "module m\n\ngo 1.26.0\n\n"+
		"tool example.com/hello\n\nrequire example.com/hello v1.2.3\n\nreplace example.com/hello => ../../hello\n")
	write(t, filepath.Join(root, "hello", "go.mod"), "module example.com/hello\n\ngo 1.26.0\n")
	mainFile = filepath.Join(root, "hello", "main.go")
	write(t, mainFile, helloMain)
	t.Chdir(root)
	t.Setenv(CacheVariable, filepath.Join(t.TempDir(), "tools"))
	return mainFile
}

func TestEnsureBuildsOnce(t *testing.T) {
	checkout(t)
	// What a killed build leaves must not stand in the way.
	cache := t.TempDir()
	t.Setenv(CacheVariable, cache)
	leftover := filepath.Join(cache, "gotestsum-v1.2.3", "gotestsum.tmp")
	write(t, leftover, "half a program")

	var wg sync.WaitGroup
	var built atomic.Int32
	for range 8 {
		wg.Go(func() {
			tool, err := Ensure(t.Context(), "gotestsum")
			if err != nil {
				t.Error(err)
			}
			if tool.Built {
				built.Add(1)
			}
		})
	}
	wg.Wait()
	if n := built.Load(); n != 1 {
		t.Errorf("%d of 8 callers built it, want exactly 1", n)
	}

	tool, err := Ensure(t.Context(), "gotestsum")
	if err != nil {
		t.Fatal(err)
	}
	if tool.Built || tool.Version != "v1.2.3" || filepath.Base(filepath.Dir(tool.Path)) != "gotestsum-v1.2.3" {
		t.Errorf("unexpected %+v", tool)
	}
	// #nosec G204 -- the program that was just built
	if out, err := exec.CommandContext(t.Context(), tool.Path).Output(); err != nil || string(out) != "hello\n" {
		t.Errorf("the program printed %q, %v", out, err)
	}
	if _, err := os.Stat(leftover); !os.IsNotExist(err) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

func TestEnsureReportsWhatGoPrinted(t *testing.T) {
	write(t, checkout(t), "package main\n\nfunc main() { undefinedThing() }\n")

	_, err := Ensure(t.Context(), "gotestsum")
	var build *BuildError
	if !errors.As(err, &build) {
		t.Fatalf("got %v, want a BuildError", err)
	}
	for _, want := range []string{"gotestsum", "undefinedThing", "go build -C", "v1.2.3"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %q:\n%v", want, err)
		}
	}
}

func TestEnsureRefuses(t *testing.T) {
	if _, err := Ensure(t.Context(), "nonsense"); err == nil || !strings.Contains(err.Error(), "golangci-lint") {
		t.Errorf("an unknown name must list the known ones: %v", err)
	}
	checkout(t)
	t.Setenv(CacheVariable, "relative")
	if _, err := Path(t.Context(), "gotestsum"); err == nil || !strings.Contains(err.Error(), "absolute") {
		t.Errorf("a relative cache must be refused: %v", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Fatalf("a held lock was given away, or the wait ended otherwise: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestParseVersion(t *testing.T) {
	tests := map[string]struct{ product, version string }{
		"Terraform v1.11.4\non linux_amd64\n": {"Terraform", "1.11.4"},
		"OpenTofu v1.12.6-dev\n":              {"OpenTofu", "1.12.6-dev"},
		"Terraform\n":                         {},
		"Terraform vNext\n":                   {},
		"PostgreSQL v15\n":                    {},
		"":                                    {},
	}
	for out, want := range tests {
		product, v, err := parseVersion(out)
		if want.product == "" {
			if err == nil {
				t.Errorf("%q was accepted as %s %s", out, product, v)
			}
			continue
		}
		if err != nil || product != want.product || v.String() != want.version {
			t.Errorf("%q: got %s %s, %v", out, product, v, err)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("Terraform v1.11.4\non linux_amd64\n")
	f.Add("OpenTofu v1.12.6-dev")
	f.Fuzz(func(t *testing.T, out string) {
		if _, v, err := parseVersion(out); err == nil && v == nil {
			t.Fatal("neither a version nor an error")
		}
	})
}

func TestInstalledCLI(t *testing.T) {
	bin := t.TempDir()
	fake := buildFake(t, bin)
	terraform, err := findPin("terraform")
	if err != nil {
		t.Fatal(err)
	}
	tofu, err := findPin("tofu")
	if err != nil {
		t.Fatal(err)
	}

	tests := map[string]struct {
		pin                     pin
		variable, path, prints  string
		wantPath, wantErr, want string
	}{
		"named by the environment": {
			pin: terraform, variable: fake, prints: "Terraform v1.11.0", wantPath: fake, want: "v1.11.0",
		},
		"a development version counts": {
			pin: tofu, variable: fake, prints: "OpenTofu v1.10.0-dev", wantPath: fake, want: "v1.10.0-dev",
		},
		"named, but too old": {
			pin: terraform, variable: fake, prints: "Terraform v1.10.9", wantErr: "1.11.0 or newer",
		},
		"named, but something else": {
			pin: terraform, variable: fake, prints: "hello", wantErr: cliVariable,
		},
		"named for the other product": {pin: terraform, variable: fake, prints: "OpenTofu v1.12.6"},
		"on PATH":                     {pin: terraform, path: bin, prints: "Terraform v1.13.0", wantPath: fake, want: "v1.13.0"},
		"on PATH, but too old":        {pin: terraform, path: bin, prints: "Terraform v1.5.7"},
		"on PATH, but broken":         {pin: terraform, path: bin, prints: ""},
		"absent":                      {pin: terraform},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(cliVariable, tc.variable)
			t.Setenv("PATH", tc.path)
			t.Setenv("FAKE_VERSION", tc.prints)
			tool, err := tc.pin.installed(t.Context())
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("error %v does not say %q", err, tc.wantErr)
				}
				return
			}
			if err != nil || tool.Path != tc.wantPath || tool.Version != tc.want {
				t.Fatalf("got %+v, %v; want %q %q", tool, err, tc.wantPath, tc.want)
			}
		})
	}
}

// buildFake builds a terraform that prints what FAKE_VERSION says and fails when that is empty.
func buildFake(t *testing.T, dir string) string {
	t.Helper()
	src := t.TempDir()
	write(t, filepath.Join(src, "go.mod"), "module fake\n\ngo 1.26.0\n")
	write(t, filepath.Join(src, "main.go"), `package main

import (
	"fmt"
	"os"
)

func main() {
	if os.Getenv("FAKE_VERSION") == "" {
		os.Exit(1)
	}
	fmt.Println(os.Getenv("FAKE_VERSION"))
}
`)
	path := filepath.Join(dir, "terraform")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", src, "-o", path, ".") // #nosec G204 -- fixed arguments
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}
