package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

func TestAccEnvironmentLayout(t *testing.T) {
	const address = "data.groundwork_environment_layout.test"
	root := t.TempDir()
	for name, content := range map[string]string{
		"dev/main.tf":           "locals {}\n",
		"staging/infra/main.tf": "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"infra/terraform.tfstate\"\n  }\n}\n",
		"staging/coder/main.tf": "terraform {\n  cloud {}\n}\n",
		"prod/main.tf":          "locals {}\n",
		"prod/infra/main.tf":    "locals {}\n",
		"notes/README.md":       "none\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
	config := func(more string) string {
		return fmt.Sprintf("data \"groundwork_environment_layout\" \"test\" {\n  root = %q\n  %s\n}\n", root, more)
	}
	text, null := func(s string) knownvalue.Check { return knownvalue.StringExact(s) }, knownvalue.Null()
	state := func(phase knownvalue.Check, path, key string, backend, file, backendKey knownvalue.Check) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{
			"phase": phase, "path": text(filepath.Join(root, path)), "key": text(key), "has_backend": knownvalue.Bool(backend != null),
			"backend_type": backend, "backend_file": file, "backend_key": backendKey,
		})
	}
	environment := func(path, structure string, states ...knownvalue.Check) knownvalue.Check {
		return knownvalue.ObjectExact(map[string]knownvalue.Check{
			"path": text(filepath.Join(root, path)), "structure": text(structure), "states": knownvalue.ListExact(states),
		})
	}
	staging := environment("staging", "phased",
		state(text("infra"), "staging/infra", "infra/terraform.tfstate", text("s3"), text("main.tf"), text("infra/terraform.tfstate")),
		state(text("coder"), "staging/coder", "coder/terraform.tfstate", text("cloud"), text("main.tf"), null))
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config: config(""),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{
						"dev":     environment("dev", "legacy", state(null, "dev", "dev/terraform.tfstate", null, null, null)),
						"staging": staging,
						"prod": environment("prod", "mixed",
							state(null, "prod", "prod/terraform.tfstate", null, null, null),
							state(text("infra"), "prod/infra", "infra/terraform.tfstate", null, null, null)),
						"notes": environment("notes", "empty"),
					}), "environments"),
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{
						"dev": text("dev/terraform.tfstate"), "staging/infra": text("infra/terraform.tfstate"), "staging/coder": text("coder/terraform.tfstate"),
						"prod": text("prod/terraform.tfstate"), "prod/infra": text("infra/terraform.tfstate"),
					}), "keys"),
					dataIs(address, knownvalue.ListExact([]knownvalue.Check{text("infra"), text("coder")}), "phases"),
				},
			},
			{
				Config: config(`environment = "staging"`),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{"staging": staging}), "environments"),
				},
			},
			{
				Config: config("environment = \"staging\"\nphases = [\"coder\"]\ntool = \"opentofu\""),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{"staging/coder": text("coder/terraform.tfstate")}), "keys"),
				},
			},
			{Config: config(`environment = "none"`), ExpectError: words("none: cannot be read")},
			{Config: config(`environment = "../etc"`), ExpectError: words(`Environment "../etc" has characters that cannot be in a state's key`)},
			{Config: config(`phases = ["a/b"]`), ExpectError: words(`Phase "a/b" has characters that cannot be in a state's key`)},
			{Config: config(`phases = ["infra", "infra"]`), ExpectError: words(`duplicate values`)},
			{
				PreConfig: func() { writeFile(t, filepath.Join(root, "dev", "broken.tf"), "terraform {") },
				Config:    config(""), ExpectError: words("correct the file first"),
			},
		},
	})
}
