package provider

import (
	"context"
	"errors"
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
	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

const (
	lockDatabase = "groundwork_lock_database.test"
	lockTable    = "groundwork_state_lock_table.test"
)

// seedTable is the lock table that people make by hand, statement by statement.
const seedTable = `
CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
);

CREATE INDEX IF NOT EXISTS idx_pulumi_lock_expires
ON pulumi_state_locks (LeaseExpires);
`

// pgBlock configures the provider for a server as a role, with certificates checked.
func pgBlock(s *postgres.Server, role postgres.Role, more string) string {
	return fmt.Sprintf(`
provider "groundwork" {
  postgres_host        = %q
  postgres_port        = %d
  postgres_user        = %q
  postgres_password    = %q
  postgres_sslmode     = "verify-full"
  postgres_sslrootcert = %q
  %s
}
`, s.Host, s.Port, role.Name, role.Password, s.CAFile, more)
}

// query runs SQL as superuser and returns the first column of the first row as text.
func query(t *testing.T, s *postgres.Server, database, sql string, args ...any) (string, error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also after the test, to check what is left
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	var text *string
	err = conn.QueryRow(ctx, sql, args...).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil || text == nil {
		return "", err
	}
	return *text, nil
}

func expectQuery(t *testing.T, s *postgres.Server, database, want, sql string, args ...any) resource.TestCheckFunc {
	return func(*terraform.State) error {
		got, err := query(t, s, database, sql, args...)
		if err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		if got != want {
			return fmt.Errorf("%s gives %q, want %q", sql, got, want)
		}
		return nil
	}
}

func checkDatabaseGone(t *testing.T, s *postgres.Server, name string) resource.TestCheckFunc {
	return expectQuery(t, s, "postgres", "0", "SELECT count(*)::text FROM pg_database WHERE datname = $1", name)
}

func TestAccLockDatabaseAndTable(t *testing.T) {
	s := testenv.Postgres(t)
	admin, ci := testenv.PostgresRole(t, s, "CREATEDB IN ROLE groundwork_tls"), testenv.PostgresRole(t, s, "")
	name := testenv.PostgresName(t)
	config := func(grants string) string {
		return pgBlock(s, admin, "") + fmt.Sprintf(`
resource "groundwork_lock_database" "test" {
  name = %q
}
resource "groundwork_state_lock_table" "test" {
  postgres = {
    database = groundwork_lock_database.test.name
    %s
  }
}`, name, grants)
	}
	granted := fmt.Sprintf("grants = [%q]", ci.Name)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkDatabaseGone(t, s, name),
		Steps: []resource.TestStep{
			{
				Config: config(granted),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectKnownValue(lockDatabase, at("id"), knownvalue.StringExact(name)),
						plancheck.ExpectKnownValue(lockTable, at("id"), knownvalue.StringExact("postgres/"+name+"/public/pulumi_state_locks")),
					},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockDatabase, at("owner"), knownvalue.StringExact(admin.Name)),
					statecheck.ExpectKnownValue(lockDatabase, at("encoding"), knownvalue.StringExact("UTF8")),
					statecheck.ExpectKnownValue(lockDatabase, at("server"), knownvalue.StringExact(s.Addr())),
					statecheck.ExpectKnownValue(lockTable, at("complete"), knownvalue.Bool(true)),
				},
				Check: resource.ComposeAggregateTestCheckFunc(
					expectQuery(t, s, name, "lockid,data,leaseexpires", `SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns
						WHERE table_name = 'pulumi_state_locks' AND column_name IN ('lockid', 'data', 'leaseexpires')`),
					// The hand-made way of watching and freeing locks, word for word.
					expectQuery(t, s, name, "", "SELECT LockID FROM pulumi_state_locks WHERE LeaseExpires < NOW();"),
					leastPrivilege(t, s, ci, name),
				),
			},
			{
				Config: config(granted), ResourceName: lockDatabase, ImportState: true, ImportStateVerify: true,
			},
			{
				Config: config("grants = []"), ResourceName: lockTable, ImportState: true, ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"postgres.grants", "postgres.%", "postgres.grants.#", "postgres.grants.0"},
			},
			{ // Revoked, the role is out.
				Config: config("grants = []"), ConfigPlanChecks: emptyAfter,
				Check: expectQuery(t, s, name, "false", "SELECT has_table_privilege($1, 'pulumi_state_locks', 'SELECT')::text", ci.Name),
			},
			{ // A dropped index and column come back.
				PreConfig: func() {
					if err := s.Exec(t.Context(), name, "DROP INDEX idx_pulumi_lock_expires; ALTER TABLE pulumi_state_locks DROP COLUMN fence"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("grants = []"),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionUpdate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: expectQuery(t, s, name, "idx_pulumi_lock_expires", "SELECT indexname::text FROM pg_indexes WHERE indexname = 'idx_pulumi_lock_expires'"),
			},
			{ // While somebody holds a lock, nothing is dropped.
				PreConfig: func() {
					if err := s.Exec(t.Context(), name, "INSERT INTO pulumi_state_locks (LockID, Data, LeaseExpires) VALUES ('dev', '{}', NOW() + INTERVAL '1 hour')"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("grants = []"), Destroy: true, ExpectError: words(`"dev"`),
			},
			{ // The hand-made way of freeing locks leaves a live one, and takes an expired one.
				PreConfig: func() {
					for _, sql := range []string{
						"DELETE FROM pulumi_state_locks WHERE LeaseExpires < NOW();",
						"UPDATE pulumi_state_locks SET LeaseExpires = NOW() - INTERVAL '1 second' WHERE LockID = 'dev'",
						"DELETE FROM pulumi_state_locks WHERE LeaseExpires < NOW();",
					} {
						if err := s.Exec(t.Context(), name, sql); err != nil {
							t.Fatal(err)
						}
					}
				},
				Config: config("grants = []"), ConfigPlanChecks: emptyAfter,
				Check: expectQuery(t, s, name, "0", "SELECT count(*)::text FROM pulumi_state_locks"),
			},
			{ // A table of somebody else keeps the database.
				PreConfig: func() {
					if err := s.Exec(t.Context(), name, "CREATE TABLE customers (id int)"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("grants = []"), Destroy: true, ExpectError: words("customers"),
			},
			{
				PreConfig: func() {
					if err := s.Exec(t.Context(), name, "DROP TABLE customers"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("grants = []"),
			},
		},
	})
}

// leastPrivilege tries everything that a role which may lock must not be able to do, and what it must.
func leastPrivilege(t *testing.T, s *postgres.Server, role postgres.Role, database string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		ctx := t.Context()
		conn, err := pgx.Connect(ctx, s.URL(role.Name, role.Password, database))
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		for _, sql := range []string{
			"DROP TABLE pulumi_state_locks", "ALTER TABLE pulumi_state_locks ADD COLUMN x int", "TRUNCATE pulumi_state_locks",
			"DROP INDEX idx_pulumi_lock_expires", "CREATE INDEX ON pulumi_state_locks (data)", "CREATE TRIGGER x BEFORE INSERT ON pulumi_state_locks FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
			"GRANT SELECT ON pulumi_state_locks TO PUBLIC", "ALTER TABLE pulumi_state_locks OWNER TO CURRENT_USER",
			"SELECT setval('pulumi_state_locks_fence_seq', 1)", "DROP SEQUENCE pulumi_state_locks_fence_seq", "DROP DATABASE " + database,
		} {
			if _, err := conn.Exec(ctx, sql); err == nil && !strings.HasPrefix(sql, "GRANT") {
				return fmt.Errorf("the role may do this: %s", sql)
			}
		}
		for _, sql := range []string{
			"INSERT INTO pulumi_state_locks (LockID, LeaseExpires, fence) VALUES ('x', NOW(), nextval('pulumi_state_locks_fence_seq'))",
			"UPDATE pulumi_state_locks SET Data = '{}' WHERE LockID = 'x'", "DELETE FROM pulumi_state_locks WHERE LockID = 'x'",
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				return fmt.Errorf("the role may not lock: %s: %w", sql, err)
			}
		}
		open, err := query(t, s, database, "SELECT has_table_privilege('public', 'pulumi_state_locks', 'SELECT')::text")
		if err == nil && open != "false" {
			err = errors.New("PUBLIC may read the locks")
		}
		return err
	}
}

// TestAccLockTableAdopts takes over a table that was made by hand, rows included.
func TestAccLockTableAdopts(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "")
	name := testenv.PostgresDatabase(t, s, admin.Name)
	conn, err := pgx.Connect(t.Context(), s.URL(admin.Name, admin.Password, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), seedTable+"INSERT INTO pulumi_state_locks VALUES ('held', 'who', NULL), ('old', 'was', '2025-11-13 12:00:00+00')"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	config := func(more string) string {
		return pgBlock(s, admin, "") + fmt.Sprintf(`
resource "groundwork_state_lock_table" "test" {
  postgres = { database = %q }
  %s
}`, name, more)
	}
	const rows = "SELECT string_agg(lockid || '=' || data || '@' || coalesce(to_char(leaseexpires AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24'), 'never'), ' ' ORDER BY lockid) FROM pulumi_state_locks"
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: config(""), ExpectError: words("adopt_existing")},
			{
				Config: config("adopt_existing = true"), ConfigPlanChecks: emptyAfter,
				Check: resource.ComposeAggregateTestCheckFunc(
					expectQuery(t, s, name, "held=who@never old=was@2025-11-13 12", rows),
					expectQuery(t, s, name, "", "SELECT holder FROM pulumi_state_locks WHERE lockid = 'held'"),
					expectQuery(t, s, name, "bigint", "SELECT data_type::text FROM information_schema.columns WHERE table_name = 'pulumi_state_locks' AND column_name = 'fence'"),
				),
			},
			{Config: config("adopt_existing = true"), Destroy: true, ExpectError: words(`"held"`)},
			{
				PreConfig: func() {
					if err := s.Exec(t.Context(), name, "DELETE FROM pulumi_state_locks WHERE lockid = 'held'"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("adopt_existing = true"),
			},
		},
	})
}

