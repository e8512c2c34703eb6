package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// The provider of this checkout, installed and asked for its schema by both CLIs.
func TestCLIRunsTheProvider(t *testing.T) {
	text := `terraform {
  required_providers {
    groundwork = { source = "` + tfcli.Source() + `" }
  }
}
`
	for name, path := range map[string]string{"terraform": Terraform(t), "tofu": OpenTofu(t)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cli := NewCLI(t, path, dir)
			cli.Must("init")
			if out := cli.Must("providers", "schema", "-json").Stdout; !strings.Contains(out, "groundwork_state_bucket") {
				t.Errorf("the schema lacks groundwork_state_bucket:\n%.500s", out)
			}
			if result := cli.Run("validate", "-nonsense"); result.ExitCode == 0 {
				t.Errorf("a wrong flag is no failure:\n%s", result.Output())
			}
		})
	}
}

func TestMustFailsTheTest(t *testing.T) {
	cli := NewCLI(t, Terraform(t), t.TempDir())
	got := failure(t, func(tb testing.TB) {
		cli.tb = tb
		cli.Must("validate", "-nonsense")
	})
	for _, want := range []string{"validate", "exit code 1", "-nonsense"} {
		if !strings.Contains(got, want) {
			t.Errorf("the failure does not say %q: %s", want, got)
		}
	}
}

func TestProviderBinary(t *testing.T) {
	path := ProviderBinary(t)
	if base := strings.TrimSuffix(filepath.Base(path), ".exe"); base != "terraform-provider-groundwork" {
		t.Errorf("it is called %s", base)
	}
	if again := ProviderBinary(t); again != path {
		t.Errorf("it was built again: %s", again)
	}
	if _, err := os.Stat(filepath.Join(RepoRoot(t), "go.mod")); err != nil {
		t.Error(err)
	}
}
