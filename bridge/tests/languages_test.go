package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/internal/sdkgen"
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

// operation runs "up" or "preview" of the project's program.
type operation func(name string) pulumicli.Report

// runner returns what runs the program of a stage's folder in its language: YAML by its language
// host, the others by the Automation API and the SDK as it was installed from its package.
func runner(s *stage, language string) operation {
	s.t.Helper()
	switch language {
	case "yaml":
		return func(name string) pulumicli.Report {
			s.t.Helper()
			if name == "preview" {
				return s.preview()
			}
			return s.up()
		}
	case "typescript":
		program := s.compile("index.ts")
		// node looks for packages beside the file that asks for them
		driver, err := os.ReadFile("drivers/driver.js")
		s.must(err)
		s.must(os.WriteFile(filepath.Join(s.cli.Dir, "driver.js"), driver, 0o600))
		return s.driver(nil, "node", "driver.js", program)
	case "python":
		site, python := installedPython(s.t)
		return s.driver([]string{"PYTHONPATH=" + site}, python, s.absolute("drivers/driver.py"), "__main__.py")
	case "go":
		program := goPrograms(s.t, map[string]string{"main": s.read("main.go")})
		return s.driver(nil, program, "", "main")
	}
	s.t.Fatalf("no runner for %s", language)
	return nil
}

// driver runs a driver program with what the CLI would get from its environment.
func (s *stage) driver(env []string, name, script, program string) operation {
	return func(op string) pulumicli.Report {
		s.t.Helper()
		return s.driven(env, name, script, op, program)[0]
	}
}

// driven runs operations of the programs, separated by commas, and returns their reports.
func (s *stage) driven(env []string, name, script, ops string, programs ...string) []pulumicli.Report {
	s.t.Helper()
	result, err := s.drive(env, name, script, ops, programs...)
	s.must(err)
	if result.ExitCode != 0 {
		s.t.Fatalf("%s: exit code %d\n%s", ops, result.ExitCode, result.Output())
	}
	lines := strings.Split(strings.TrimSpace(result.Stdout), "\n")
	reports := make([]pulumicli.Report, strings.Count(ops, ",")+1)
	if len(lines) < len(reports) {
		s.t.Fatalf("%s: the driver says nothing of some of them:\n%s", ops, result.Output())
	}
	for i, line := range lines[len(lines)-len(reports):] {
		reports[i] = pulumicli.Report{Result: result}
		s.must(json.Unmarshal([]byte(line), &reports[i].Changes))
	}
	return reports
}

func (s *stage) drive(env []string, name, script, ops string, programs ...string) (proc.Result, error) {
	args := append([]string{ops, s.project(), stack}, programs...)
	if script != "" {
		args = append([]string{script}, args...)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return proc.Result{}, err
	}
	return proc.Command{Path: path, Dir: s.cli.Dir, Args: args, Env: append(s.cli.Environment(), env...)}.Run(s.t.Context())
}

// project is the project's name, as its file says it.
func (s *stage) project() string {
	s.t.Helper()
	for line := range strings.Lines(s.read("Pulumi.yaml")) {
		if name, ok := strings.CutPrefix(line, "name:"); ok {
			return strings.TrimSpace(name)
		}
	}
	s.t.Fatal("Pulumi.yaml has no name")
	return ""
}

func (s *stage) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.cli.Dir, name))
	s.must(err)
	return string(data)
}

func (s *stage) absolute(path string) string {
	s.t.Helper()
	abs, err := filepath.Abs(path)
	s.must(err)
	return abs
}

// packages is a folder with the packages that are built from the SDKs of this checkout.
var packages [3]once[string]

// pack builds the package of a language once and returns its path.
func pack(t *testing.T, slot int, language, pattern string) string {
	t.Helper()
	return packages[slot].get(t, func() (string, error) {
		ctx := context.WithoutCancel(t.Context())
		dir, err := sharedFolder("sdk-" + language + "-")
		if err != nil {
			return "", err
		}
		source, out := filepath.Join(dir, "source"), filepath.Join(dir, "packages")
		if err := sdkgen.Write(language, provider.Schema(), source); err != nil {
			return "", err
		}
		if err := sdkgen.Pack(ctx, language, source, out); err != nil {
			return "", err
		}
		found, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return "", err
		}
		if len(found) != 1 {
			return "", fmt.Errorf("%s holds %d packages %s, and not one", out, len(found), pattern)
		}
		return found[0], nil
	})
}

var (
	nodeModules once[string]
	sitePackage once[string]
)

// installedNode returns a folder with node_modules into which npm installed the package, offline.
func installedNode(t *testing.T) string {
	t.Helper()
	tarball := pack(t, 0, "nodejs", "*.tgz")
	return nodeModules.get(t, func() (string, error) {
		ctx := context.WithoutCancel(t.Context())
		modules, err := sdkgen.NodeModules(ctx)
		if err != nil {
			return "", err
		}
		dir, err := sharedFolder("node-")
		if err != nil {
			return "", err
		}
		// What the package depends on is there already, as pinned, so that npm asks for nothing.
		root := testenv.RepoRoot(t)
		for _, name := range []string{"package.json", "package-lock.json"} {
			data, err := os.ReadFile(filepath.Join(root, "tools", "pulumi-nodejs", name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
			}
			if err != nil {
				return "", err
			}
		}
		if err := os.CopyFS(filepath.Join(dir, "node_modules"), os.DirFS(modules)); err != nil {
			return "", err
		}
		return dir, output(ctx, dir, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", tarball)
	})
}

// installedPython returns a folder into which pip installed the wheel, and the Python to use.
func installedPython(t *testing.T) (site, python string) {
	t.Helper()
	wheel := pack(t, 1, "python", "*.whl")
	python, err := sdkgen.Python(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sitePackage.get(t, func() (string, error) {
		ctx := context.WithoutCancel(t.Context())
		dir, err := sharedFolder("python-")
		if err != nil {
			return "", err
		}
		return dir, output(ctx, dir, python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", dir, wheel)
	}), python
}

func output(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

// compile compiles a TypeScript file of the stage, and returns the program.
func (s *stage) compile(file string) string {
	s.t.Helper()
	compileIn(s.t, s.cli.Dir, file)
	return strings.TrimSuffix(file, ".ts") + ".js"
}

// compileIn compiles TypeScript files of a folder against the installed package, with strict checks.
func compileIn(t *testing.T, dir string, files ...string) {
	t.Helper()
	installed := installedNode(t)
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	tsc, err := sdkgen.TypeScript(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{tsc, "--target", "es2022", "--module", "commonjs", "--moduleResolution", "node", "--strict", "--skipLibCheck"}, files...)
	if err := output(t.Context(), dir, "node", args...); err != nil {
		t.Fatal(err)
	}
}

// goPrograms builds a driver with the given Go programs in it. They are laid over the driver's
// folder, so that they are compiled as part of this module and nothing is written into the tree.
func goPrograms(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir, err := sharedFolder("go-")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.Abs("godriver")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	number := 0
	for name, text := range programs {
		number++
		file := filepath.Join(dir, fmt.Sprintf("program%d.go", number))
		text = strings.NewReplacer("func main() {", "func init() {", "pulumi.Run(", fmt.Sprintf("register(%q, ", name)).Replace(text)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(folder, filepath.Base(file))] = file
	}
	data, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), data, 0o600)
	}
	if err := errors.Join(err, build(t.Context(), dir, "./godriver", "-overlay", filepath.Join(dir, "overlay.json"))); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "godriver")
}
