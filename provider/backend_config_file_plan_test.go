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
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func refused(config, message string) resource.TestStep {
	return resource.TestStep{Config: config, PlanOnly: true, ExpectError: words(message)}
}

func TestAccBackendConfigFileInvalid(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backend.tf")
	more := func(lines ...string) string { return backendConfig(path, "k", "", strings.Join(lines, "\n")) }
	in := func(arguments string) string { return backendConfig(path, "k", arguments, "") }
	key := func(k string) string { return backendConfig(path, k, "", "") }
	at := func(file, arguments string) string {
		return backendConfig(filepath.Join(dir, file), "k", "", arguments)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			refused(key("/k"), `key is "/k", which starts with /; remove it`),
			refused(key("k/"), `key is "k/", which ends with /`),
			refused(key("a//b"), `contains //; use one / between the parts`),
			refused(key("a/../b"), `contains ..; write the path without it`),
			refused(key(""), `key is empty; write it like infra/terraform.tfstate`),
			refused(strings.Replace(key("k"), "acme-states", "Acme", 1), `bucket is "Acme"; a bucket's name has 3 to 63`),
			refused(key("AKIAIOSFODNN7EXAMPLE"), `key holds what looks like an AWS access key ID`),
			refused(in(`endpoint = "https://user:hunter2@s3.example.com"`), `endpoint holds a URL with a user name or password`),
			refused(in(`endpoint = "s3.example.com"`), `endpoint has no http:// or https:// and host`),
			refused(in(`region = ""`), `string length must be at least 1`),
			refused(in(`region = "mars"`), `Scaleway Object Storage has no region "mars"`),
			refused(in(`max_retries = -1`), `must be between 0 and 100`),
			refused(in(`assume_role = { role_arn = "arn:aws:iam::111122223333:role/x", duration = "5m" }`), `Write a duration from 15m to 12h`),
			refused(strings.Replace(key("k"), `"scaleway"`, `"acme"`, 1), `value must be one of`),
			refused(more(`lock = "maybe"`), `value must be one of`),
			refused(more(`lock = "dynamodb"`), `lock = "dynamodb" needs dynamodb_table`),
			refused(more(`lock = "unknown"`), `data "groundwork_s3_capabilities" with this bucket and probe = true`),
			refused(more(`lock = "lockfile"`, `tool_version = "1.9.8"`), `use_lockfile needs Terraform 1.10 or newer`),
			refused(more(`tool = "pulumi"`), `value must be one of`),
			refused(more(`tool_version = "new"`), `Write a version such as 1.11.4, or latest`),
			refused(more(`format = "yaml"`), `value must be one of`),
			refused(more(`placement = "line"`), `value must be one of`),
			refused(more(`if_exists = "ask"`), `value must be one of`),
			refused(more(`file_permission = "0444"`), `write an octal mode that lets the owner read and write`),
			refused(more(`remote_states = { "1x" = { key = "k" } }`), `it names a data source`),
			refused(more(`remote_states = { x = { key = "/k" } }`), `remote_states["x"].key is "/k", which starts with /`),
			refused(more(`remote_states = { x = { key = "k", defaults = "[]" } }`), `This is not a JSON object`),
			refused(more(`remote_states = { x = { key = "k", defaults = jsonencode({ db_password = "hunter2" }) } }`), `holds a secret, by its name`),
			refused(at("backend.tf.json", ""), `which the tools read as JSON`),
			refused(at("x.tf", `format = "tfbackend"`), `which the tools would load as configuration`),
			refused(at("x.tfbackend", "format = \"tfbackend\"\nplacement = \"block\""), `a tfbackend file holds arguments and no blocks`),
			refused(at("x.tfbackend", "format = \"tfbackend\"\nremote_states = { x = { key = \"k\" } }"), `use format = "terraform", or leave remote_states out`),
			refused(at("backend.hcl", ""), `does not read backend.hcl: give the file a name that ends in .tf`),
			refused(at("backend.tofu", ""), `Terraform does not read backend.tofu`),
		},
	})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("refused, and something was written: %v %v", entries, err)
	}
}

// TestAccBackendConfigFileSecretNotShown: the CLI prints the line of a configuration at which an
// error is put.
func TestAccBackendConfigFileSecretNotShown(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "main.tf"), cliHeader+backendConfig(filepath.Join(dir, "backend.tf"), "AKIAIOSFODNN7EXAMPLE", "", ""))
	cli := testenv.NewCLI(t, testenv.Terraform(t), dir)
	cli.Must("init")
	out := cli.Run("plan")
	if out.ExitCode == 0 || strings.Contains(out.Output(), "AKIAIOSFODNN7EXAMPLE") || !strings.Contains(out.Output(), "Credential in Backend Configuration") {
		t.Errorf("exit code %d\n%s", out.ExitCode, out.Output())
	}
}

