package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// elsewhere sends the scenario's own service to the one of the test. PostgreSQL needs no such
// thing: where it is, the instance's stand-in says.
const elsewhere = `provider "groundwork" {
  service  = "minio"
  region   = "us-east-1"
  endpoint = "%ENDPOINT%"
}
`

// scenario is examples/scenarios/scaleway on a machine of its own.
type scenario struct {
	*testenv.CLI

	server *minio.Server
	db     *postgres.Server
	bucket string
}

func newScenario(t *testing.T, tool, database string) *scenario {
	t.Helper()
	s := &scenario{server: testenv.MinIO(t), db: testenv.StartPostgres(t, postgres.Options{}), bucket: testenv.BucketName(t)}
	from := filepath.Join(testenv.RepoRoot(t), "examples", "scenarios", "scaleway")
	dir := filepath.Join(t.TempDir(), "scaleway")
	for _, name := range []string{"versions.tf", "variables.tf", "instance.tf", "states.tf", database} {
		text, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		writeIn(t, dir, filepath.Base(filepath.FromSlash(name)), string(text))
	}
	writeIn(t, dir, "here_override.tf", strings.Replace(elsewhere, "%ENDPOINT%", s.server.Endpoint, 1))
	s.CLI = testenv.NewCLI(t, tool, dir, "TF_CLI_ARGS=-no-color",
		"TF_REATTACH_PROVIDERS="+serveStandIn(t, s.db),
		"AWS_ACCESS_KEY_ID="+s.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.server.SecretKey,
		"TF_VAR_bucket="+s.bucket, `TF_VAR_allowed_addresses={"192.0.2.7/32"="the office"}`,
		"TF_VAR_admin_password="+adminPassword, "TF_VAR_ci_password="+ciPassword,
	)
	return s
}

const (
	adminPassword = "Admin-of-the-locks-1"
	ciPassword    = "Pipeline-of-the-locks-1"
)

func writeIn(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The scenario is applied in one go, although host, port and certificate of the server are unknown
// until its instance is there, and either way to make the database gives a table in which the
// pipelines' user may lock and nothing else.
func TestScalewayScenario(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"database.tf", "service-database/database.tf"} {
		for command, tool := range tools {
			t.Run(command+" "+database, func(t *testing.T) {
				t.Parallel()
				s := newScenario(t, tool.path(t), database)
				s.Must("fmt", "-check", "-diff")
				s.Must("init")
				s.Must("validate")
				s.Must("apply", "-auto-approve")
				mayOnlyLock(t, s.db)
				s.keepsNoPassword(t)
				s.Must("init", "-migrate-state", "-force-copy")
				unchanged(t, s.CLI)
				contains(t, s.Must("output").Stdout, `"PULUMI_LOCK_DB_NAME" = "pulumi_state_lock"`, `"PULUMI_LOCK_DB_USER" = "ci"`)

				s.Must("destroy", "-auto-approve", "-target=groundwork_state_lock_table.locks",
					"-target=groundwork_lock_database.locks", "-target=scaleway_rdb_database.locks")
				if n := ask(t, s.db, "rdb", "SELECT count(*)::text FROM pg_database WHERE datname = 'pulumi_state_lock'"); n != "0" {
					t.Error("the database is still there")
				}
			})
		}
	}
}

// The whole internet is not let in.
func TestScalewayScenarioNamesAddresses(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testenv.Terraform(t), "database.tf")
	s.Must("init")
	for _, addresses := range []string{"{}", `{"0.0.0.0/0"="all"}`} {
		contains(t, refused(t, s.CLI, "plan", "-var=allowed_addresses="+addresses), "Name the addresses that may connect")
	}
}

// Planned for the service itself: a plan asks nothing of it.
func TestScalewayScenarioPlans(t *testing.T) {
	t.Parallel()
	s := newScenario(t, testenv.Terraform(t), "database.tf")
	if err := os.Remove(filepath.Join(s.Dir, "here_override.tf")); err != nil {
		t.Fatal(err)
	}
	s.Env = append(s.Env, "SCW_ACCESS_KEY=SCWNOBODYNOBODYNOBOD", "SCW_SECRET_KEY=nothing")
	s.Must("init")
	contains(t, s.Must("plan").Stdout, "Plan: 7 to add, 0 to change, 0 to destroy.",
		`"s3://`+s.bucket+`?region=fr-par&endpoint=https://s3.fr-par.scw.cloud`)
}

// mayOnlyLock connects as the pipelines' user.
func mayOnlyLock(t testing.TB, db *postgres.Server) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, db.URL("ci", ciPassword, "pulumi_state_lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	for _, sql := range []string{
		"INSERT INTO pulumi_state_locks (LockID, Data, LeaseExpires) VALUES ('dev', '{}', NOW() - INTERVAL '1 second')",
		"SELECT * FROM pulumi_state_locks WHERE LeaseExpires < NOW();",
		"DELETE FROM pulumi_state_locks WHERE LeaseExpires < NOW();",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		"DROP TABLE pulumi_state_locks", "TRUNCATE pulumi_state_locks", "ALTER TABLE pulumi_state_locks ADD COLUMN x int",
		"CREATE TABLE mine (x int)", "CREATE DATABASE mine", "DROP DATABASE pulumi_state_lock",
	} {
		if _, err := conn.Exec(ctx, sql); err == nil {
			t.Errorf("the pipelines' user may do this: %s", sql)
		}
	}
}

// keepsNoPassword looks for the passwords where the scenario promises that they are not.
func (s *scenario) keepsNoPassword(t testing.TB) {
	t.Helper()
	for _, name := range []string{"terraform.tfstate", "backend.tf"} {
		text, err := os.ReadFile(filepath.Join(s.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{adminPassword, ciPassword, s.server.SecretKey} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds a secret", name)
			}
		}
	}
	if _, err := s.server.Client().HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &s.bucket}); err != nil {
		t.Error(err)
	}
}

// ask returns the first column of the first row as text.
func ask(t testing.TB, db *postgres.Server, database, sql string) string {
	t.Helper()
	conn, err := db.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var text string
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}
