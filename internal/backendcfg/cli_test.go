package backendcfg

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// cli runs the real tool in dir. No provider is installed: nothing here needs one.
func cli(t testing.TB, tool Tool, dir string, env ...string) func(args ...string) tfcli.Result {
	t.Helper()
	c := tfcli.CLI{Path: testenv.Tool(t, tool.Command()), Dir: dir, Home: t.TempDir(), Env: env}
	return func(args ...string) tfcli.Result {
		t.Helper()
		result, err := c.Run(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
}

func must(t testing.TB, r tfcli.Result) string {
	t.Helper()
	if r.ExitCode != 0 {
		t.Fatalf("exit code %d\n%s", r.ExitCode, r.Output())
	}
	return r.Output()
}

var bothTools = []Tool{Terraform, OpenTofu}

// TestToolsAcceptRendered shows every kind of backend to the real tools: they
// parse it, find it formatted, and validate it.
func TestToolsAcceptRendered(t *testing.T) {
	for _, tool := range bothTools {
		for name, c := range kinds(t) {
			if c.Target.Tool != tool && (c.Target.Tool == OpenTofu || c.Target.Version != nil) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", tool, name), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				out, err := RenderTerraform(c)
				if err != nil {
					t.Fatal(err)
				}
				if err := Write(filepath.Join(dir, "backend.tf"), out, FileOptions{Root: dir}); err != nil {
					t.Fatal(err)
				}
				run := cli(t, tool, dir)
				must(t, run("fmt", "-check", "-diff"))
				must(t, run("init", "-backend=false"))
				must(t, run("validate"))
			})
		}
	}
}

// TestToolsKnowEveryArgument: validate looks at a data source's config with the
// backend's own schema, but not at a backend block. So all that can stand in a
// block stands in data sources here.
func TestToolsKnowEveryArgument(t *testing.T) {
	for _, tool := range bothTools {
		t.Run(tool.String(), func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			for name, c := range kinds(t) {
				if tool == Terraform && c.PG != nil && c.PG.TableName != "" {
					continue // OpenTofu's alone, which Validate sees to
				}
				c.Target = Target{Tool: tool}
				fmt.Fprintf(&b, "data %q %q {\n  backend = %q\n  config = {\n", remoteStateType, "k"+strings.ReplaceAll(name, ".", "_"), c.Type())
				writeGroups(&b, backendArguments(c))
				b.WriteString("}\n}\n")
			}
			dir := writeFiles(t, map[string]string{"main.tf": b.String()})
			run := cli(t, tool, dir)
			must(t, run("init", "-backend=false"))
			must(t, run("validate"))

			// The same test with an argument that does not exist must fail, or it proves nothing.
			for _, name := range []string{"skip_region_validation", "skip_schema_creation", "skip_cert_verification"} {
				wrong := strings.Replace(b.String(), name, name+"s", 1)
				if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(wrong), 0o600); err != nil {
					t.Fatal(err)
				}
				if r := run("validate"); r.ExitCode == 0 {
					t.Errorf("an argument that does not exist passed:\n%s", r.Output())
				}
			}
		})
	}
}

func onMinIO(t testing.TB, server *minio.Server, tool Tool) Config {
	t.Helper()
	c := Config{Target: Target{Tool: tool}, Lock: Resolved{Mode: LockLockfile}}
	c.S3 = S3{Bucket: testenv.BucketName(t), Key: "infra/terraform.tfstate", Region: server.Region, Endpoint: server.Endpoint, Flags: NonAWSFlags()}
	c.S3.Flags.UsePathStyle = true
	if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(c.S3.Bucket)}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestTwoPhases goes the whole way on a real service: the first phase has its
