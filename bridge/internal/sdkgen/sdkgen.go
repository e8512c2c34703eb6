// Package sdkgen writes the SDKs of the Pulumi package, from its schema alone: without the Pulumi
// CLI, without language hosts and without a network.
package sdkgen

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	dotnet "github.com/pulumi/pulumi-dotnet/pulumi-language-dotnet/v3/codegen"
	java "github.com/pulumi/pulumi-java/pkg/codegen/java"
	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// tool stands in the head of every generated file.
const tool = "pulumi-sdks-groundwork"

// generators make the files of an SDK, as paths below its folder.
var generators = map[string]func(*schema.Package) (map[string][]byte, error){
	"nodejs": func(p *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(tool, p, nil, nil, false, offline{})
	},
	"python": func(p *schema.Package) (map[string][]byte, error) {
		return python.GeneratePackage(tool, p, nil, offline{})
	},
	"go": func(p *schema.Package) (map[string][]byte, error) {
		return golang.GeneratePackage(tool, p, nil)
	},
	"dotnet": func(p *schema.Package) (map[string][]byte, error) {
		if err := registerLogo(); err != nil {
			return nil, err
		}
		p.LogoURL = logoScheme + "://logo"
		return dotnet.GeneratePackage(tool, p, nil, nil)
	},
	"java": func(p *schema.Package) (map[string][]byte, error) {
		// As a package for somebody's own build: pom.xml is ours.
		files, err := java.GeneratePackage(tool, p, nil, nil, true, false)
		if err == nil {
			files["pom.xml"] = pom(p)
		}
		return files, err
	},
}

// Languages lists the SDKs that Write knows.
func Languages() []string { return slices.Sorted(maps.Keys(generators)) }

// Generate makes the files of one SDK from a schema that has a version.
func Generate(language string, spec []byte) (map[string][]byte, error) {
	generate, ok := generators[language]
	if !ok {
		return nil, fmt.Errorf("there is no SDK for %q; there are %v", language, Languages())
	}
	var parsed schema.PackageSpec
	if err := json.Unmarshal(spec, &parsed); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	if language == "java" {
		wrapResults(&parsed)
	}
	pkg, diags, err := schema.BindSpec(parsed, offline{}, schema.ValidationOptions{})
	if err != nil {
		return nil, fmt.Errorf("binding the schema: %w", err)
	}
	if diags.HasErrors() {
		return nil, fmt.Errorf("the schema is not valid: %w", diags)
	}
	files, err := generate(pkg)
	if err != nil {
		return nil, fmt.Errorf("generating the SDK for %s: %w", language, err)
	}
	return files, nil
}

// wrapResults gives functions that return a single value an object with it, as it is on the wire:
// the generator for Java makes them return nothing.
func wrapResults(spec *schema.PackageSpec) {
	for _, f := range spec.Functions {
		if f.ReturnType == nil || f.ReturnType.TypeSpec == nil {
			continue
		}
		f.ReturnType.ObjectTypeSpec = &schema.ObjectTypeSpec{
			Type:       "object",
			Properties: map[string]schema.PropertySpec{"result": {TypeSpec: *f.ReturnType.TypeSpec}},
			Required:   []string{"result"},
		}
		f.ReturnType.TypeSpec = nil
	}
}

// Write makes the files of one SDK in a folder. What an earlier call left there is removed.
func Write(language string, spec []byte, dir string) error {
	files, err := Generate(language, spec)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing what an earlier run wrote: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("making the SDK for %s: %w", language, err)
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil { // #nosec G306 -- source text
			return fmt.Errorf("writing the SDK for %s: %w", language, err)
		}
	}
	return nil
}
