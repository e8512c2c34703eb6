package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// TestAccLockUnknown plans a database and a table of which server, name and roles are decided in the
// same run, and again when the server is.
func TestAccLockUnknown(t *testing.T) {
	s := testenv.Postgres(t)
	admin, ci := testenv.PostgresRole(t, s, "CREATEDB"), testenv.PostgresRole(t, s, "")
	name := testenv.PostgresName(t)
	config := func(host string) string {
		return fmt.Sprintf(`
resource "terraform_data" "decided" {
  input = { host = %q, name = %q, role = %q }
}
`, host, name, ci.Name) + strings.Replace(pgBlock(s, admin, ""), fmt.Sprintf("%q", s.Host), "terraform_data.decided.output.host", 1) + `
resource "groundwork_lock_database" "test" {
  name = terraform_data.decided.output.name
}
resource "groundwork_state_lock_table" "test" {
  postgres = { database = groundwork_lock_database.test.name, grants = [terraform_data.decided.output.role] }
}`
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkDatabaseGone(t, s, name),
		Steps: []resource.TestStep{
			{
				Config: config(s.Host),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectUnknownValue(lockDatabase, at("id")), plancheck.ExpectUnknownValue(lockDatabase, at("server")),
						plancheck.ExpectUnknownValue(lockTable, at("id")), plancheck.ExpectUnknownValue(lockTable, at("server")),
						plancheck.ExpectKnownValue(lockTable, at("postgres", "table"), knownvalue.StringExact("pulumi_state_locks")),
					},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockDatabase, at("id"), knownvalue.StringExact(name)),
					statecheck.ExpectKnownValue(lockTable, at("id"), knownvalue.StringExact("postgres/"+name+"/public/pulumi_state_locks")),
					statecheck.ExpectKnownValue(lockTable, at("postgres", "grants"), knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact(ci.Name)})),
				},
				Check: expectQuery(t, s, name, "true", "SELECT has_table_privilege($1, 'pulumi_state_locks', 'INSERT')::text", ci.Name),
			},
			{ // The server is another address now, and not known before the apply.
				Config: config("localhost"), ConfigPlanChecks: emptyAfter,
				Check: expectQuery(t, s, name, "1", "SELECT count(*)::text FROM pg_tables WHERE tablename = 'pulumi_state_locks'"),
			},
		},
	})
}

// TestAccLockReplaced changes what cannot be changed in place, and never while somebody holds a lock.
func TestAccLockReplaced(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	name, other := testenv.PostgresName(t), testenv.PostgresName(t)
	config := func(name, more, table string) string {
		return pgBlock(s, admin, "") + fmt.Sprintf(`
resource "groundwork_lock_database" "test" {
  name = %q
  %s
}
resource "groundwork_state_lock_table" "test" {
  postgres = { database = groundwork_lock_database.test.name, table = %q }
}`, name, more, table)
	}
	replaced := func(addresses ...string) resource.ConfigPlanChecks {
		checks := resource.ConfigPlanChecks{PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh}
		for _, a := range addresses {
			checks.PreApply = append(checks.PreApply, plancheck.ExpectResourceAction(a, plancheck.ResourceActionDestroyBeforeCreate))
		}
		return checks
	}
	run := func(database, sql string) func() {
		return func() {
			if err := s.Exec(t.Context(), database, sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	const hold, free = "INSERT INTO locks (LockID, Data) VALUES ('held', 'by hand')", "DELETE FROM locks"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             resource.ComposeAggregateTestCheckFunc(checkDatabaseGone(t, s, name), checkDatabaseGone(t, s, other)),
		Steps: []resource.TestStep{
			{Config: config(name, "", "pulumi_state_locks")},
			{
				Config: config(name, "", "locks"), ConfigPlanChecks: replaced(lockTable),
				Check: expectQuery(t, s, name, "locks", "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%\\_%'"),
			},
			{PreConfig: run(name, hold), Config: config(name, "", "others"), ExpectError: words("Lock Table Must Not Be Replaced")},
			{Config: config(other, "", "locks"), ExpectError: words("Lock Database Must Not Be Replaced")},
			{Config: config(name, `encoding = "SQL_ASCII"`, "locks"), ExpectError: words("Lock Database Must Not Be Replaced")},
			{ // The table goes with its database, which only the next run can see.
				PreConfig: run(name, free), Config: config(name, `encoding = "SQL_ASCII"`, "locks"), ExpectNonEmptyPlan: true,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockDatabase, plancheck.ResourceActionDestroyBeforeCreate)},
					PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionCreate)},
				},
				Check: expectQuery(t, s, "postgres", "SQL_ASCII", "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = $1", name),
			},
			{Config: config(name, `encoding = "SQL_ASCII"`, "locks"), ConfigPlanChecks: emptyAfter},
			{
				Config: config(other, `encoding = "SQL_ASCII"`, "locks"), ConfigPlanChecks: replaced(lockDatabase, lockTable),
				Check: checkDatabaseGone(t, s, name),
			},
			{ // Dropped outside, and made again.
				PreConfig: run(other, "DROP TABLE locks CASCADE"), Config: config(other, `encoding = "SQL_ASCII"`, "locks"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionCreate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: expectQuery(t, s, other, "1", "SELECT count(*)::text FROM pg_tables WHERE tablename = 'locks'"),
			},
		},
	})
}