// backend in a file of its own, the second in somebody's CRLF file with a byte
// order mark, with a data source that reads the first one's output.
func TestTwoPhases(t *testing.T) {
	server := testenv.MinIO(t)
	for _, tool := range bothTools {
		t.Run(tool.String(), func(t *testing.T) {
			c := onMinIO(t, server, tool)
			env := []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey}
			root := writeFiles(t, map[string]string{
				"infra/main.tf":       "output \"cluster\" {\n  value = \"c-${terraform.workspace}\"\n}\n",
				"coder/providers.tf":  "\xef\xbb\xbfterraform {\r\n\trequired_version = \">= 1.6\"\r\n}\r\n",
				"coder/outputs.tf":    "output \"seen\" {\n  value = data.terraform_remote_state.infra.outputs\n}\n",
				"legacy/main.tf":      "terraform {\n  backend \"s3\" {}\n}\noutput \"x\" {\n  value = 1\n}\n",
				"legacy/bucket.ready": "",
			})

			whole, err := RenderTerraform(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := Write(filepath.Join(root, "infra", "backend.tf"), whole, FileOptions{Root: root}); err != nil {
				t.Fatal(err)
			}
			run := cli(t, tool, filepath.Join(root, "infra"), env...)
			must(t, run("init"))
			must(t, run("apply", "-auto-approve"))
			wantObject(t, server, c.S3.Bucket, "infra/terraform.tfstate")

			second := c
			second.S3.Key = "coder/terraform.tfstate"
			second.RemoteStates = []RemoteState{{Name: "infra", Key: "infra/terraform.tfstate", Defaults: map[string]any{"zone": "${none}"}}}
			fragment := mustFragment(t, second)
			path := filepath.Join(root, "coder", "providers.tf")
			if err := Update(path, FileOptions{Root: root}, func(old []byte, _ bool) ([]byte, error) {
				return Edit(old, path, fragment, EditOptions{})
			}); err != nil {
				t.Fatal(err)
			}
			run = cli(t, tool, filepath.Join(root, "coder"), env...)
			must(t, run("init"))
			must(t, run("apply", "-auto-approve"))
			var outputs map[string]struct{ Value map[string]any }
			if err := json.Unmarshal([]byte(must(t, run("output", "-json"))), &outputs); err != nil {
				t.Fatal(err)
			}
			if v := outputs["seen"].Value; v["cluster"] != "c-default" || v["zone"] != "${none}" {
				t.Errorf("the second phase saw %v", v)
			}
			wantObject(t, server, c.S3.Bucket, "coder/terraform.tfstate")

			legacy := c
			legacy.S3.Key, legacy.S3.WorkspaceKeyPrefix = "dev/terraform.tfstate", "workspaces"
			partial, err := RenderTFBackend(legacy)
			if err != nil {
				t.Fatal(err)
			}
			if err := Write(filepath.Join(root, "dev.s3.tfbackend"), partial, FileOptions{Root: root}); err != nil {
				t.Fatal(err)
			}
			run = cli(t, tool, filepath.Join(root, "legacy"), env...)
			must(t, run("init", "-backend-config=../dev.s3.tfbackend"))
			must(t, run("workspace", "new", "blue"))
			must(t, run("apply", "-auto-approve"))
			wantObject(t, server, c.S3.Bucket, "workspaces/blue/dev/terraform.tfstate")
		})
	}
}

func wantObject(t *testing.T, server *minio.Server, bucket, key string) {
	t.Helper()
	if _, err := server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}); err != nil {
		t.Errorf("the state is not at %s/%s: %v", bucket, key, err)
	}
}

// TestToolsAgree compares what ParseDir and Shadows say with what the tools do.
func TestToolsAgree(t *testing.T) {
	local := func(path string) string {
		return fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", path)
	}
	const cloud = "terraform {\n  cloud {\n    workspaces {\n      name = \"w\"\n    }\n  }\n}\n"
	jsonLocal := `{"terraform": {"backend": {"local": {"path": "json.tfstate"}}}}`
	for name, files := range map[string]map[string]string{
		"plain":          {"backend.tf": local("a.tfstate")},
		"collision":      {"backend.tf": local("a.tfstate"), "main.tf": local("b.tfstate")},
		"JSON collision": {"backend.tf": local("a.tfstate"), "backend.tf.json": jsonLocal},
		"cloud":          {"backend.tf": local("a.tfstate"), "main.tf": cloud},
		"override":       {"backend.tf": local("a.tfstate"), "backend_override.tf": local("b.tfstate")},
		"overrides":      {"backend.tf": local("a.tfstate"), "a_override.tf.json": jsonLocal, "override.tf": local("c.tfstate"), "z_override.tf": "locals {}\n"},
		"twin":           {"backend.tf": local("a.tfstate"), "backend.tofu": local("b.tfstate")},
		"empty twin":     {"backend.tf": local("a.tfstate"), "backend.tofu": "locals {}\n", "main.tf": "locals {}\n"},
		"tofu collision": {"backend.tf": local("a.tfstate"), "main.tofu": local("b.tfstate")},
		"hidden twin":    {"backend.tf": local("a.tfstate"), ".backend.tofu": local("b.tfstate"), "backend.tf~": local("c.tfstate")},
	} {
		for _, tool := range bothTools {
			t.Run(fmt.Sprintf("%s/%s", name, tool), func(t *testing.T) {
				t.Parallel()
				dir := writeFiles(t, files)
				d, err := ParseDir(dir, tool)
				if err != nil {
					t.Fatal(err)
				}
				shadows, err := Shadows(dir, "backend.tf", tool)
				if err != nil {
					t.Fatal(err)
				}
				refused := false
				for _, s := range shadows {
					refused = refused || s.Kind == ShadowCollision || s.Kind == ShadowCloud
				}
				r := cli(t, tool, dir)("init")
				if (r.ExitCode != 0) != refused {
					t.Fatalf("exit code %d, but Shadows says %+v\n%s", r.ExitCode, shadows, r.Output())
				}
				if refused {
					return
				}
				used, want := usedPath(t, dir), ""
				if b := d.Effective(); b != nil {
					want, _ = b.Text("path")
				}
				if used != want {
					t.Errorf("the tool uses %q, ParseDir says %q", used, want)
				}
				if (len(shadows) == 0) != (used == "a.tfstate") {
					t.Errorf("the tool uses %q, Shadows says %+v", used, shadows)
				}
			})
		}
	}
}

// usedPath is the local backend's path as init recorded it, or "".
func usedPath(t *testing.T, dir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ".terraform", "terraform.tfstate"))
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Backend struct {
			Config struct{ Path string }
		}
	}
	if err := json.Unmarshal(raw, &state); err != nil {
		t.Fatal(err)
	}
	return state.Backend.Config.Path
}
