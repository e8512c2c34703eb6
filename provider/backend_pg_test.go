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

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// pgText is what this file's configurations give for a schema.
func pgText(schema string) string {
	return `# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. The connection comes from the environment, as
# PG_CONN_STR, and never from conn_str in this file. It must not lead through a
# PgBouncer that pools transactions: the lock does not hold there.
# Never use OpenTofu 1.10 or newer with the same database: they lock differently.

terraform {
  backend "pg" {
    schema_name = "` + schema + `"
  }
}
`
}

func pgBlockText(schema string) string {
	return "backend \"pg\" {\n  # Managed by groundwork: changes inside this block are overwritten.\n  schema_name = \"" + schema + "\"\n}\n"
}

// pgConfig is a resource whose provider is not configured at all.
func pgConfig(path, inPG, more string) string {
	return fmt.Sprintf("resource \"groundwork_backend_config_file\" \"test\" {\n  path = %q\n  root = %q\n  pg = { %s }\n  %s\n}\n", path, filepath.Dir(path), inPG, more)
}

func schemaNamed(name string) string { return fmt.Sprintf("schema_name = %q", name) }

func TestAccBackendConfigFilePG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	const standard = "terraform_remote_state"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{
				Config:           pgConfig(path, "", ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionCreate, pgText(standard)),
				Check:            expectFile(t, path, pgText(standard)),
				ConfigStateChecks: []statecheck.StateCheck{
					contentIs(pgText(standard)),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("pg").AtMapKey("schema_name"), knownvalue.StringExact(standard)),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("lock"), knownvalue.StringExact("auto")),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("service"), knownvalue.Null()),
					statecheck.ExpectKnownValue(backendFile, tfjsonpath.New("s3"), knownvalue.Null()),
				},
			},
			{Config: pgConfig(path, "", `lock = "auto"`), ConfigPlanChecks: emptyPlan()},
			{
				Config:           pgConfig(path, schemaNamed("coder"), ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, pgText("coder")),
				Check:            expectFile(t, path, pgText("coder")),
			},
			{ // a connection by hand is drift, is not shown, and goes
				PreConfig: func() {
					writeFile(t, path, strings.Replace(pgText("coder"), "schema_name", "conn_str = \"postgres://u:hunter2@h/d\"\n    schema_name", 1))
				},
				Config: pgConfig(path, schemaNamed("coder"), ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(backendFile, plancheck.ResourceActionUpdate),
				}},
				Check: resource.ComposeTestCheckFunc(expectFile(t, path, pgText("coder")), func(s *terraform.State) error {
					if strings.Contains(s.String(), "hunter2") {
						return fmt.Errorf("the state holds the password: %s", s)
					}
					return nil
				}),
			},
			{Config: pgConfig(path, schemaNamed("coder"), ""), ConfigPlanChecks: emptyPlan()},
			{
				Config: pgConfig(path, schemaNamed("coder"), ""), ResourceName: backendFile, ImportState: true, ImportStateId: path,
				ImportStateVerify: true, ImportStateVerifyIgnore: []string{"root"},
			},
			{ // to a bucket, and back
				Config:           backendConfig(path, "k", "", ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, backendText("k")),
				Check:            expectFile(t, path, backendText("k")),
			},
			{
				Config:           pgConfig(path, schemaNamed("coder"), ""),
				ConfigPlanChecks: planShows(plancheck.ResourceActionUpdate, pgText("coder")),
				Check:            expectFile(t, path, pgText("coder")),
			},
			{Config: pgConfig(path, schemaNamed("coder"), ""), ConfigPlanChecks: emptyPlan()},
		},
	})
}

