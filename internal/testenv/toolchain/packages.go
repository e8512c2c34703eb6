package toolchain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// kind is where a program comes from.
type kind int

const (
	goModule      kind = iota // built from the Go module proxy
	pythonPackage             // installed by pip into a virtual environment of its own
	nodePackage               // installed by npm
)

func (p pin) packageName() string {
	if p.pkg != "" {
		return p.pkg
	}
	return p.name
}

// lockFiles are what pins every byte of an installed package, beside what a person edits.
var lockFiles = map[kind]string{pythonPackage: "requirements.txt", nodePackage: "package-lock.json"}

// InstallError says that pip or npm could not install a tool, and what it printed.
type InstallError struct {
	Tool, Version string
	// Command is what failed, and Output the end of what it printed.
	Command, Output string
	// Needs says what the machine must have for it.
	Needs string
	// Err is why the command stopped.
	Err error
}

// Error implements error.
func (e *InstallError) Error() string {
	return fmt.Sprintf("installing %s %s: %s: %v\n%s\nIt needs %s, and the package registry that is configured for it.",
		e.Tool, e.Version, e.Command, e.Err, e.Output, e.Needs)
}

// Unwrap returns why the command stopped.
func (e *InstallError) Unwrap() error { return e.Err }

// packageSource reads the version that a folder under tools/ pins. A part of the lock file's hash
// goes with it, so that a new pin of a dependency is a new folder in the cache as well.
func (p pin) packageSource(dir string) (source, error) {
	path := filepath.Join(dir, lockFiles[p.kind])
	data, err := os.ReadFile(path) // #nosec G304 -- a file of this repository
	if err != nil {
		return source{}, fmt.Errorf("reading what pins the tool: %w", err)
	}
	version, err := p.lockedVersion(data)
	if err != nil {
		return source{}, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	return source{dir: dir, pkg: p.name, version: version + "-" + hex.EncodeToString(sum[:4])}, nil
}

func (p pin) lockedVersion(data []byte) (string, error) {
	if p.kind == pythonPackage {
		line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(p.packageName()) + `(?:\[[^\]]*\])?==([0-9][^\s;\\]*)`)
		if m := line.FindSubmatch(data); m != nil {
			return string(m[1]), nil
		}
		return "", fmt.Errorf("no line pins %s", p.packageName())
	}
	var lock struct {
		Packages map[string]struct{ Version string } `json:"packages"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return "", err
	}
	if v := lock.Packages["node_modules/"+p.packageName()].Version; v != "" {
		return v, nil
	}
	return "", fmt.Errorf("it has no package %s", p.packageName())
}

// program is where an installed package keeps its program, below its folder in the cache.
func (p pin) program(dir string) string {
	if p.kind == nodePackage {
		return filepath.Join(dir, "node_modules", p.packageName(), p.main)
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, p.main+".exe")
	}
	return filepath.Join(dir, p.main)
}

// whole tells whether a program is there, and with it what it cannot do without: a virtual
// environment points to the Python that it was made with, which an upgrade may have removed.
func (p pin) whole(path string) bool {
	return executable(path) && (p.kind != pythonPackage || executable(venvProgram(filepath.Join(filepath.Dir(path), "venv"), "python")))
}

func (p pin) install(ctx context.Context, src source, path string) error {
	if p.kind == pythonPackage {
		return p.pip(ctx, src, path)
	}
	return p.npm(ctx, src, path)
}

// pip makes the virtual environment in its final place, since its scripts hold their own path, and
// puts the program where Ensure looks for it last.
func (p pin) pip(ctx context.Context, src source, path string) error {
	venv := filepath.Join(filepath.Dir(path), "venv")
	if err := errors.Join(os.RemoveAll(path), os.RemoveAll(venv)); err != nil {
		return fmt.Errorf("clearing what an earlier installation left: %w", err)
	}
	const needs = "Python 3.11 or newer with its venv module (apt-get install python3-venv on Debian and Ubuntu)"
	python := "python3"
	if runtime.GOOS == "windows" {
		python = "python"
	}
	if err := p.command(ctx, src, "", needs, python, "-m", "venv", venv); err != nil {
		return err
	}
	err := p.command(ctx, src, "", needs, venvProgram(venv, "python"), "-m", "pip", "install", "--quiet", "--no-input",
		"--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", filepath.Join(src.dir, lockFiles[p.kind]))
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := copyProgram(venvProgram(venv, p.main), tmp); err != nil {
		return fmt.Errorf("putting the installed program in place: %w", err)
	}
	return os.Rename(tmp, path)
}

// npm installs beside the final place and renames the folder.
func (p pin) npm(ctx context.Context, src source, path string) error {
	dir := strings.TrimSuffix(path, p.program(""))
	tmp, final := filepath.Join(dir, "tmp"), filepath.Join(dir, "node_modules")
	if err := errors.Join(os.RemoveAll(tmp), os.RemoveAll(final), os.Mkdir(tmp, 0o750)); err != nil {
		return fmt.Errorf("clearing what an earlier installation left: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // what is left is cleared the next time
	for _, name := range []string{"package.json", lockFiles[p.kind]} {
		data, err := os.ReadFile(filepath.Join(src.dir, name)) // #nosec G304 -- a file of this repository
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("copying what pins the tool: %w", err)
		}
	}
	const needs = "Node.js 18 or newer with npm (apt-get install nodejs npm on Debian and Ubuntu)"
	if err := p.command(ctx, src, tmp, needs, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(tmp, "node_modules"), final)
}

func (p pin) command(ctx context.Context, src source, dir, needs, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- names and arguments come from this repository
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return &InstallError{
		Tool: p.name, Version: src.version, Command: strings.Join(append([]string{name}, args...), " "),
		Output: tail(string(out), tailLines), Needs: needs, Err: err,
	}
}

func venvProgram(venv, name string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(venv, "Scripts", name+".exe")
	}
	return filepath.Join(venv, "bin", name)
}

func copyProgram(from, to string) (err error) {
	in, err := os.Open(from) // #nosec G304 -- in the cache
	if err != nil {
		return err
	}
	defer in.Close()                                                       //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755) // #nosec G302 G304 -- a program in the cache
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
