package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// tailLines bounds how much of the compiler's output an error repeats.
const tailLines = 20

// BuildError says that go could not build a tool, and what go printed.
type BuildError struct {
	Tool, Package, Version string
	// Dir is the module under tools/ in which the build ran.
	Dir string
	// Output is the end of what go printed.
	Output string
	// Err is why go stopped.
	Err error
}

// Error implements error.
func (e *BuildError) Error() string {
	return fmt.Sprintf("building %s %s in %s: %v\n%s\nTo try it by hand: go build -C %s -o %s %s. "+
		"A first build downloads its modules, so it needs the module proxy that `go env GOPROXY` names.",
		e.Package, e.Version, e.Dir, e.Err, e.Output, e.Dir, filepath.Join(os.TempDir(), e.Tool), e.Package)
}

// Unwrap returns why go stopped.
func (e *BuildError) Unwrap() error { return e.Err }

// build writes the program under another name and renames it, so that path is always whole.
func (p pin) build(ctx context.Context, src source, path string) error {
	tmp := path + ".tmp"
	// go refuses to write over a file that is no program, such as what a killed build left.
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("clearing what an earlier build left: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // after the rename there is nothing left to remove

	// #nosec G204 -- the package and the flags come from this repository
	cmd := exec.CommandContext(ctx, "go", "build", "-C", src.dir, "-trimpath",
		"-ldflags", p.linkerFlags(src.version), "-o", tmp, src.pkg)
	cmd.Env = buildEnv()
	cmd.WaitDelay = 10 * time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return &BuildError{
			Tool: p.name, Package: src.pkg, Version: src.version, Dir: src.dir,
			Output: tail(string(out), tailLines), Err: err,
		}
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("putting the built program in place: %w", err)
	}
	return nil
}

func (p pin) linkerFlags(version string) string {
	return strings.TrimSpace("-s -w " + strings.ReplaceAll(p.ldflags, "{version}", version))
}

// buildEnv makes the build independent of what the caller is building: for this machine, with the
// versions that the pinning module names, and without a C compiler.
func buildEnv() []string {
	return append(os.Environ(),
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH,
		"GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0")
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
