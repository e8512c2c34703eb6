package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

const lockGuide = "docs/guides/lock-database.md"

// blocks are the pieces of code in one language that a document shows.
func blocks(t testing.TB, text, language string, want int) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	if len(found) != want {
		t.Fatalf("the guide has %d blocks of %s, and the test knows %d", len(found), language, want)
	}
	return found
}

// lockEnvironment is what the guide exports.
func lockEnvironment(t testing.TB, s *postgres.Server, role postgres.Role) []string {
	t.Helper()
	passwords := filepath.Join(t.TempDir(), "pgpass")
	line := strings.Join([]string{s.Host, strconv.Itoa(s.Port), "*", role.Name, role.Password}, ":")
	if err := os.WriteFile(passwords, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"TF_CLI_ARGS=-no-color",
		"PULUMI_LOCK_DB_HOST=" + s.Host, "PULUMI_LOCK_DB_PORT=" + strconv.Itoa(s.Port), "PULUMI_LOCK_DB_USER=" + role.Name,
		"PGPASSFILE=" + passwords, "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + s.CAFile,
	}
}

// session is a connection of a role, closed with the test.
func session(t testing.TB, s *postgres.Server, role postgres.Role, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(role.Name, role.Password, database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.PgConn().Conn().Close() })
	return conn
}

func execute(t testing.TB, conn *pgx.Conn, sql string) (rows int64) {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return results[0].CommandTag.RowsAffected()
}

// From the steps by hand to the table taken over: the guide's statements, configuration and
// variables, in its order.
func TestLockGuide(t *testing.T) {
	t.Parallel()
	sql := blocks(t, document(t, lockGuide), "sql", 5)
	createDatabase, createTable, expired, all, free := sql[0], sql[1], sql[2], sql[3], sql[4]
	for command, tool := range tools {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := testenv.StartPostgres(t, postgres.Options{})
			admin := testenv.PostgresRole(t, s, "CREATEDB IN ROLE groundwork_tls")
			deploy, err := s.CreateRole(t.Context(), "deploy", "")
			if err != nil {
				t.Fatal(err)
			}
			execute(t, session(t, s, admin, "postgres"), createDatabase)
			byHand := session(t, s, admin, "pulumi_state_lock")
			execute(t, byHand, createTable)
			execute(t, byHand, "INSERT INTO pulumi_state_locks VALUES ('ended', '{}', NOW() - INTERVAL '1 hour'), ('endless', '{}', NULL)")

			name := "resources/groundwork_state_lock_table/resource_adopt.tf"
			cli := testenv.NewCLI(t, tool.path(t), workspaceOf(t, readExample(t, name), nil), lockEnvironment(t, s, admin)...)
			cli.Must("init")
			cli.Must("apply", "-auto-approve")
			unchanged(t, cli)

			pipeline := session(t, s, deploy, "pulumi_state_lock")
			for _, step := range []struct {
				sql  string
				want int64
			}{{expired, 1}, {all, 2}, {free, 1}, {all, 1}} {
				if got := execute(t, pipeline, step.sql); got != step.want {
					t.Errorf("%s gives %d rows, want %d", step.sql, got, step.want)
				}
			}
			contains(t, refused(t, cli, "destroy", "-auto-approve"), `"endless"`)
			execute(t, byHand, "DELETE FROM pulumi_state_locks WHERE LockID = 'endless'")
			cli.Must("destroy", "-auto-approve")
		})
	}
}