// TestAccLockGrantsDrift gives back a right that was taken away outside.
func TestAccLockGrantsDrift(t *testing.T) {
	s := testenv.Postgres(t)
	admin, ci := testenv.PostgresRole(t, s, ""), testenv.PostgresRole(t, s, "")
	name := testenv.PostgresDatabase(t, s, admin.Name)
	config := pgBlock(s, admin, "") + fmt.Sprintf("resource \"groundwork_state_lock_table\" \"test\" {\n postgres = { database = %q, grants = [%q] }\n}", name, ci.Name)
	may := expectQuery(t, s, name, "true", "SELECT has_table_privilege($1, 'pulumi_state_locks', 'DELETE')::text", ci.Name)
	var steps []resource.TestStep
	for _, sql := range []string{"", "REVOKE DELETE ON pulumi_state_locks FROM %q", "GRANT TRUNCATE ON pulumi_state_locks TO %q", "REVOKE ALL ON SEQUENCE pulumi_state_locks_fence_seq FROM %q"} {
		step := resource.TestStep{Config: config, ConfigPlanChecks: emptyAfter, Check: may}
		if sql != "" {
			step.ConfigPlanChecks = updated
			step.PreConfig = func() {
				if err := s.Exec(t.Context(), name, fmt.Sprintf(sql, ci.Name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		steps = append(steps, step)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectQuery(t, s, name, "0", "SELECT count(*)::text FROM pg_tables WHERE tablename LIKE 'pulumi_state_locks%'"),
		Steps:                    steps,
	})
}

func TestAccLockRefused(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	block := pgBlock(s, admin, "")
	database := func(body string) string {
		return block + "resource \"groundwork_lock_database\" \"test\" {\n" + body + "\n}\n"
	}
	table := func(body string) string {
		return block + "resource \"groundwork_state_lock_table\" \"test\" {\n" + body + "\n}\n"
	}
	refusals(t, map[string][2]string{
		"no name":          {database(""), `The argument "name" is required`},
		"empty owner":      {database("name = \"x\"\nowner = \"\""), "Invalid Name"},
		"long owner":       {database("name = \"x\"\nowner = \"" + strings.Repeat("o", 64) + "\""), "63"},
		"empty schema":     {table(`postgres = { database = "x", schema = "" }`), "Invalid Name"},
		"long schema":      {table(`postgres = { database = "x", schema = "` + strings.Repeat("s", 64) + `" }`), "63"},
		"empty table":      {table(`postgres = { database = "x", table = "" }`), "Invalid Name"},
		"no database":      {table(`postgres = {}`), `attribute "database" is required`},
		"empty role":       {table(`postgres = { database = "x", grants = [""] }`), "Invalid Name"},
		"empty region":     {table(`dynamodb = { table = "locks", region = "" }`), "dynamodb.region string length must be at least 1"},
		"empty key":        {table(`dynamodb = { table = "locks", kms_key_id = "" }`), "dynamodb.kms_key_id string length must be at least 1"},
		"no dynamo table":  {table(`dynamodb = {}`), `attribute "table" is required`},
		"short table name": {table(`dynamodb = { table = "ab" }`), "3 to 255"},
	})
	for name, c := range map[string]struct{ config, address, id, message string }{
		"bad table":     {table(`postgres = { database = "x" }`), lockTable, "pulumi_state_locks", "postgres/database/schema/table"},
		"few parts":     {table(`postgres = { database = "x" }`), lockTable, "postgres/x/pulumi_state_locks", "postgres/database/schema/table"},
		"gone table":    {table(`postgres = { database = "postgres" }`), lockTable, "postgres/postgres/public/no_such_table", "Cannot import non-existent remote object"},
		"bad database":  {database(`name = "x"`), lockDatabase, strings.Repeat("x", 64), "The import ID of a lock database is its name"},
		"gone database": {database(`name = "x"`), lockDatabase, "tfacc_no_such_database", "Cannot import non-existent remote object"},
	} {
		t.Run("import "+name, func(t *testing.T) {
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				Steps:                    []resource.TestStep{{Config: c.config, ResourceName: c.address, ImportState: true, ImportStateId: c.id, ExpectError: words(c.message)}},
			})
		})
	}
	t.Run("no such encoding", func(t *testing.T) {
		resource.ParallelTest(t, resource.TestCase{
			ProtoV6ProviderFactories: protoV6Factories(),
			Steps:                    []resource.TestStep{{Config: database("name = \"tfacc_encoding\"\nencoding = \"KLINGON\""), ExpectError: words("KLINGON")}},
		})
	})
}
