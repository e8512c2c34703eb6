package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// fileConfig is a configuration of one file.
func fileConfig(path, format, more string) string {
	return fmt.Sprintf("resource \"groundwork_backend_config_file\" \"test\" {\n  path = %q\n  root = %q\n  format = %q\n%s\n}\n", path, filepath.Dir(path), format, more)
}

func pulumiBucket(name string) string {
	return fmt.Sprintf("service = \"scaleway\"\npulumi = { bucket = %q, region = \"fr-par\" }", name)
}

func projectText(bucket string) string {
	return "backend:\n  url: s3://" + bucket + "?region=fr-par&endpoint=https://s3.fr-par.scw.cloud\n"
}

// TestAccBackendConfigFileProjectLife: backend.url of somebody's project is set, changed, found changed,
// and taken out again, and every other byte survives.
func TestAccBackendConfigFileProjectLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Pulumi.yaml")
	const before = "# ours\r\nname: web # the site\r\nruntime:\r\n  name: nodejs\r\n  options: {a: [1, 2]}\r\n"
	writeFile(t, path, before)
	windows := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectFile(t, path, before),
		Steps: []resource.TestStep{
			{
				Config:           fileConfig(path, "pulumi_project", pulumiBucket("acme-a")),
				ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, projectText("acme-a")),
				ConfigStateChecks: []statecheck.StateCheck{
					contentIs(projectText("acme-a")),
					statecheck.ExpectKnownValue(backendFile, at("placement"), knownvalue.StringExact("block")),
					statecheck.ExpectKnownValue(backendFile, at("pulumi").AtMapKey("endpoint"), knownvalue.StringExact("https://s3.fr-par.scw.cloud")),
					statecheck.ExpectKnownValue(backendFile, at("s3"), knownvalue.Null()),
				},
				Check: expectFile(t, path, before+windows(projectText("acme-a"))),
			},
			{Config: fileConfig(path, "pulumi_project", pulumiBucket("acme-a")), ConfigPlanChecks: emptyPlan()},
			{
				Config:           fileConfig(path, "pulumi_project", pulumiBucket("acme-b")),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, projectText("acme-b")),
				Check:            expectFile(t, path, before+windows(projectText("acme-b"))),
			},
			{
				PreConfig: func() {
					writeFile(t, path, before+"backend:\r\n  url: \"file://~\" # for now\r\nmain: x\r\n")
				},
				Config:           fileConfig(path, "pulumi_project", pulumiBucket("acme-b")),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, projectText("acme-b")),
				Check:            expectFile(t, path, before+"backend:\r\n  url: \"s3://acme-b?region=fr-par&endpoint=https://s3.fr-par.scw.cloud\" # for now\r\nmain: x\r\n"),
			},
			{
				PreConfig:        func() { writeFile(t, path, before) }, // taken out by hand
				Config:           fileConfig(path, "pulumi_project", pulumiBucket("acme-b")),
				ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, projectText("acme-b")),
			},
			{
				Config:           fileConfig(path, "pulumi_project", "pulumi = { url = \"postgres://db.example.org:5433/states?sslmode=verify-full\" }"),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, "backend:\n  url: postgres://db.example.org:5433/states?sslmode=verify-full\n"),
			},
			{Config: fileConfig(path, "pulumi_project", "pulumi = { url = \"postgres://db.example.org:5433/states?sslmode=verify-full\" }"), ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFileProjectCreated: a project that groundwork makes goes with the resource.
func TestAccBackendConfigFileProjectCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Pulumi.yaml")
	config := fileConfig(path, "pulumi_project", `service = "aws"
pulumi = { bucket = "acme-states", region = "eu-west-1", prefix = "web", tool_version = "3.258.0", parameters = { kmskeyid = "alias/states" }, project = { name = "web", runtime = "yaml" } }`)
	content := "backend:\n  url: s3://acme-states/web?region=eu-west-1&kmskeyid=alias/states\n"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{
				Config: fileConfig(path, "pulumi_project", pulumiBucket("acme-states")), PlanOnly: true,
				ExpectError: words("does not exist; make the project with `pulumi new`, or let groundwork make the file with pulumi.project"),
			},
			{
				Config: config, ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, content),
				Check: expectFile(t, path, "# Created by groundwork, which manages backend.url; the rest is yours.\nname: web\nruntime: yaml\n"+content),
			},
			{Config: config, ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFileDotenvLife is the same for variables.
func TestAccBackendConfigFileDotenvLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".env")
	const before = "# ours\nAWS_SECRET_ACCESS_KEY=hunter2hunter2\nAWS_REGION=fr-par # where\n"
	writeFile(t, path, before)
	const begin, end = "# Managed by groundwork, up to the line that says so: changes in between are overwritten.\n", "# End of what groundwork manages.\n"
	const content = "PULUMI_BACKEND_URL='s3://acme-states?region=fr-par&endpoint=https://s3.fr-par.scw.cloud'\nPULUMI_CONFIG_PASSPHRASE_FILE=/run/secrets/pulumi\n" +
		"AWS_REGION=fr-par\nAWS_ENDPOINT_URL_S3=https://s3.fr-par.scw.cloud\nPULUMI_LOCK_DB_HOST=db.example.org\nPULUMI_LOCK_DB_NAME=pulumi_state_lock\nPULUMI_LOCK_TIMEOUT=300\n"
	const shorter = "PULUMI_BACKEND_URL='s3://acme-states?region=fr-par&endpoint=https://s3.fr-par.scw.cloud'\n"
	config := func(more string) string {
		return fileConfig(path, "dotenv", `service = "scaleway"
pulumi = { bucket = "acme-states", region = "fr-par", passphrase_file = "/run/secrets/pulumi" }
lock_database = { host = "db.example.org", name = "pulumi_state_lock", timeout = 300 }
`+more)
	}
	adopt := `if_exists = "adopt_identical"`
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectFile(t, path, "# ours\nAWS_SECRET_ACCESS_KEY=hunter2hunter2\n# where\n"),
		Steps: []resource.TestStep{
			{Config: config(""), PlanOnly: true, ExpectError: words("exists already and says the same; set if_exists")},
			{
				Config: config(adopt), ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, content), ConfigStateChecks: []statecheck.StateCheck{contentIs(content)},
				Check: expectFile(t, path, "# ours\nAWS_SECRET_ACCESS_KEY=hunter2hunter2\n# where\n\n"+begin+content+end),
			},
			{Config: config(adopt), ConfigPlanChecks: emptyPlan()},
			{
				PreConfig: func() {
					writeFile(t, path, strings.Replace(fileContent(t, path), "TIMEOUT=300", "TIMEOUT=1", 1))
				},
				Config: config(adopt), ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, content),
			},
			{
				Config:           fileConfig(path, "dotenv", "service = \"scaleway\"\npulumi = { bucket = \"acme-states\", region = \"fr-par\", aws_variables = false }"),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, shorter),
				Check:            expectFile(t, path, "# ours\nAWS_SECRET_ACCESS_KEY=hunter2hunter2\n# where\n\n"+begin+shorter+end),
			},
			{
				Config: fileConfig(path, "dotenv", "s3 = { bucket = \"acme-states\", key = \"k\", region = \"us-east-1\", endpoint = \"https://us-east-1.linodeobjects.com\", skip_s3_checksum = true }"),
				ConfigStateChecks: []statecheck.StateCheck{contentIs("AWS_REGION=us-east-1\nAWS_ENDPOINT_URL_S3=https://us-east-1.linodeobjects.com\n" +
					"AWS_REQUEST_CHECKSUM_CALCULATION=when_required\nAWS_RESPONSE_CHECKSUM_VALIDATION=when_required\n")},
			},
		},
	})
}