// TestAccLockTableOtherShape refuses what only looks like a lock table, and names what is wrong.
func TestAccLockTableOtherShape(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "")
	name := testenv.PostgresDatabase(t, s, admin.Name)
	if err := s.Exec(t.Context(), name, "CREATE TABLE pulumi_state_locks (lockid int PRIMARY KEY, data text, leaseexpires date, team text NOT NULL); ALTER TABLE pulumi_state_locks OWNER TO "+admin.Name); err != nil {
		t.Fatal(err)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{{
			Config: pgBlock(s, admin, "") + fmt.Sprintf(`
resource "groundwork_state_lock_table" "test" {
  postgres       = { database = %q }
  adopt_existing = true
}`, name),
			ExpectError: words("cannot be a lock table"),
		}},
	})
	for _, column := range []string{"lockid", "leaseexpires", "team"} {
		if got, err := query(t, s, name, "SELECT count(*)::text FROM information_schema.columns WHERE table_name = 'pulumi_state_locks' AND column_name = $1", column); err != nil || got != "1" {
			t.Errorf("column %s was touched: %s %v", column, got, err)
		}
	}
}

func TestAccLockDatabaseOwner(t *testing.T) {
	s := testenv.Postgres(t)
	owner := testenv.PostgresRole(t, s, "")
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	if err := s.Exec(t.Context(), "postgres", fmt.Sprintf("GRANT %s TO %s", owner.Name, admin.Name)); err != nil {
		t.Fatal(err)
	}
	stranger := testenv.PostgresRole(t, s, "")
	name := testenv.PostgresName(t)
	config := func(body string) string {
		return pgBlock(s, admin, "") + fmt.Sprintf("resource \"groundwork_lock_database\" \"test\" {\n name = %q\n %s\n}", name, body)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkDatabaseGone(t, s, name),
		Steps: []resource.TestStep{
			{Config: config(fmt.Sprintf("owner = %q", stranger.Name)), ExpectError: words(`GRANT "` + stranger.Name + `" TO "` + admin.Name + `"`)},
			{Config: config(""), ConfigPlanChecks: emptyAfter},
			{
				Config: config(fmt.Sprintf("owner = %q", owner.Name)),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockDatabase, plancheck.ResourceActionUpdate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: expectQuery(t, s, "postgres", owner.Name, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = $1", name),
			},
			{Config: config(fmt.Sprintf("owner = %q\nencoding = \"utf-8\"", owner.Name)), ConfigPlanChecks: emptyAfter},
			{ // Changed outside, and changed back.
				PreConfig: func() {
					if err := s.Exec(t.Context(), "postgres", fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", name, admin.Name)); err != nil {
						t.Fatal(err)
					}
				},
				Config: config(fmt.Sprintf("owner = %q\nencoding = \"utf-8\"", owner.Name)), ConfigPlanChecks: emptyAfter,
				Check: expectQuery(t, s, "postgres", owner.Name, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = $1", name),
			},
			{ // Dropped outside, and made again.
				PreConfig: func() {
					if err := s.Exec(t.Context(), "postgres", "DROP DATABASE "+name); err != nil {
						t.Fatal(err)
					}
				},
				Config: config(fmt.Sprintf("owner = %q", owner.Name)),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockDatabase, plancheck.ResourceActionCreate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
			},
		},
	})
}

// TestAccLockDatabaseAdopts takes over a database that is in use, and never drops what is in it.
func TestAccLockDatabaseAdopts(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	name := testenv.PostgresDatabase(t, s, admin.Name)
	if err := s.Exec(t.Context(), name, "CREATE TABLE customers (id int); INSERT INTO customers VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	config := func(body string) string {
		return pgBlock(s, admin, "") + fmt.Sprintf("resource \"groundwork_lock_database\" \"test\" {\n name = %q\n %s\n}", name, body)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{Config: config(""), ExpectError: words("adopt_existing")},
			{Config: config("adopt_existing = true"), ConfigPlanChecks: emptyAfter},
			{Config: config("adopt_existing = true"), Destroy: true, ExpectError: words("customers")},
			{
				PreConfig: func() {
					if got, err := query(t, s, name, "SELECT count(*)::text FROM customers"); err != nil || got != "1" {
						t.Errorf("customers: %q, %v", got, err)
					}
					if err := s.Exec(t.Context(), name, "DROP TABLE customers"); err != nil {
						t.Fatal(err)
					}
				},
				Config: config("adopt_existing = true"),
			},
		},
	})
}

