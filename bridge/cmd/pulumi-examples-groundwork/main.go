// Command pulumi-examples-groundwork completes the examples in a schema that pulumi-tfgen-groundwork
// has written, in place. `make schema` runs it, in the folder of the bridge.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/internal/examples"
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pulumi-examples-groundwork SCHEMA.json")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	data, err := os.ReadFile(file) // #nosec G304 G703 -- the caller's own file
	if err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(data, &spec); err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	info := provider.Provider()
	pages := examples.Pages{
		Info: &info, Terraform: os.DirFS("../examples"), Own: os.DirFS("examples/docs"),
		PythonPackage: provider.PythonPackage, JavaPackage: provider.JavaPackage,
	}
	if err := pages.Complete(&spec); err != nil {
		return err
	}
	// As tfgen writes it.
	if data, err = json.MarshalIndent(spec, "", "    "); err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	if err := os.WriteFile(file, bytes.TrimSpace(data), 0o644); err != nil { // #nosec G306 G703 -- part of the sources
		return fmt.Errorf("writing the schema: %w", err)
	}
	return nil
}
