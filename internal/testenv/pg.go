package testenv

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pgbouncer"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

var (
	sharedPostgres  shared[*postgres.Server]
	sharedPgBouncer shared[*pgbouncer.Server]
)

// Postgres returns the PostgreSQL server that the tests of this process share. Tests keep out of
// each other's way by the names of databases and roles.
func Postgres(tb testing.TB) *postgres.Server {
	tb.Helper()
	return sharedPostgres.get(tb, "PostgreSQL is not available", func() (*postgres.Server, error) {
		return lasting(postgres.Start(context.WithoutCancel(tb.Context()), postgres.Options{}))
	})
}

// StartPostgres starts a server for this test alone, for options that the shared one does not have
// and for tests that stop it.
func StartPostgres(tb testing.TB, opts postgres.Options) *postgres.Server {
	tb.Helper()
	server, err := postgres.Start(tb.Context(), opts)
	return forTest(tb, server, err, (*postgres.Server).Stop)
}

// PgBouncer returns the PgBouncer in front of the shared PostgreSQL, which pools by transaction.
func PgBouncer(tb testing.TB) *pgbouncer.Server {
	tb.Helper()
	upstream := Postgres(tb)
	return sharedPgBouncer.get(tb, "PgBouncer is not available", func() (*pgbouncer.Server, error) {
		return lasting(pgbouncer.Start(context.WithoutCancel(tb.Context()), upstream))
	})
}

// TCPProxy puts a proxy that cuts, stalls and slows connections in front of a server for this test.
func TCPProxy(tb testing.TB, upstream string) *tcpproxy.Proxy {
	tb.Helper()
	proxy, err := tcpproxy.Start(tcpproxy.Options{Upstream: upstream})
	return forTest(tb, proxy, err, (*tcpproxy.Proxy).Close)
}

// PostgresName returns a name for a database or a role that no other call returns, with the name
// of the test in it.
func PostgresName(tb testing.TB) string {
	tb.Helper()
	return strings.ReplaceAll(bucketName(tb.Name()), "-", "_")
}

// PostgresRole makes a role that can log in, with a name and a password of its own. Attributes are
// SQL, such as "CREATEDB IN ROLE groundwork_tls".
func PostgresRole(tb testing.TB, server *postgres.Server, attributes string) postgres.Role {
	tb.Helper()
	role, err := server.CreateRole(tb.Context(), "r"+strings.ToLower(rand.Text()[:12]), attributes)
	if err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return role
}

// PostgresDatabase makes a database that belongs to a role, and returns its name.
func PostgresDatabase(tb testing.TB, server *postgres.Server, owner string) string {
	tb.Helper()
	name := PostgresName(tb)
	if err := server.CreateDatabase(tb.Context(), name, owner); err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return name
}
