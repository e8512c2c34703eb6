package pgbouncer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// The two properties that a test relies on: statements get through for any role and database, and
// a session is spread over several server connections.
func TestItPoolsByTransaction(t *testing.T) {
	upstream, err := postgres.Start(t.Context(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), upstream)
	if err != nil {
		t.Fatal(errors.Join(err, upstream.Stop()))
	}
	t.Cleanup(func() {
		for range 2 {
			if err := errors.Join(s.Stop(), upstream.Stop()); err != nil {
				t.Error(err)
			}
		}
	})
	role, err := upstream.CreateRole(t.Context(), "some role", "")
	if err != nil {
		t.Fatal(err)
	}
	connect := func() *pgx.Conn {
		t.Helper()
		cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d dbname=postgres sslmode=disable", s.Host, s.Port))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Password, cfg.DefaultQueryExecMode = role.Name, role.Password, pgx.QueryExecModeExec
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log())
		}
		return conn
	}
	first, second := connect(), connect()
	defer first.Close(t.Context())  //nolint:errcheck // a test client
	defer second.Close(t.Context()) //nolint:errcheck // a test client
	backend := func(conn *pgx.Conn) (pid int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	tx, err := first.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := backend(first)
	if other := backend(second); other == held {
		t.Error("two transactions at once share a server connection")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := backend(first), backend(first); a == b {
		t.Error("one session kept one server connection: it does not pool by transaction")
	}
	if strings.Contains(s.Log(), upstream.Password) {
		t.Error("its log repeats the password")
	}
}