// TestAccBackendConfigFileWarnings: what works and should be known is said once, when the text
// changes; what shadows the file is said as long as it does.
func TestAccBackendConfigFileWarnings(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "main.tf"), cliHeader+`
resource "groundwork_backend_config_file" "test" {
  path         = "app/backend.tf"
  service      = "versity"
  tool_version = "1.6.0"
  s3           = { bucket = "acme-states", key = "k", endpoint = "https://s3.example.com", custom_ca_bundle = "ca.pem", skip_s3_checksum = true }
}
`)
	if err := os.Mkdir(filepath.Join(dir, "app"), 0o750); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "app", "backend_override.tf"), "terraform {\n  backend \"local\" {}\n}\n")
	writeFile(t, filepath.Join(dir, "app", "broken.tf"), "terraform {")
	cli := testenv.NewCLI(t, testenv.Terraform(t), dir, "TF_CLI_ARGS=-no-color")
	cli.Must("init")
	once := []string{
		"This state is not locked: this service does not honour the conditional write",
		"No backend argument stops Terraform from sending checksums",
		"does not have skip_s3_checksum (added in 1.6.3)",
	}
	always := []string{
		"overrides the backend with a local one, as a bootstrap does",
		"Whether something shadows this backend configuration is not certain: app/broken.tf:1:11",
	}
	check := func(output string, patterns []string, want bool) {
		t.Helper()
		for _, p := range patterns {
			if words(p).MatchString(output) != want {
				t.Errorf("%q is shown: %v, in\n%s", p, !want, output)
			}
		}
	}
	created := cli.Must("apply", "-auto-approve").Output()
	check(created, once, true)
	check(created, always, true)
	after := cli.Must("plan", "-detailed-exitcode").Output()
	check(after, once, false)
	check(after, always, true)
}

func TestAccBackendConfigFileBadPaths(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	inside := filepath.Join(dir, "root")
	for _, d := range []string{inside, filepath.Join(inside, "dir.tf")} {
		if err := os.Mkdir(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"link": outside, "file.tf": filepath.Join(outside, "x.tf")} {
		if err := os.Symlink(target, filepath.Join(inside, link)); err != nil {
			t.Fatal(err)
		}
	}
	config := func(path string) string {
		return strings.Replace(backendConfig(path, "k", "", ""), fmt.Sprintf("root    = %q", filepath.Dir(path)), fmt.Sprintf("root = %q", inside), 1)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			refused(config(filepath.Join(inside, "dir.tf")), `is a directory; name a file in it`),
			refused(config(filepath.Join(dir, "backend.tf")), `move the file inside, or name a root that contains it`),
			refused(config(filepath.Join(inside, "link", "backend.tf")), `move the file inside, or name a root that contains it`),
			refused(config(filepath.Join(inside, "file.tf")), `move the file inside, or name a root that contains it`),
			refused(config(inside+"/sub/../../../backend.tf"), `move the file inside, or name a root that contains it`),
			refused(strings.Replace(config("/tmp/backend.tf"), fmt.Sprintf("root = %q", inside), "", 1), `move the file inside, or name a root that contains it`),
		},
	})
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("written outside of the root: %v %v", entries, err)
	}
}

func TestAccBackendConfigFileShadows(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backend.tf")
	config := backendConfig(path, "k", "", "")
	var last string
	neighbour := func(name, content string) func() {
		return func() {
			if last != "" {
				_ = os.Remove(last)
			}
			if name != "" {
				last = filepath.Join(dir, name)
				writeFile(t, last, content)
			}
		}
	}
	step := func(name, content, config, message string) resource.TestStep {
		s := refused(config, message)
		s.PreConfig = neighbour(name, content)
		return s
	}
	s3 := "terraform {\n  backend \"s3\" {}\n}\n"
	tofu := backendConfig(path, "k", "", `tool = "opentofu"`)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			step("main.tf", s3, config, `has a backend "s3" block already, and a second one is refused`),
			step("main.tf.json", `{"terraform":{"backend":{"s3":{}}}}`, config, `has a backend "s3" block already`),
			step("cloud.tf", "terraform {\n  cloud {}\n}\n", config, `has a cloud block, which cannot stand beside a backend block`),
			step("backend_override.tf", s3, config, `override files come last: remove that block`),
			step("backend.tofu", "", tofu, `backend.tofu and ignores backend.tf beside it`),
			{ // the usual bootstrap is a warning
				PreConfig: neighbour("backend_override.tf", "terraform {\n  backend \"local\" {}\n}\n"),
				Config:    config,
				Check:     expectFile(t, path, backendText("k")),
			},
			{ // what comes later is a warning as well: the file is ours and stays
				PreConfig:        neighbour("zzz_override.tf", s3),
				Config:           config,
				ConfigPlanChecks: emptyPlan(),
			},
			{ // a neighbour that does not parse is not ours to judge
				PreConfig:        neighbour("broken.tf", "terraform {"),
				Config:           config,
				ConfigPlanChecks: emptyPlan(),
			},
			{PreConfig: neighbour("", ""), Config: config, ConfigPlanChecks: emptyPlan()},
		},
	})
}

