package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// BinVariable names a folder with initdb and postgres that is used before any other.
const BinVariable = "GROUNDWORK_TEST_POSTGRES_BIN"

// installed are the folders of the usual packages; a star stands for the version.
var installed = []string{
	"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                   // Red Hat, from postgresql.org
	"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
	"/opt/homebrew/opt/postgresql/bin",   // Homebrew without a version
	"/usr/local/opt/postgresql/bin",      //
	"/Library/PostgreSQL/*/bin",          // the installer for macOS
	"/usr/local/pgsql/bin",               // built from source
	`C:\Program Files\PostgreSQL\*\bin`,  // the installer for Windows
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// NotInstalledError says that there is no PostgreSQL server on this machine, and how to get one.
type NotInstalledError struct {
	// Searched are the folders that were looked into, besides PATH.
	Searched []string
}

// Error implements error.
func (e *NotInstalledError) Error() string {
	install := "install the PostgreSQL server with your package manager"
	switch runtime.GOOS {
	case "linux":
		install = "apt-get install postgresql (dnf install postgresql-server on Fedora and Red Hat)"
	case "darwin":
		install = "brew install postgresql"
	}
	return fmt.Sprintf("no PostgreSQL server is installed: %s, or set %s to the folder that holds initdb and postgres; PATH and %s were searched",
		install, BinVariable, strings.Join(e.Searched, ", "))
}

// binDir finds the folder with initdb and postgres.
func binDir() (string, error) {
	if dir := os.Getenv(BinVariable); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("%s=%s holds no initdb and postgres", BinVariable, dir)
		}
		return dir, nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Packages link initdb alone onto PATH; the rest is beside the real one.
		if target, err := filepath.EvalSymlinks(initdb); err == nil && complete(filepath.Dir(target)) {
			return filepath.Dir(target), nil
		}
	}
	if dir, ok := newest(installed); ok {
		return dir, nil
	}
	return "", &NotInstalledError{Searched: installed}
}

// newest returns the folder of the newest version that matches the patterns.
func newest(patterns []string) (string, bool) {
	var found []string
	for _, pattern := range patterns {
		dirs, err := filepath.Glob(pattern)
		if errors.Is(err, filepath.ErrBadPattern) {
			continue
		}
		found = append(found, slices.DeleteFunc(dirs, func(dir string) bool { return !complete(dir) })...)
	}
	if len(found) == 0 {
		return "", false
	}
	return slices.MaxFunc(found, func(a, b string) int { return slices.Compare(version(a), version(b)) }), true
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// version reads the number out of a folder such as /usr/lib/postgresql/17/bin.
func version(dir string) []int {
	name := filepath.Base(filepath.Dir(dir))
	if i := strings.LastIndexAny(name, "@-"); i >= 0 {
		name = name[i+1:]
	}
	var numbers []int
	for part := range strings.SplitSeq(name, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return numbers
		}
		numbers = append(numbers, n)
	}
	return numbers
}