// TestAccBackendConfigFileInPlaceImport: what groundwork wrote is imported without a change.
func TestAccBackendConfigFileInPlaceImport(t *testing.T) {
	for name, tt := range map[string]struct{ file, format, more string }{
		"project":  {"Pulumi.yaml", "pulumi_project", "service = \"scaleway\"\npulumi = { bucket = \"acme-states\", region = \"fr-par\", endpoint = \"https://s3.fr-par.scw.cloud\", prefix = \"web\", use_path_style = false }"},
		"postgres": {"Pulumi.yaml", "pulumi_project", "pulumi = { url = \"postgres://db/states\" }"},
		"dotenv":   {".env", "dotenv", "service = \"scaleway\"\npulumi = { bucket = \"acme-states\", region = \"fr-par\", aws_variables = false }\nlock_database = { host = \"db\", port = 5433, name = \"l\", user = \"ci\", timeout = 0, scope = \"stack\" }"},
		"http": {"backend.tf", "terraform", "http = { address = \"https://states.example.org/a\", lock_address = \"https://states.example.org/a/lock\", unlock_address = \"https://states.example.org/a/lock\", lock_method = \"POST\", unlock_method = \"DELETE\", retry_wait_min = 5 }\n" +
			"remote_states = { infra = { address = \"https://states.example.org/b\" } }"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), tt.file)
			if tt.format == "pulumi_project" {
				writeFile(t, path, "name: web\nruntime: go\n")
			}
			config := fileConfig(path, tt.format, tt.more)
			importBlock := fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", backendFile, path)
			var written []byte
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
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

func TestAccBackendConfigFilePulumiErrors(t *testing.T) {
	dir := t.TempDir()
	project, dotenv := filepath.Join(dir, "Pulumi.yaml"), filepath.Join(dir, ".env")
	writeFile(t, project, "name: x\n---\nname: y\n")
	step := func(path, format, more, message string) resource.TestStep {
		return resource.TestStep{Config: fileConfig(path, format, more), PlanOnly: true, ExpectError: words(message)}
	}
	terraformFile := filepath.Join(dir, "backend.tf")
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			step(project, "pulumi_project", pulumiBucket("acme-states"), "line 2 starts a second document"),
			step(project, "pulumi_project", `s3 = { bucket = "acme-states", key = "k" }`, "pulumi is missing: a Pulumi.yaml"),
			step(terraformFile, "terraform", pulumiBucket("acme-states"), `has no place in the format "terraform"`),
			step(terraformFile, "terraform", "pg = {}\nlock_database = { host = \"x\" }", "lock_database has a place in a .env file only"),
			step(dotenv, "dotenv", "pg = {}", "no variables that are not credentials"),
			step(dotenv, "dotenv", "pulumi = {}", "exactly one of pulumi.bucket"),
			step(dotenv, "dotenv", `pulumi = { bucket = "b-b", url = "s3://b-b" }`, "exactly one of pulumi.bucket"),
			step(dotenv, "dotenv", `pulumi = { url = "s3://b-b", region = "x" }`, "pulumi.region is a part of the address"),
			step(dotenv, "dotenv", `pulumi = { url = "postgres://me:hunter2@db/x" }`, "pulumi.url holds a URL with a user name or password"),
			step(dotenv, "dotenv", `pulumi = { url = "s3://b-b?acl=x" }`, "the parameter acl, which Pulumi does not know"),
			step(dotenv, "dotenv", `pulumi = { url = "s3://b-b", secrets_provider = "vault" }`, "of a kind that Pulumi does not know"),
			step(dotenv, "dotenv", "lock = \"none\"\npulumi = { url = \"s3://b-b\" }", "lock = \"none\" is about a bucket"),
			step(dotenv, "dotenv", "placement = \"file\"\npulumi = { url = \"s3://b-b\" }", "a part is managed only"),
			step(dotenv, "dotenv", `pulumi = { bucket = "b-b", tool_version = "3.244.0", parameters = { fips = "true" } }`, "is known to Pulumi since 3.245.0"),
			step(dotenv, "dotenv", `pulumi = { bucket = "b-b", tool_version = "latest-ish" }`, "a version of the Pulumi CLI such as 3.258.0"),
			step(filepath.Join(dir, "Pulumi.dev.yaml"), "pulumi_project", pulumiBucket("acme-states"), "where Pulumi does not look for a project"),
			step(terraformFile, "terraform", `http = { address = "https://u:hunter2@h/x" }`, "http.address holds a URL with a user name or password"),
			step(terraformFile, "terraform", `http = { address = "https://h/x", lock_address = "https://h/l" }`, "unlock_address is missing beside lock_address"),
			step(terraformFile, "terraform", `http = { address = "https://h/x?token=abc" }`, "credential by its name"),
			step(terraformFile, "terraform", "http = { address = \"https://h/x\" }\npg = {}", "A state is in one place"),
			step(terraformFile, "terraform", "http = { address = \"https://h/x\" }\nremote_states = { a = { key = \"k\" } }", "needs its address"),
		},
	})
}

