package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// TestAccBackendConfigFileImport: whatever the configuration says about a file that groundwork
// wrote, its import plans no change, neither in the plan that imports nor in the one after.
func TestAccBackendConfigFileImport(t *testing.T) {
	const remotes = `
remote_states = {
  infra = { key = "infra/terraform.tfstate" }
  dns = {
    bucket = "acme-shared", key = "dns.tfstate", region = "nl-ams", endpoint = "https://s3.nl-ams.scw.cloud"
    workspace = "live", workspace_key_prefix = "", defaults = jsonencode({ zones = ["a", "b"], id = null, n = 3, url = "a&b" })
  }
}`
	for name, tt := range map[string]struct{ file, inS3, more string }{
		"minimal":     {"backend.tf", "", ""},
		"spelled_out": {"backend.tf", `region = "fr-par", endpoint = "https://s3.fr-par.scw.cloud", use_path_style = false, skip_s3_checksum = false`, "lock = \"auto\"\nif_exists = \"overwrite\"\ndynamodb_table = \"locks\"\ntool = \"opentofu\"\ntool_version = \"1.11.0\"\nfile_permission = \"0600\"\nformat = \"terraform\"\nplacement = \"file\""},
		"all_of_s3":   {"backend.tf", `workspace_key_prefix = "ws", encrypt = true, kms_key_id = "alias/states", profile = "p", max_retries = 0, custom_ca_bundle = "/ca.pem", dynamodb_endpoint = "http://127.0.0.1:8000", sts_endpoint = "http://127.0.0.1:9", use_path_style = true, skip_s3_checksum = true, assume_role = { role_arn = "arn:aws:iam::111122223333:role/x", duration = "90m", policy_arns = ["arn:aws:iam::111122223333:policy/x"], tags = { a = "b" } }`, `lock = "none"`},
		"dynamodb":    {"backend.tf", "", "lock = \"unknown\"\ndynamodb_table = \"locks\"\nremote_states = {}"},
		"remotes":     {"backend.tf", `workspace_key_prefix = "ws"`, remotes},
		"old_tool":    {"backend.tf", "", "tool_version = \"1.5.7\"\nlock = \"none\""},
		"block":       {"providers.tf", "", "placement = \"block\"" + remotes},
		"tfbackend":   {"prod.s3.tfbackend", "", `format = "tfbackend"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), tt.file)
			config := backendConfig(path, "k", tt.inS3, tt.more)
			importBlock := fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", backendFile, path)
			var written []byte
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				CheckDestroy:             expectNoFile(path),
				Steps: []resource.TestStep{
					{Config: config, Check: func(*terraform.State) (err error) {
						written, err = os.ReadFile(path)
						return err
					}},
					{Config: config, Destroy: true},
					{
						PreConfig: func() { writeFile(t, path, string(written)) },
						Config:    config + importBlock,
						ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
							plancheck.ExpectResourceAction(backendFile, plancheck.ResourceActionNoop),
						}},
					},
					{Config: config, ConfigPlanChecks: emptyPlan()},
				},
			})
		})
	}
}

// TestAccBackendConfigFileImportThenChange: what follows an import is an ordinary life.
func TestAccBackendConfigFileImportThenChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	writeFile(t, path, backendText("a"))
	first, second := backendConfig(path, "a", "", `tool_version = "1.12.0"`), backendConfig(path, "b", "", `tool_version = "1.12.0"`)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{Config: first, ResourceName: backendFile, ImportState: true, ImportStateId: path, ImportStatePersist: true},
			{Config: first, ConfigPlanChecks: emptyPlan()},
			{Config: second, ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, backendText("b")), Check: expectFile(t, path, backendText("b"))},
			{Config: second, ConfigPlanChecks: emptyPlan()},
			{Config: backendConfig(path, "b", "", ""), ConfigStateChecks: []statecheck.StateCheck{contentIs(backendText("b"))}},
		},
	})
}

// TestAccBackendConfigFileImportOfOthers: a file by hand is taken over by an import, and the plan
// shows what becomes of it.
func TestAccBackendConfigFileImportOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "providers.tf")
	before := "terraform {\n  required_version = \">= 1.0\"\n  backend \"s3\" {\n    bucket = \"acme-states\"\n    key    = \"old\"\n  }\n}\n\nlocals {}\n"
	writeFile(t, path, before)
	config := backendConfig(path, "k", "", `placement = "block"`)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectFile(t, path, "terraform {\n  required_version = \">= 1.0\"\n}\n\nlocals {}\n"),
		Steps: []resource.TestStep{
			{Config: config, ResourceName: backendFile, ImportState: true, ImportStateId: path, ImportStatePersist: true},
			{
				Config:            config,
				ConfigPlanChecks:  planShows(plancheck.ResourceActionUpdate, backendBlockText("k")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(backendBlockText("k"))},
			},
		},
	})
}

func TestAccBackendConfigFileImportErrors(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "gcs.tf"), "terraform {\n  backend \"gcs\" {}\n}\n")
	config := backendConfig(filepath.Join(dir, "backend.tf"), "k", "", "")
	step := func(id, message string) resource.TestStep {
		return resource.TestStep{
			Config: config, ResourceName: backendFile, ImportState: true, ImportStateId: id, ExpectError: regexp.MustCompile(message),
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			step(filepath.Join(dir, "none.tf"), `there\s+is\s+no\s+such\s+file`),
			step(filepath.Join(dir, "gcs.tf"), `no\s+backend\s+"s3",\s+"pg"\s+or\s+"http"\s+in\s+it`),
			step(dir, `is\s+a\s+directory`),
		},
	})
}