// TestAccLockNames makes objects of names that want to be SQL.
func TestAccLockNames(t *testing.T) {
	s := testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	suffix := admin.Name[:8]
	for i, names := range [][3]string{
		{`a"; DROP DATABASE postgres; --` + suffix, `s'; x`, `t"."u`},
		{"Ünïcode ✓ " + suffix, "Grüße", "таблица"},
		{"dots.and spaces " + suffix, "a.b", "C D"},
		{strings.Repeat("d", 55) + suffix, strings.Repeat("s", 63), strings.Repeat("t", 63)},
		{"percent%2F/" + suffix, "50%", "a/b"},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			config := pgBlock(s, admin, "") + fmt.Sprintf(`
resource "groundwork_lock_database" "test" {
  name = %q
}
resource "groundwork_state_lock_table" "test" {
  postgres = {
    database = groundwork_lock_database.test.name
    schema   = %q
    table    = %q
  }
}`, strings.ReplaceAll(names[0], "%", "%"), names[1], names[2])
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				CheckDestroy:             checkDatabaseGone(t, s, names[0]),
				Steps: []resource.TestStep{
					{
						Config: config, ConfigPlanChecks: emptyAfter,
						Check: expectQuery(t, s, names[0], "1", "SELECT count(*)::text FROM pg_tables WHERE schemaname = $1 AND tablename = $2", names[1], names[2]),
					},
					{Config: config, ResourceName: lockTable, ImportState: true, ImportStateVerify: true},
				},
			})
		})
	}
	for what, c := range map[string][2]string{
		"database": {`resource "groundwork_lock_database" "test" { name = "` + strings.Repeat("x", 64) + `" }`, "63"},
		"empty":    {`resource "groundwork_lock_database" "test" { name = "" }`, "Invalid Name"},
		"table":    {`resource "groundwork_state_lock_table" "test" { postgres = { database = "x", table = "` + strings.Repeat("ü", 32) + `" } }`, "63"},
		"role":     {`resource "groundwork_state_lock_table" "test" { postgres = { database = "x", grants = ["public"] } }`, "Invalid Name"},
	} {
		t.Run("refused "+what, func(t *testing.T) {
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				Steps:                    []resource.TestStep{{Config: pgBlock(s, admin, "") + c[0], PlanOnly: true, ExpectError: words(c[1])}},
			})
		})
	}
}

