package toolchain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// pin describes one program: the folder under tools/ that pins it, and what else is needed to find
// or build it.
type pin struct {
	name string
	dir  string
	kind kind
	// pkg is the package that is installed, where it has another name than the program.
	pkg string
	// main is the program of a package that is installed and not built.
	main string
	// ldflags are added to the ones every program is linked with; {version} in them stands for the
	// pinned version.
	ldflags string
	// product and minimum let a copy that the machine already has stand in for the pinned one:
	// product is the first word that its `version` command prints.
	product, minimum string
}

// Released versions of both CLIs are linked with dev=no; without it `version` says "-dev".
var pins = []pin{
	{name: "minio", dir: "minio"},
	{name: "mc", dir: "mc"},
	{name: "versitygw", dir: "versitygw"},
	{
		name: "terraform", dir: "terraform", product: "Terraform", minimum: "1.11.0",
		ldflags: "-X github.com/hashicorp/terraform/version.dev=no",
	},
	{
		name: "tofu", dir: "opentofu", product: "OpenTofu", minimum: "1.10.0",
		ldflags: "-X github.com/opentofu/opentofu/version.dev=no",
	},
	{
		name: "pulumi", dir: "pulumi",
		ldflags: "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}",
	},
	{name: "pulumi-language-yaml", dir: "pulumi-yaml"},
	// What the SDKs are built with, beside the packages that a program in that language needs.
	{name: "typescript", dir: "pulumi-nodejs", kind: nodePackage, main: "bin/tsc"},
	{name: "pulumi-python", dir: "pulumi-python", kind: pythonPackage, pkg: "pulumi", main: "pip"},
	{name: "gotestsum", dir: "testrunner"},
	{name: "tfplugindocs", dir: "docs"},
	{name: "golangci-lint", dir: "lint"},
	{name: "moto", dir: "moto", kind: pythonPackage, main: "moto_server"},
	{name: "dynalite", dir: "dynalite", kind: nodePackage, main: "cli.js"},
}

// Names lists the programs that Path knows.
func Names() []string {
	names := make([]string, len(pins))
	for i, p := range pins {
		names[i] = p.name
	}
	return names
}

func findPin(name string) (pin, error) {
	for _, p := range pins {
		if p.name == name {
			return p, nil
		}
	}
	return pin{}, fmt.Errorf("no tool is called %q; the tools are %s", name, strings.Join(Names(), ", "))
}

// source is what a tools/ module says about its program.
type source struct {
	dir, pkg, version string
}

func (p pin) source() (source, error) {
	root, err := ModuleRoot()
	if err != nil {
		return source{}, err
	}
	dir := filepath.Join(root, "tools", p.dir)
	if p.kind != goModule {
		return p.packageSource(dir)
	}
	path := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(path) // #nosec G304 -- a file of this repository
	if err != nil {
		return source{}, fmt.Errorf("reading the module that pins the tool: %w", err)
	}
	pkg, version, err := parsePin(path, data)
	if err != nil {
		return source{}, err
	}
	return source{dir: dir, pkg: pkg, version: version}, nil
}

// parsePin reads the one package that a go.mod names as a tool, and the version of its module.
func parsePin(path string, data []byte) (pkg, version string, err error) {
	mod, err := modfile.Parse(path, data, nil)
	if err != nil {
		return "", "", err
	}
	if len(mod.Tool) != 1 {
		return "", "", fmt.Errorf("%s: it has %d tool directives, and must have exactly one", path, len(mod.Tool))
	}
	pkg = mod.Tool[0].Path

	var owners []*modfile.Require
	for _, r := range mod.Require {
		if pkg == r.Mod.Path || strings.HasPrefix(pkg, r.Mod.Path+"/") {
			owners = append(owners, r)
		}
	}
	if len(owners) == 0 {
		return "", "", fmt.Errorf("%s: no require line pins a version for the tool %s", path, pkg)
	}
	longest := slices.MaxFunc(owners, func(a, b *modfile.Require) int {
		return len(a.Mod.Path) - len(b.Mod.Path)
	})
	return pkg, longest.Mod.Version, nil
}

// ModuleRoot returns the folder of the go.mod of this module, looked for from the working directory
// upwards. Modules nested in it, as the bridge is, are passed over.
func ModuleRoot() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module root: %w", err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "go.mod")
		data, err := os.ReadFile(path) // #nosec G304 -- only its module line is used
		switch {
		case err == nil && modfile.ModulePath(data) == ModulePath():
			return dir, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("finding the module root: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of %s in %s or above it; run this inside a checkout", ModulePath(), wd)
		}
	}
}

// ModulePath returns the path of this module. It is read from this package's own import path, so
// that a change of the module's name needs no change here.
func ModulePath() string {
	return strings.TrimSuffix(reflect.TypeFor[pin]().PkgPath(), "/internal/testenv/toolchain")
}
