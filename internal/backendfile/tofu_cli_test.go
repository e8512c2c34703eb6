package backendfile

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// tofu is OpenTofu in a directory, with the credentials of the server.
func tofu(t *testing.T, server *minio.Server, dir string, env ...string) func(args ...string) tfcli.Result {
	t.Helper()
	env = append(env, "AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey)
	c := tfcli.CLI{Path: testenv.OpenTofu(t), Dir: dir, Home: t.TempDir(), Env: env}
	return func(args ...string) tfcli.Result {
		t.Helper()
		result, err := c.Run(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}

func succeed(t *testing.T, r tfcli.Result) string {
	t.Helper()
	if r.ExitCode != 0 {
		t.Fatalf("exit code %d\n%s", r.ExitCode, r.Output())
	}
	return r.Output()
}

// tofuConfig is a state of OpenTofu's in a new bucket.
func tofuConfig(t *testing.T, key string) (*minio.Server, backendcfg.Config) {
	t.Helper()
	server, place, _ := newBucket(t)
	c := backendcfg.Config{Target: backendcfg.Target{Tool: backendcfg.OpenTofu}, Lock: backendcfg.Resolved{Mode: backendcfg.LockLockfile}}
	c.S3 = backendcfg.S3{Bucket: place.Bucket, Key: key, Region: place.Region, Endpoint: place.Endpoint, Flags: backendcfg.NonAWSFlags()}
	c.S3.Flags.UsePathStyle = true
	return server, c
}

// stateAt is the object of a state.
func stateAt(t *testing.T, server *minio.Server, bucket, key string) map[string]any {
	t.Helper()
	out, err := server.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	text, err := io.ReadAll(out.Body)
	must(t, err)
	var state map[string]any
	must(t, json.Unmarshal(text, &state))
	return state
}

const encryption = `# The key is the team's.
variable "passphrase" {
  type      = string
  sensitive = true
}

terraform {
  required_version = ">= 1.8"

  encryption {
    key_provider "pbkdf2" "team" {
      passphrase = var.passphrase
    }
    method "aes_gcm" "m" {
      keys = key_provider.pbkdf2.team
    }
    state {
      method   = method.aes_gcm.m
      enforced = true
    }
    remote_state_data_sources {
      default {
        method = method.aes_gcm.m
      }
    }
  }
}
`

// TestOpenTofuEncryptsTheState: the backend goes into the terraform block that holds somebody's
// encryption, in a .tofu file; the state arrives encrypted, the next phase reads it through its
// remote state, and what is left afterwards is the file as it was.
func TestOpenTofuEncryptsTheState(t *testing.T) {
	t.Parallel()
	server, c := tofuConfig(t, "infra/terraform.tfstate")
	root := t.TempDir()
	const passphrase = "TF_VAR_passphrase=correct-horse-battery"
	phase := func(name, output string, c backendcfg.Config) (File, Rendered) {
		must(t, os.Mkdir(filepath.Join(root, name), 0o700))
		f := File{Path: filepath.Join(root, name, "versions.tofu"), Root: root, Format: backendcfg.FormatTerraform, Placement: Block,
			IfExists: backendcfg.IfExistsError, Tool: backendcfg.OpenTofu}
		write(t, f.Path, encryption)
		write(t, filepath.Join(root, name, "main.tf"), "output \"x\" {\n  value = "+output+"\n}\n")
		if shadows, err := f.Shadows(""); err != nil || len(shadows) > 0 {
			t.Errorf("shadows: %v %v", err, shadows)
		}
		r := render(t, f, c)
		must(t, f.Create(r))
		return f, r
	}
	infra, written := phase("infra", `"c-${terraform.workspace}"`, c)
	run := tofu(t, server, filepath.Join(root, "infra"), passphrase)
	succeed(t, run("init"))
	succeed(t, run("apply", "-auto-approve"))
	state := stateAt(t, server, c.S3.Bucket, "infra/terraform.tfstate")
	if state["encrypted_data"] == nil || state["outputs"] != nil {
		t.Errorf("the state is not encrypted: %v", state)
	}
	if r := tofu(t, server, filepath.Join(root, "infra"), "TF_VAR_passphrase=another-horse-battery")("plan"); r.ExitCode == 0 {
		t.Error("another passphrase reads the state")
	}

	second := c
	second.S3.Key = "coder/terraform.tfstate"
	second.RemoteStates = []backendcfg.RemoteState{{Name: "infra", Key: "infra/terraform.tfstate"}}
	phase("coder", "data.terraform_remote_state.infra.outputs.x", second)
	run = tofu(t, server, filepath.Join(root, "coder"), passphrase)
	succeed(t, run("init"))
	if out := succeed(t, run("apply", "-auto-approve")); !strings.Contains(out, "c-default") {
		t.Errorf("the encrypted remote state was not read:\n%s", out)
	}

	must(t, infra.Delete(Sum(written.Content)))
	if text, _ := onDisk(t, infra.Path); text != encryption {
		t.Errorf("the file around the block became\n%s", text)
	}
}

// TestOpenTofuEarlyVariables: a backend with variables in it is OpenTofu's to evaluate. It works, and
// groundwork neither replaces nor adopts it unasked, and says why.
func TestOpenTofuEarlyVariables(t *testing.T) {
	t.Parallel()
	server, c := tofuConfig(t, "app/terraform.tfstate")
	root := t.TempDir()
	f := File{Path: filepath.Join(root, "backend.tofu"), Root: root, Format: backendcfg.FormatTerraform, Placement: Block,
		IfExists: backendcfg.IfExistsAdoptIdentical, Tool: backendcfg.OpenTofu}
	r := render(t, f, c)
	must(t, f.Create(r))
	text, _ := onDisk(t, f.Path)
	byHand := strings.Replace(text, "    # Managed by groundwork: changes inside this block are overwritten. (So is the terraform block.)\n", "", 1)
	byHand = strings.Replace(byHand, `"`+c.S3.Bucket+`"`, "var.bucket", 1)
	byHand = strings.Replace(byHand, `"app/terraform.tfstate"`, `"${local.name}/terraform.tfstate"`, 1)
	byHand += "\nvariable \"bucket\" {\n  type = string\n}\n\nlocals {\n  name = \"app\"\n}\n\noutput \"x\" {\n  value = 1\n}\n"
	write(t, f.Path, byHand)
	run := tofu(t, server, root, "TF_VAR_bucket="+c.S3.Bucket)
	succeed(t, run("init"))
	succeed(t, run("apply", "-auto-approve"))
	stateAt(t, server, c.S3.Bucket, "app/terraform.tfstate")

	for _, mode := range []backendcfg.IfExists{backendcfg.IfExistsError, backendcfg.IfExistsAdoptIdentical} {
		f.IfExists = mode
		var exists *backendcfg.ExistsError
		err := f.Create(r)
		if !errors.As(err, &exists) || !strings.Contains(err.Error(), "its bucket, key cannot be compared, since groundwork does not evaluate expressions") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	if after, _ := onDisk(t, f.Path); after != byHand {
		t.Errorf("the file became\n%s", after)
	}
	f.IfExists = backendcfg.IfExistsOverwrite
	must(t, f.Create(r))
	succeed(t, run("init"))
	succeed(t, run("plan", "-detailed-exitcode"))
}

// TestOpenTofuFiles: a file of groundwork's own may end in .tofu; a .tf twin beside it is what
// OpenTofu ignores, and Terraform reads neither.
func TestOpenTofuFiles(t *testing.T) {
	t.Parallel()
	server, c := tofuConfig(t, "tofu/terraform.tfstate")
	root := t.TempDir()
	f := File{Path: filepath.Join(root, "backend.tofu"), Root: root, Format: backendcfg.FormatTerraform, Placement: WholeFile, IfExists: backendcfg.IfExistsError, Tool: backendcfg.OpenTofu}
	must(t, f.Check())
	write(t, filepath.Join(root, "main.tf"), "output \"x\" {\n  value = 1\n}\n")
	must(t, f.Create(render(t, f, c)))
	run := tofu(t, server, root)
	succeed(t, run("init"))
	succeed(t, run("apply", "-auto-approve"))
	stateAt(t, server, c.S3.Bucket, "tofu/terraform.tfstate")

	twin := f
	twin.Path = filepath.Join(root, "backend.tf")
	for _, tt := range []struct {
		file File
		tool backendcfg.Tool
		want backendcfg.ShadowKind
	}{
		{twin, backendcfg.OpenTofu, backendcfg.ShadowTwin}, {f, backendcfg.Terraform, backendcfg.ShadowNotLoaded},
	} {
		tt.file.Tool = tt.tool
		shadows, err := tt.file.Shadows("")
		if err != nil || len(shadows) != 1 || shadows[0].Kind != tt.want {
			t.Errorf("%s for %s: %v %+v", tt.file.Path, tt.tool, err, shadows)
		}
	}
	write(t, twin.Path, "terraform {\n  backend \"local\" {}\n}\n")
	if shadows, err := f.Shadows(""); err != nil || len(shadows) != 1 || shadows[0].Kind != backendcfg.ShadowHides {
		t.Errorf("beside its twin: %v %+v", err, shadows)
	}
	succeed(t, run("init"))
	succeed(t, run("plan", "-detailed-exitcode"))
}