func TestAccBackendConfigFileIfExists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	other := "terraform {\n  backend \"local\" {}\n}\n"
	same := "# by hand\n" + backendText("k")[strings.Index(backendText("k"), "terraform {"):]
	holds := func(content string) func() { return func() { writeFile(t, path, content) } }
	with := func(mode string) string { return backendConfig(path, "k", "", fmt.Sprintf("if_exists = %q", mode)) }
	written := expectFile(t, path, backendText("k"))
	step := func(content string, s resource.TestStep) resource.TestStep {
		s.PreConfig = holds(content)
		return s
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			step(other, refused(backendConfig(path, "k", "", ""), `exists already and differs`)),
			step(other, refused(with("adopt_identical"), `remove it, or set if_exists = "overwrite" to replace it`)),
			step(same, refused(with("error"), `set if_exists = "adopt_identical" to take it over`)),
			step(same, resource.TestStep{Config: with("adopt_identical"), Check: written}),
			{Config: with("error"), Destroy: true},
			step(backendText("k"), resource.TestStep{Config: with("error"), Check: written}), // an interrupted run
			{Config: with("error"), Destroy: true},
			step(other, resource.TestStep{Config: with("overwrite"), Check: written}),
			{Config: with("error"), ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
		},
	})
}

// TestAccBackendConfigFileDestroyKeepsOthers: a file that was changed is not deleted.
func TestAccBackendConfigFileDestroyKeepsOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	config := backendConfig(path, "k", "", "")
	changed := backendText("k") + "locals {}\n"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{Config: config},
			{
				PreConfig: func() { writeFile(t, path, changed) },
				Config:    config, Destroy: true,
				ExpectError: words(`was changed since groundwork wrote it, so it was not deleted`),
			},
			{
				PreConfig: func() {
					if got := fileContent(t, path); got != changed {
						t.Errorf("the file became\n%s", got)
					}
				},
				Config: config, Check: expectFile(t, path, backendText("k")),
			},
		},
	})
}

// TestAccBackendConfigFileBlocks goes through the shapes of files that the editor knows, all in
// one apply, and takes every block out again.
func TestAccBackendConfigFileBlocks(t *testing.T) {
	dir := t.TempDir()
	var config strings.Builder
	before := map[string]string{}
	corpus, err := filepath.Glob("../internal/backendcfg/testdata/edit/*.tf")
	if err != nil || len(corpus) < 20 {
		t.Fatalf("%d files: %v", len(corpus), err)
	}
	for i, source := range corpus {
		content := fileContent(t, source)
		if strings.Contains(content, "backend \"s3\"") || strings.Contains(content, "terraform_remote_state") {
			continue // what is replaced does not come back
		}
		path := filepath.Join(dir, fmt.Sprint(i), "providers.tf")
		if err := os.Mkdir(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
		before[path] = content
		name := strings.NewReplacer(".", "_", "-", "_").Replace(strings.TrimSuffix(filepath.Base(source), ".tf"))
		config.WriteString(strings.Replace(backendConfig(path, "k", "", "placement = \"block\"\nremote_states = { infra = { key = \"i\" } }"), `"test"`, `"`+name+`"`, 1))
	}
	same := func(*terraformState) error {
		for path, want := range before {
			got, err := os.ReadFile(path)
			if os.IsNotExist(err) && want == "" {
				continue // nothing is left of an empty file
			}
			if err != nil || string(got) != want {
				return fmt.Errorf("%s holds %q, want %q: %w", path, got, want, err)
			}
		}
		return nil
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             same,
		Steps: []resource.TestStep{
			{Config: config.String(), Check: func(*terraformState) error {
				for path := range before {
					if got := fileContent(t, path); strings.Count(got, `key    = "k"`) != 1 || strings.Count(got, `key    = "i"`) != 1 {
						return fmt.Errorf("%s holds\n%s", path, got)
					}
				}
				return nil
			}},
			{Config: config.String(), ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFileBlockLife: drift in the block is repaired, and around it is none.
func TestAccBackendConfigFileBlockLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "providers.tf")
	writeFile(t, path, "terraform {\r\n\trequired_version = \">= 1.0\"\r\n}\r\n# end")
	config := backendConfig(path, "k", "", `placement = "block"`)
	edit := func(from, to string) func() {
		return func() { writeFile(t, path, strings.Replace(fileContent(t, path), from, to, 1)) }
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectFile(t, path, "terraform {\r\n\trequired_version = \">= 1.1\"\r\n}\r\n# end"),
		Steps: []resource.TestStep{
			{Config: config, ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, backendBlockText("k"))},
			{PreConfig: edit(">= 1.0", ">= 1.1"), Config: config, ConfigPlanChecks: emptyPlan()},
			{
				PreConfig: edit(`"acme-states"`, `"other-states"`), Config: config,
				ConfigPlanChecks:  planShows(plancheck.ResourceActionUpdate, backendBlockText("k")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(backendBlockText("k"))},
			},
			{Config: config, ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFileOneFileTwice: two resources that want the same file in one apply. The
// first one has it, and the second one is told so; the file holds one block.
func TestAccBackendConfigFileOneFileTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "providers.tf")
	writeFile(t, path, "locals {}\n")
	one := backendConfig(path, "one", "", `placement = "block"`)
	two := strings.Replace(backendConfig(path, "two", "", `placement = "block"`), `"test"`, `"second"`, 1)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: one + two, ExpectError: words("exists already and differs")},
			{
				PreConfig: func() {
					if got := fileContent(t, path); strings.Count(got, `backend "s3"`) != 1 || !strings.HasPrefix(got, "locals {}\n") {
						t.Errorf("the file is\n%s", got)
					}
					writeFile(t, path, "locals {}\n") // whichever was first
				},
				Config: strings.ReplaceAll(one+two, `"two"`, `"one"`), // the same text twice does no harm
			},
		},
	})
}