// TestAccBackendConfigPulumi: the data source shows the same texts.
func TestAccBackendConfigPulumi(t *testing.T) {
	show := func(name, config string) string {
		return "data \"groundwork_backend_config\" \"" + name + "\" {\n" + config + "\n}\n"
	}
	value := func(name, attribute string, want knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.groundwork_backend_config."+name, tfjsonpath.New(attribute), want)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{{
			Config: show("project", "format = \"pulumi_project\"\n"+pulumiBucket("acme-states")) +
				show("dotenv", "format = \"dotenv\"\nlock_database = { host = \"db\" }\npulumi = { url = \"file:///var/lib/states\" }") +
				show("http", "http = { address = \"https://states.example.org/a\" }"),
			ConfigStateChecks: []statecheck.StateCheck{
				value("project", "content", knownvalue.StringExact(projectText("acme-states"))),
				value("project", "backend_config", knownvalue.MapExact(map[string]knownvalue.Check{
					"url": knownvalue.StringExact("s3://acme-states?region=fr-par&endpoint=https://s3.fr-par.scw.cloud")})),
				value("dotenv", "content", knownvalue.StringExact("PULUMI_BACKEND_URL=file:///var/lib/states\nPULUMI_LOCK_DB_HOST=db\n")),
				value("dotenv", "backend_config", knownvalue.MapExact(map[string]knownvalue.Check{
					"PULUMI_BACKEND_URL": knownvalue.StringExact("file:///var/lib/states"), "PULUMI_LOCK_DB_HOST": knownvalue.StringExact("db")})),
				value("http", "backend_config", knownvalue.MapExact(map[string]knownvalue.Check{"address": knownvalue.StringExact("https://states.example.org/a")})),
			},
		}},
	})
}
