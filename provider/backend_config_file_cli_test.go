package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// backendUser is a checkout in which one workspace, gen, writes the backends of the others.
type backendUser struct {
	t              *testing.T
	tool, dir      string
	bucket, marker string
	env            []string
}

func newBackendUser(t *testing.T, tool, path string) *backendUser {
	t.Helper()
	server := testenv.MinIO(t)
	u := &backendUser{
		t: t, tool: path, dir: t.TempDir(), bucket: testenv.BucketName(t), marker: "by " + tool,
		env: []string{
			"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey,
			"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + server.Endpoint,
		},
	}
	if _, err := directStore(t).Ensure(t.Context(), u.bucket, s3store.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	u.write("app/main.tf", "resource \"terraform_data\" \"x\" {\n  input = \"made "+u.marker+"\"\n}\noutput \"x\" {\n  value = terraform_data.x.output\n}\n")
	u.write("coder/providers.tf", "terraform {\r\n  required_version = \">= 1.10\" # both tools\r\n}\r\n")
	u.write("coder/main.tf", "output \"seen\" {\n  value = data.terraform_remote_state.app.outputs.x\n}\n")
	u.write("partial/main.tf", "terraform {\n  backend \"s3\" {}\n}\noutput \"p\" {\n  value = 1\n}\n")
	u.write("gen/main.tf", cliHeader+fmt.Sprintf(`
locals {
  bucket = %q
}
resource "groundwork_backend_config_file" "app" {
  path = "../app/backend.tf"
  root = ".."
  tool = %[2]q
  s3   = { bucket = local.bucket, key = provider::groundwork::state_key("dev", "app"), workspace_key_prefix = "spaces" }
}
resource "groundwork_backend_config_file" "coder" {
  path          = "../coder/providers.tf"
  root          = ".."
  placement     = "block"
  tool          = %[2]q
  s3            = { bucket = local.bucket, key = provider::groundwork::state_key("dev", "coder") }
  remote_states = { app = { key = groundwork_backend_config_file.app.s3.key } }
}
resource "groundwork_backend_config_file" "partial" {
  path   = "../partial/prod.s3.tfbackend"
  root   = ".."
  format = "tfbackend"
  tool   = %[2]q
  s3     = { bucket = local.bucket, key = "partial.tfstate" }
}
`, u.bucket, map[string]string{"terraform": "terraform", "tofu": "opentofu"}[tool]))
	return u
}

func (u *backendUser) write(name, content string) {
	u.t.Helper()
	path := filepath.Join(u.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		u.t.Fatal(err)
	}
	writeFile(u.t, path, content)
}

func (u *backendUser) in(workspace string) *testenv.CLI {
	return testenv.NewCLI(u.t, u.tool, filepath.Join(u.dir, workspace), u.env...)
}

func (u *backendUser) has(keys ...string) {
	u.t.Helper()
	found := map[string]bool{}
	for o, err := range directStore(u.t).Objects(u.t.Context(), u.bucket, "") {
		if err != nil {
			u.t.Fatal(err)
		}
		found[o.Key] = true
	}
	for _, key := range keys {
		if !found[key] {
			u.t.Errorf("there is no %s among %v", key, found)
		}
	}
	if len(found) != len(keys) {
		u.t.Errorf("the bucket holds %v", found)
	}
}

// TestAccBackendConfigFileInUse: what is written works, for both tools, in every form: a state moves
// there from a local file, workspaces live beside it, another client's lock holds, the next phase
// reads it, and a partial configuration completes an empty block.
func TestAccBackendConfigFileInUse(t *testing.T) {
	for tool, path := range map[string]func(testing.TB) string{"terraform": testenv.Terraform, "tofu": testenv.OpenTofu} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			u := newBackendUser(t, tool, path(t))
			before := fileContent(t, filepath.Join(u.dir, "coder", "providers.tf"))
			app, gen := u.in("app"), u.in("gen")
			app.Must("init")
			app.Must("apply", "-auto-approve") // into a local file, as everybody starts

			gen.Must("init")
			gen.Must("apply", "-auto-approve")
			gen.Must("plan", "-detailed-exitcode")
			app.Must("init", "-migrate-state", "-force-copy")
			app.Must("plan", "-detailed-exitcode")
			u.has("app/terraform.tfstate")

			u.lockHolds(app)
			app.Must("workspace", "new", "blue")
			app.Must("apply", "-auto-approve")
			u.has("app/terraform.tfstate", "spaces/blue/app/terraform.tfstate")

			coder := u.in("coder")
			coder.Must("init")
			if out := coder.Must("apply", "-auto-approve").Output(); !strings.Contains(out, "made "+u.marker) {
				t.Errorf("the remote state was not read:\n%s", out)
			}
			partial := u.in("partial")
			partial.Must("init", "-backend-config=prod.s3.tfbackend")
			partial.Must("apply", "-auto-approve")
			u.has("app/terraform.tfstate", "spaces/blue/app/terraform.tfstate", "coder/terraform.tfstate", "partial.tfstate")

			gen.Must("destroy", "-auto-approve")
			if after := fileContent(t, filepath.Join(u.dir, "coder", "providers.tf")); after != before {
				t.Errorf("the file around the block became %q", after)
			}
			for _, name := range []string{"app/backend.tf", "partial/prod.s3.tfbackend"} {
				if _, err := os.Stat(filepath.Join(u.dir, name)); !os.IsNotExist(err) {
					t.Errorf("%s is still there: %v", name, err)
				}
			}
		})
	}
}

// lockHolds puts the lock of another client into the bucket and expects to be refused.
func (u *backendUser) lockHolds(cli *testenv.CLI) {
	u.t.Helper()
	const key = "app/terraform.tfstate.tflock"
	info := fmt.Sprintf(`{"ID":"7f3a2b1c-1111-4222-8333-444455556666","Operation":"OperationTypeApply","Info":"","Who":"ci@build-7","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":"%s/app/terraform.tfstate"}`, u.bucket)
	put(u.t, u.bucket, key, info)()
	out := cli.Run("plan")
	if out.ExitCode == 0 || !strings.Contains(out.Output(), "ci@build-7") || !strings.Contains(out.Output(), "7f3a2b1c-1111-4222-8333-444455556666") {
		u.t.Errorf("under another client's lock: exit code %d\n%s", out.ExitCode, out.Output())
	}
	if err := directStore(u.t).DeleteObject(u.t.Context(), u.bucket, key, ""); err != nil {
		u.t.Fatal(err)
	}
	cli.Must("plan", "-detailed-exitcode")
}