// A pooler that keeps idle connections keeps the database, until it is allowed to cut them off.
func TestLockGuideDisconnects(t *testing.T) {
	t.Parallel()
	cut := blocks(t, document(t, lockGuide), "hcl", 1)[0]
	s := testenv.StartPostgres(t, postgres.Options{})
	admin := testenv.PostgresRole(t, s, "CREATEDB IN ROLE groundwork_tls")
	dir := workspaceOf(t, readExample(t, "resources/groundwork_lock_database/resource.tf"), nil)
	cli := testenv.NewCLI(t, testenv.Terraform(t), dir, lockEnvironment(t, s, admin)...)
	cli.Must("init")
	cli.Must("apply", "-auto-approve")
	session(t, s, admin, "pulumi_state_lock")
	contains(t, refused(t, cli, "destroy", "-auto-approve"), `The database "pulumi_state_lock" (host`, "has 1 other connections", admin.Name)
	writeIn(t, dir, "main.tf", cut)
	cli.Must("apply", "-auto-approve")
	cli.Must("destroy", "-auto-approve")
}

// The guide lists what each failing connection says; here they fail.
func TestLockGuideMessages(t *testing.T) {
	t.Parallel()
	guide := document(t, lockGuide)
	s, plain := testenv.StartPostgres(t, postgres.Options{}), testenv.StartPostgres(t, postgres.Options{NoTLS: true})
	other := testenv.StartPostgres(t, postgres.Options{OtherHost: true})
	stalled := testenv.TCPProxy(t, s.Addr())
	stalled.Stall()
	admin, banned := testenv.PostgresRole(t, s, ""), testenv.PostgresRole(t, s, "IN ROLE groundwork_banned")
	at := func(server *postgres.Server, change func(*pglock.Config)) pglock.Config {
		c := pglock.Config{
			Host: server.Host, Port: server.Port, User: admin.Name, Password: admin.Password,
			SSLMode: "verify-full", SSLRootCert: s.CAFile, ConnectTimeout: 10 * time.Second,
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	for says, config := range map[string]pglock.Config{
		"Nothing listens at":                                 at(s, func(c *pglock.Config) { c.Port = 1 }),
		"Nothing answered at":                                at(s, func(c *pglock.Config) { c.Port, c.ConnectTimeout = stalled.Port(), time.Second }),
		"has no address":                                     at(s, func(c *pglock.Config) { c.Host = "nowhere.invalid" }),
		"Check the user":                                     at(s, func(c *pglock.Config) { c.Password = "wrong" }),
		"The server has no database":                         at(s, func(c *pglock.Config) { c.MaintenanceDatabase = "nowhere" }),
		"let this user not in from here":                     at(s, func(c *pglock.Config) { c.User, c.Password = banned.Name, banned.Password }),
		"does not speak TLS":                                 at(plain, nil),
		"is not signed by an authority that is trusted here": at(s, func(c *pglock.Config) { c.SSLRootCert = other.CAFile }),
		"The certificate is for another name than":           at(other, func(c *pglock.Config) { c.SSLRootCert = other.CAFile }),
		"may not create databases":                           at(s, nil),
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			contains(t, guide, "| `"+says+"` |")
			settings, err := config.Resolve(func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			client, err := pglock.New(settings)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.CreateDatabase(t.Context(), pglock.DatabaseSpec{Name: "pulumi_state_lock"})
			if err == nil {
				t.Fatal("it does not fail")
			}
			contains(t, pglock.Hint(err), says)
			if text := err.Error() + pglock.Hint(err); strings.Contains(text, admin.Password) || strings.Contains(text, banned.Password) {
				t.Errorf("the message holds a password: %s", text)
			}
		})
	}
}

// A table in a schema that belongs to somebody else.
func TestLockGuideMessageOfSchema(t *testing.T) {
	t.Parallel()
	const says = "may not create tables in this schema"
	contains(t, document(t, lockGuide), "| `"+says+"` |")
	s := testenv.StartPostgres(t, postgres.Options{})
	role := testenv.PostgresRole(t, s, "")
	if err := s.Exec(t.Context(), "postgres", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"); err != nil {
		t.Fatal(err)
	}
	config := pglock.Config{URL: s.URL(role.Name, role.Password, "postgres"), SSLMode: "require"}
	settings, err := config.Resolve(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	client, err := pglock.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	db, err := client.Connect(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.CreateTable(t.Context(), pglock.TableSpec{})
	contains(t, pglock.Hint(err), says)
}
