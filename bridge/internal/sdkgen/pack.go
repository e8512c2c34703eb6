package sdkgen

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

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// NodeModules returns the folder of the pinned packages that the Node.js SDK is compiled with.
func NodeModules(ctx context.Context) (string, error) {
	tsc, err := toolchain.Path(ctx, "typescript")
	if err != nil {
		return "", err
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(tsc))), nil
}

// TypeScript returns the path of the pinned TypeScript compiler, a script for node.
func TypeScript(ctx context.Context) (string, error) { return toolchain.Path(ctx, "typescript") }

// Python returns the path of a Python with the pinned Pulumi SDK.
func Python(ctx context.Context) (string, error) {
	pip, err := toolchain.Path(ctx, "pulumi-python")
	if err != nil {
		return "", err
	}
	venv := filepath.Join(filepath.Dir(pip), "venv")
	if runtime.GOOS == "windows" {
		return filepath.Join(venv, "Scripts", "python.exe"), nil
	}
	return filepath.Join(venv, "bin", "python"), nil
}

// packers build what the registry of a language takes from a folder that Write made.
var packers = map[string]func(ctx context.Context, dir, out string) error{
	"nodejs": packNode,
	"python": packPython,
	"java":   packJava,
}

// Packs tells whether the SDK of a language can be built here. The one for .NET can not: there is no
// toolchain for it among the pinned programs. The one for Go is a module, and used as it is.
func Packs(language string) bool { return packers[language] != nil }

// Pack builds the package of one SDK from the folder that Write made, into the folder out.
func Pack(ctx context.Context, language, dir, out string) error {
	pack, ok := packers[language]
	if !ok {
		return fmt.Errorf("the SDK for %s is not built here", language)
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return fmt.Errorf("making the folder for packages: %w", err)
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := pack(ctx, dir, out); err != nil {
		return fmt.Errorf("building the SDK for %s: %w", language, err)
	}
	return nil
}

// packNode compiles the sources into bin/, which with package.json is what users get: the SDK
// reads its version from the package.json beside it.
func packNode(ctx context.Context, dir, out string) error {
	tsc, err := TypeScript(ctx)
	if err != nil {
		return err
	}
	modules, err := NodeModules(ctx)
	if err != nil {
		return err
	}
	link := filepath.Join(dir, "node_modules")
	if err := errors.Join(os.RemoveAll(link), os.Symlink(modules, link)); err != nil {
		return err
	}
	if err := run(ctx, dir, "node", tsc); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "README.md"} {
		if err := copyFile(filepath.Join(dir, name), filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	return run(ctx, filepath.Join(dir, "bin"), "npm", "pack", "--silent", "--pack-destination", out)
}

// packPython builds a wheel with what is installed already, so that nothing is downloaded.
func packPython(ctx context.Context, dir, out string) error {
	python, err := Python(ctx)
	if err != nil {
		return err
	}
	return run(ctx, dir, python, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, ".")
}

// packJava makes a jar. Maven gets what it lacks from the repository that it is configured for.
func packJava(ctx context.Context, dir, out string) error {
	if err := run(ctx, dir, "mvn", "--batch-mode", "--quiet", "package"); err != nil {
		return err
	}
	jars, err := filepath.Glob(filepath.Join(dir, "target", "*.jar"))
	if err != nil {
		return err
	}
	if len(jars) != 1 {
		return fmt.Errorf("maven made %d jars in %s, and not one", len(jars), dir)
	}
	return copyFile(jars[0], filepath.Join(out, filepath.Base(jars[0])))
}

// classpath is the pinned plugin of Maven that lists what a program needs to run.
const classpath = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:build-classpath"

// JavaClasspath lists what a program needs that uses the SDK for Java, which Pack has built in dir.
func JavaClasspath(ctx context.Context, dir string) (string, error) {
	list := filepath.Join(dir, "target", "classpath.txt")
	if err := run(ctx, dir, "mvn", "--batch-mode", "--quiet", classpath, "-Dmdep.outputFile="+list); err != nil {
		return "", err
	}
	needed, err := os.ReadFile(list) // #nosec G304 -- made by Maven
	if err != nil {
		return "", fmt.Errorf("reading what the SDK for Java needs: %w", err)
	}
	return filepath.Join(dir, "target", "classes") + string(os.PathListSeparator) + strings.TrimSpace(string(needed)), nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from) // #nosec G304 -- made by this package
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644) // #nosec G306 G703 -- to be published, and made by this package
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- names and arguments of this package
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v in %s: %w\n%s", filepath.Base(name), args, dir, err, output)
	}
	return nil
}