// TestAccBackendConfigFilePGImport: as for a bucket, an import plans no change.
func TestAccBackendConfigFilePGImport(t *testing.T) {
	const remotes = `
remote_states = {
  infra = { schema_name = "infra" }
  blue  = { workspace = "blue", defaults = jsonencode({ id = null }) }
}`
	const all = `schema_name = "coder", skip_schema_creation = true, skip_table_creation = true, skip_index_creation = false, table_name = "t", index_name = "i"`
	for name, tt := range map[string]struct{ file, inPG, more string }{
		"minimal":   {"backend.tf", "", ""},
		"remotes":   {"backend.tf", `skip_schema_creation = true`, remotes},
		"all":       {"backend.tf", all, "tool = \"opentofu\"\ntool_version = \"1.10.0\"\nlock = \"auto\"" + remotes},
		"block":     {"providers.tf", schemaNamed("coder"), "placement = \"block\"" + remotes},
		"tfbackend": {"prod.pg.tfbackend", schemaNamed("coder"), `format = "tfbackend"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), tt.file)
			config := pgConfig(path, tt.inPG, tt.more)
			var written []byte
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				CheckDestroy:             expectNoFile(path),
				Steps: []resource.TestStep{
					{Config: config, Check: func(*terraform.State) (err error) {
						written, err = os.ReadFile(path)
						return err
					}},
					{Config: config, ConfigPlanChecks: emptyPlan()},
					{Config: config, Destroy: true},
					{
						PreConfig: func() { writeFile(t, path, string(written)) },
						Config:    config + fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", backendFile, path),
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

// TestAccBackendConfigFilePGBlock: in somebody's file every other byte stays, a backend of another
// type is refused, and groundwork's own moves from one type to the other.
func TestAccBackendConfigFilePGBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "providers.tf")
	before := "terraform {\r\n  required_version = \">= 1.0\" # both\r\n}\r\n\r\nlocals {}\r\n"
	writeFile(t, path, strings.Replace(before, "}", "  backend \"gcs\" {}\r\n}", 1))
	config := func(inPG string) string { return pgConfig(path, inPG, `placement = "block"`) }
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectFile(t, path, before),
		Steps: []resource.TestStep{
			refused(config(""), `configured to be in backend "gcs" already`),
			{
				PreConfig: func() { writeFile(t, path, strings.Replace(before, "}", "  backend \"s3\" {}\r\n}", 1)) },
				Config:    config(""), PlanOnly: true, ExpectError: words(`configured to be in backend "s3" already`),
			},
			{
				PreConfig:         func() { writeFile(t, path, before) },
				Config:            config(schemaNamed("a")),
				ConfigPlanChecks:  planShows(plancheck.ResourceActionCreate, pgBlockText("a")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(pgBlockText("a"))},
			},
			{
				PreConfig: func() {
					writeFile(t, path, strings.Replace(fileContent(t, path), `"a"`, `"b"`, 1))
				},
				Config:            config(schemaNamed("a")),
				ConfigPlanChecks:  planShows(plancheck.ResourceActionUpdate, pgBlockText("a")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(pgBlockText("a"))},
			},
			{
				Config:            backendConfig(path, "k", "", `placement = "block"`),
				ConfigPlanChecks:  planShows(plancheck.ResourceActionUpdate, backendBlockText("k")),
				ConfigStateChecks: []statecheck.StateCheck{contentIs(backendBlockText("k"))},
			},
			{Config: config(schemaNamed("a")), ConfigStateChecks: []statecheck.StateCheck{contentIs(pgBlockText("a"))}},
			{Config: config(schemaNamed("a")), ConfigPlanChecks: emptyPlan()},
		},
	})
}

func TestAccBackendConfigFilePGInvalid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	with := func(inPG, more string) string { return pgConfig(path, inPG, more) }
	neither := strings.Replace(with("", ""), "pg = {  }", "", 1)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			refused(neither, "Write exactly one of s3, for a bucket, pg, for PostgreSQL, http, for a REST address, and pulumi"),
			refused(with("", `s3 = { bucket = "acme-states", key = "k" }`), "A state is in one place. Write exactly one of s3"),
			refused(with("", `lock = "lockfile"`), `lock = "lockfile" is about a bucket`),
			refused(with("", `lock = "none"`), `lock = "none" is about a bucket`),
			refused(with("", `lock = "unknown"`), `lock = "unknown" is about a bucket`),
			refused(with("", `dynamodb_table = "locks"`), "dynamodb_table is about a bucket"),
			refused(with("", `service = "scaleway"`), "service is about a bucket"),
			refused(with(`table_name = "t"`, ""), "table_name is known to OpenTofu alone, since 1.10"),
			refused(with(`index_name = "i"`, "tool = \"opentofu\"\ntool_version = \"1.9.1\""), "index_name is known to OpenTofu alone, since 1.10, and this is for OpenTofu 1.9.1"),
			refused(with(schemaNamed("pg_x"), ""), "PostgreSQL keeps names that start with pg_ for itself"),
			refused(with(schemaNamed(strings.Repeat("x", 64)), ""), "is 64 bytes long; PostgreSQL cuts names off after 63"),
			refused(with(schemaNamed("postgres://u:hunter2@h/d"), ""), "schema_name holds a URL with a user name or password: a backend configuration is committed and must hold no credentials"),
			refused(with(schemaNamed("host=h password=hunter2"), ""), "give it in the environment (PG_CONN_STR)"),
			refused(with("", `remote_states = { infra = { key = "k" } }`), "key is about a bucket"),
			refused(with("", `remote_states = { infra = { bucket = "acme-states" } }`), "bucket is about a bucket"),
			refused(strings.Replace(with("", "format = \"tfbackend\"\nremote_states = { infra = {} }"), "backend.tf", "x.tfbackend", 1), "remote_states cannot stand in the format"),
			refused(backendConfig(path, "k", "", `remote_states = { infra = { schema_name = "s", key = "k" } }`), "schema_name is about PostgreSQL"),
			refused(backendConfig(path, "k", "", `remote_states = { infra = {} }`), "A state in a bucket needs its key"),
		},
	})
}

// TestAccBackendConfigFilePGUnknown: what another resource decides is unknown in the plan, and
// checked when it is known.
func TestAccBackendConfigFilePGUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backend.tf")
	from := func(value, rest string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"x\" {\n  input = %s\n}\n", value) + rest
	}
	inner := pgConfig(path, "schema_name = terraform_data.x.output", "")
	whole := strings.Replace(pgConfig(path, "", ""), "pg = {  }", "pg = terraform_data.x.output", 1)
	lock := pgConfig(path, "", "lock = terraform_data.x.output")
	unknown := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(backendFile, tfjsonpath.New("content"))}}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectNoFile(path),
		Steps: []resource.TestStep{
			{Config: from(`"coder"`, inner), ConfigPlanChecks: unknown, Check: expectFile(t, path, pgText("coder"))},
			{Config: from(`"coder"`, inner), ConfigPlanChecks: emptyPlan()},
			{Config: from(`"coder"`, inner), Destroy: true},
			{Config: from(`{ schema_name = "infra" }`, whole), ConfigPlanChecks: unknown, Check: expectFile(t, path, pgText("infra"))},
			{Config: from(`{ schema_name = "infra" }`, whole), ConfigPlanChecks: emptyPlan()},
			{Config: from(`{ schema_name = "infra" }`, whole), Destroy: true},
			{Config: from(`"none"`, lock), ExpectError: words(`lock = "none" is about a bucket`)},
		},
	})
}

func TestAccBackendConfigDataSourcePG(t *testing.T) {
	const address = "data.groundwork_backend_config.test"
	config := func(arguments string) string {
		return "data \"groundwork_backend_config\" \"test\" {\n" + arguments + "\n}\n"
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: config(""), ExpectError: words("Write exactly one of s3")},
			{Config: config("pg = {}\nlock = \"none\""), ExpectError: words(`lock = "none" is about a bucket`)},
			{
				Config: config(`pg = { schema_name = "coder" }`),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.StringExact(pgText("coder")), "content"),
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{"schema_name": knownvalue.StringExact("coder")}), "backend_config"),
				},
			},
			{
				Config: config("tool = \"opentofu\"\npg = { table_name = \"t\", skip_index_creation = true }"),
				ConfigStateChecks: []statecheck.StateCheck{
					dataIs(address, knownvalue.MapExact(map[string]knownvalue.Check{
						"schema_name": knownvalue.StringExact("terraform_remote_state"), "table_name": knownvalue.StringExact("t"),
						"skip_index_creation": knownvalue.StringExact("true"),
					}), "backend_config"),
				},
			},
		},
	})
}

// TestAccBackendConfigFilePGInUse: what is written works, for both tools: a state moves there from
// a local file, a workspace is a row, and the next phase reads it.
func TestAccBackendConfigFilePGInUse(t *testing.T) {
	for tool, find := range map[string]func(testing.TB) string{"terraform": testenv.Terraform, "tofu": testenv.OpenTofu} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			server := testenv.Postgres(t)
			role := testenv.PostgresRole(t, server, "")
			database := testenv.PostgresDatabase(t, server, role.Name)
			u := &backendUser{t: t, tool: find(t), dir: t.TempDir(), env: []string{
				"PG_CONN_STR=" + server.URL(role.Name, role.Password, database) + "?sslmode=disable"}}
			u.write("app/main.tf", "output \"x\" {\n  value = \"made in ${terraform.workspace}\"\n}\n")
			u.write("coder/providers.tf", "terraform {\r\n  required_version = \">= 1.10\" # both tools\r\n}\r\n")
			u.write("coder/main.tf", "output \"seen\" {\n  value = \"${data.terraform_remote_state.app.outputs.x}, ${data.terraform_remote_state.blue.outputs.x}\"\n}\n")
			u.write("gen/main.tf", cliHeader+fmt.Sprintf(`
resource "groundwork_backend_config_file" "app" {
  path = "../app/backend.tf"
  root = ".."
  tool = %[1]q
  pg   = { schema_name = "app" }
}
resource "groundwork_backend_config_file" "coder" {
  path      = "../coder/providers.tf"
  root      = ".."
  placement = "block"
  tool      = %[1]q
  pg        = { schema_name = "coder" }
  remote_states = {
    app  = { schema_name = groundwork_backend_config_file.app.pg.schema_name }
    blue = { schema_name = groundwork_backend_config_file.app.pg.schema_name, workspace = "blue" }
  }
}
`, map[string]string{"terraform": "terraform", "tofu": "opentofu"}[tool]))
			before := fileContent(t, filepath.Join(u.dir, "coder", "providers.tf"))
			app, gen, coder := u.in("app"), u.in("gen"), u.in("coder")
			app.Must("init")
			app.Must("apply", "-auto-approve") // into a local file, as everybody starts

			gen.Must("init")
			gen.Must("apply", "-auto-approve")
			gen.Must("plan", "-detailed-exitcode")
			for _, name := range []string{"app/backend.tf", "coder/providers.tf", "gen/terraform.tfstate"} {
				if text := fileContent(t, filepath.Join(u.dir, name)); strings.Contains(text, role.Password) || strings.Contains(text, server.Addr()) {
					t.Errorf("%s holds the connection:\n%s", name, text)
				}
			}
			app.Must("init", "-migrate-state", "-force-copy")
			app.Must("plan", "-detailed-exitcode")
			app.Must("workspace", "new", "blue")
			app.Must("apply", "-auto-approve")
			if out := app.Must("workspace", "list").Output(); !strings.Contains(out, "default") || !strings.Contains(out, "* blue") {
				t.Errorf("the workspaces are\n%s", out)
			}
			coder.Must("init")
			if out := coder.Must("apply", "-auto-approve").Output(); !strings.Contains(out, "made in default, made in blue") {
				t.Errorf("the remote states were not read:\n%s", out)
			}
			gen.Must("destroy", "-auto-approve")
			if after := fileContent(t, filepath.Join(u.dir, "coder", "providers.tf")); after != before {
				t.Errorf("the file around the block became %q", after)
			}
		})
	}
}