// TestAccLockConnections shows what each failing connection says.
func TestAccLockConnections(t *testing.T) {
	s := testenv.Postgres(t)
	role := testenv.PostgresRole(t, s, "CREATEDB")
	otherCA := filepath.Join(t.TempDir(), "other.pem")
	if pem, err := os.ReadFile(testenv.StartPostgres(t, postgres.Options{}).CAFile); err != nil {
		t.Fatal(err)
	} else if err := os.WriteFile(otherCA, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	good := pgBlock(s, role, "")
	const database = "resource \"groundwork_lock_database\" \"test\" {\n name = \"tfacc_connections\"\n}\n"
	for name, c := range map[string]struct{ block, message string }{
		"wrong authority": {strings.Replace(good, s.CAFile, otherCA, 1), "certificate of an unknown authority"},
		"wrong password":  {strings.Replace(good, role.Password, "wrong", 1), role.Name},
		"no database":     {pgBlock(s, role, `postgres_maintenance_database = "nowhere"`), "nowhere"},
		"refused":         {strings.Replace(good, fmt.Sprintf("= %d", s.Port), "= 1", 1), "Nothing listens at 127.0.0.1 (from postgres_host), port 1 (from postgres_port)."},
		"banned":          {pgBlock(s, testenv.PostgresRole(t, s, "IN ROLE groundwork_banned"), ""), "The server's access rules (pg_hba.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				Steps:                    []resource.TestStep{{Config: c.block + database, ExpectError: words(c.message)}},
			})
		})
	}
}