// TestAccBackendConfigFileUnknown: a bucket of the same apply, on a service of which nothing is
// known. The probe decides the lock, and the text waits for it.
func TestAccBackendConfigFileUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	bucket := testenv.BucketName(t)
	server := testenv.MinIO(t)
	config := minioProviderBlockAs(t, "custom") + fmt.Sprintf(`
resource "groundwork_state_bucket" "test" {
  name                = %q
  deletion_protection = false
}
resource "groundwork_backend_config_file" "test" {
  path = %q
  root = %q
  lock = groundwork_state_bucket.test.lock_strategy
  s3 = {
    bucket = groundwork_state_bucket.test.name
    key    = "infra/terraform.tfstate"
  }
}
`, bucket, path, filepath.Dir(path))
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("content")),
					plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("content_sha256")),
					plancheck.ExpectKnownValue(backendFile, tfjsonpath.New("s3").AtMapKey("endpoint"), knownvalue.StringExact(server.Endpoint)),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("lock"), knownvalue.StringExact("lockfile")),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("service"), knownvalue.StringExact("custom")),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("content"), knownvalue.StringRegexp(regexp.MustCompile(`(?s)use_lockfile = true.*use_path_style += true`))),
				},
			},
			{Config: config, ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFileUnknownS3: all of s3 is decided in the same apply.
func TestAccBackendConfigFileUnknownS3(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	config := fmt.Sprintf(`
resource "terraform_data" "s3" {
  input = { bucket = "acme-states", key = "k" }
}
resource "groundwork_backend_config_file" "test" {
  path          = %q
  root          = %q
  service       = "scaleway"
  s3            = terraform_data.s3.output
  remote_states = { %%s }
}
`, path, filepath.Dir(path))
	unknown := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("s3")),
		plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("content")),
	}}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{ // a mistake shows at once, whatever is unknown
				Config:      strings.Replace(fmt.Sprintf(config, ""), "terraform_data.s3.output", `{ bucket = terraform_data.s3.output.bucket, key = "/k" }`, 1),
				PlanOnly:    true,
				ExpectError: words(`key is "/k", which starts with /`),
			},
			{Config: fmt.Sprintf(config, `x = { key = "other" }`), ConfigPlanChecks: unknown},
			{Config: fmt.Sprintf(config, ""), Destroy: true},
			{Config: strings.Replace(config, "remote_states = { %s }", "", 1), ConfigPlanChecks: unknown, Check: expectFile(t, path, backendText("k"))},
		},
	})
}

// TestAccBackendConfigFileUnknownProvider: an endpoint that is decided in the same apply leaves
// the text unknown, and fails nothing.
func TestAccBackendConfigFileUnknownProvider(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	config := fmt.Sprintf(`
resource "terraform_data" "endpoint" {
  input = "http://127.0.0.1:9000"
}
provider "groundwork" {
  service  = "minio"
  endpoint = terraform_data.endpoint.output
}
resource "groundwork_backend_config_file" "test" {
  path = %q
  root = %q
  s3 = {
    bucket = "acme-states"
    key    = "k"
  }
}
`, path, filepath.Dir(path))
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("content")),
					plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("service")),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("s3").AtMapKey("endpoint"), knownvalue.StringExact("http://127.0.0.1:9000")),
				},
			},
			{Config: config, ConfigPlanChecks: emptyPlan()},
		},
	})
}
