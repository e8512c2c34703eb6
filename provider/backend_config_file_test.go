package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const backendFile = "groundwork_backend_config_file.test"

// backendText is what this file's configurations give for a key.
func backendText(key string) string {
	return `# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.

terraform {
  backend "s3" {
    bucket = "acme-states"
    key    = "` + key + `"
    region = "fr-par"

    use_lockfile = true

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true

    endpoints = {
      s3 = "https://s3.fr-par.scw.cloud"
    }
  }
}
`
}

// backendBlockText is the same as blocks inside a file.
func backendBlockText(key string) string {
	text := backendText(key)
	text = text[strings.Index(text, `  backend "s3"`):strings.LastIndex(text, "}\n")]
	text = strings.ReplaceAll(text, "\n  ", "\n")
	return strings.Replace(strings.TrimSpace(text), "{\n", "{\n  # Managed by groundwork: changes inside this block are overwritten.\n", 1) + "\n"
}

// backendConfig is a resource for Scaleway, which needs no provider configuration; more adds
// arguments, and inS3 adds some to s3.
func backendConfig(path, key, inS3, more string) string {
	return fmt.Sprintf(`
resource "groundwork_backend_config_file" "test" {
  path    = %q
  root    = %q
  service = "scaleway"
  s3 = {
    bucket = "acme-states"
    key    = %q
    %s
  }
  %s
}
`, path, filepath.Dir(path), key, inS3, more)
}

func writeFile(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func fileContent(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// expectFile checks a file's bytes after an apply.
func expectFile(tb testing.TB, path, want string) resource.TestCheckFunc {
	tb.Helper()
	return func(*terraform.State) error {
		got, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if string(got) != want {
			return fmt.Errorf("%s holds\n%s\nwant\n%s", path, got, want)
		}
		return nil
	}
}

func expectNoFile(path string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			return fmt.Errorf("%s is still there: %w", path, err)
		}
		return nil
	}
}

func contentIs(text string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("content"), knownvalue.StringExact(text))
}

func planShows(action plancheck.ResourceActionType, text string) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(backendFile, action),
		plancheck.ExpectKnownValue(backendFile, tfjsonpath.New("content"), knownvalue.StringExact(text)),
	}}
}

func emptyPlan() resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

func TestAccBackendConfigFileLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env", "backend.tf")
	root := fmt.Sprintf("root = %q", filepath.Dir(filepath.Dir(path)))
	first := strings.Replace(backendConfig(path, "a/terraform.tfstate", "", ""), fmt.Sprintf("root    = %q", filepath.Dir(path)), root, 1)
	second := strings.Replace(first, "a/terraform", "b/terraform", 1)
	drifted := backendText("b/terraform.tfstate") + "# by hand\n"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{
				Config:           first,
				ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, backendText("a/terraform.tfstate")),
				Check:            expectFile(t, path, backendText("a/terraform.tfstate")),
				ConfigStateChecks: []statecheck.StateCheck{
					contentIs(backendText("a/terraform.tfstate")),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("id"), knownvalue.StringExact(path)),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("content_sha256"), knownvalue.StringRegexp(regexp.MustCompile(`^[0-9a-f]{64}$`))),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("s3").AtMapKey("region"), knownvalue.StringExact("fr-par")),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("s3").AtMapKey("endpoint"), knownvalue.StringExact("https://s3.fr-par.scw.cloud")),
				},
			},
			{Config: first, ConfigPlanChecks: emptyPlan()},
			{
				Config:           second,
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, backendText("b/terraform.tfstate")),
				Check:            expectFile(t, path, backendText("b/terraform.tfstate")),
			},
			{ // a change by hand is drift, and repaired
				PreConfig:        func() { writeFile(t, path, drifted) },
				Config:           second,
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, backendText("b/terraform.tfstate")),
				Check:            expectFile(t, path, backendText("b/terraform.tfstate")),
			},
			{ // a file that is gone is made again
				PreConfig:        func() { _ = os.Remove(path) },
				Config:           second,
				ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, backendText("b/terraform.tfstate")),
				Check:            expectFile(t, path, backendText("b/terraform.tfstate")),
			},
			{ // line ends are version control's business
				PreConfig: func() {
					writeFile(t, path, strings.ReplaceAll(backendText("b/terraform.tfstate"), "\n", "\r\n"))
				},
				Config:           second,
				ConfigPlanChecks: emptyPlan(),
			},
			{
				Config: second, ResourceName: backendFile, ImportState: true, ImportStateId: path, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"lock", "dynamodb_table", "root"},
			},
		},
	})
}

func TestAccBackendConfigFileMove(t *testing.T) {
	dir := t.TempDir()
	old, next := filepath.Join(dir, "backend.tf"), filepath.Join(dir, "state.tf")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             resource.ComposeTestCheckFunc(expectNoFile(old), expectNoFile(next)),
		Steps: []resource.TestStep{
			{Config: backendConfig(old, "k", "", "")},
			{
				Config:           backendConfig(next, "k", "", ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionDestroyBeforeCreate, backendText("k")),
				Check:            resource.ComposeTestCheckFunc(expectNoFile(old), expectFile(t, next, backendText("k"))),
			},
			{
				Config:            backendConfig(next, "k", "", `placement = "block"`),
				ConfigPlanChecks:  planShows(plancheck.ResourceActionDestroyBeforeCreate, backendBlockText("k")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(backendBlockText("k"))},
			},
			{
				Config:           backendConfig(next, "k", "", ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionDestroyBeforeCreate, backendText("k")),
				Check:            expectFile(t, next, backendText("k")),
			},
		},
	})
}
