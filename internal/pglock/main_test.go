package pglock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

func TestMain(m *testing.M) {
	// Nothing of the developer's own set-up reaches a test.
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "PULUMI_") || strings.HasPrefix(name, "GROUNDWORK_POSTGRES_") {
			_ = os.Unsetenv(name)
		}
	}
	home, err := os.MkdirTemp("", "groundwork-home-")
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("HOME", home)
	code := testenv.Run(m.Run)
	_ = os.RemoveAll(home)
	os.Exit(code)
}

// admin is the superuser of a server.
func admin(server *postgres.Server) Config {
	return configFor(server, postgres.Role{Name: postgres.Superuser, Password: server.Password})
}

func configFor(server *postgres.Server, role postgres.Role) Config {
	return Config{
		Host: server.Host, Port: server.Port, User: role.Name, Password: role.Password,
		SSLMode: "disable", ConnectTimeout: 10 * time.Second,
	}
}

var defaultServer postgres.Options

func noEnvironment(string) string { return "" }

func newClient(t *testing.T, c Config) *Client {
	t.Helper()
	settings, err := c.Resolve(noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func connect(t *testing.T, client *Client, database string) *DB {
	t.Helper()
	db, err := client.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// owner makes a role that may create databases and nothing else, and a database of its own.
func owner(t *testing.T) (*postgres.Server, postgres.Role, string) {
	t.Helper()
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "CREATEDB")
	return server, role, testenv.PostgresDatabase(t, server, role.Name)
}

// owned is a connection of an owner to its database.
func owned(t *testing.T) (*DB, *postgres.Server, postgres.Role) {
	t.Helper()
	server, role, database := owner(t)
	return connect(t, newClient(t, configFor(server, role)), database), server, role
}

// sql runs statements as the superuser.
func sql(t *testing.T, server *postgres.Server, database, text string) {
	t.Helper()
	if err := server.Exec(t.Context(), database, text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// query reads one column of text as the superuser.
func query(t *testing.T, server *postgres.Server, database, text string, args ...any) []string {
	t.Helper()
	conn, err := server.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // a test client
	rows, err := conn.Query(t.Context(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return values
}

// wantHint makes sure that an error says what to do, and that neither repeats a secret.
func wantHint(t *testing.T, err error, hint string, secrets ...string) {
	t.Helper()
	got := Hint(err)
	if hint == "" || !strings.Contains(got, hint) {
		t.Errorf("the hint for %v is %q, want %q in it", err, got, hint)
	}
	noSecret(t, err, secrets...)
}

func noSecret(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		for e := err; e != nil; e = errors.Unwrap(e) {
			for _, text := range []string{Hint(e), e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
				if secret != "" && strings.Contains(text, secret) {
					t.Errorf("the error repeats a secret: %s", text)
				}
			}
		}
	}
}
