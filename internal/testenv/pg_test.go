package testenv

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresIsShared(t *testing.T) {
	server := Postgres(t)
	if Postgres(t) != server {
		t.Error("a second server was started")
	}
	bouncer := PgBouncer(t)
	if PgBouncer(t) != bouncer {
		t.Error("a second PgBouncer was started")
	}
	role := PostgresRole(t, server, "CREATEDB")
	database := PostgresDatabase(t, server, role.Name)
	conn, err := pgx.Connect(t.Context(), server.URL(role.Name, role.Password, database)+"?sslmode=require")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // a test client
	var owner string
	if err := conn.QueryRow(t.Context(), "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", database).Scan(&owner); err != nil || owner != role.Name {
		t.Errorf("the database belongs to %q, want %q: %v", owner, role.Name, err)
	}
}

func TestTCPProxyLeadsToItsServer(t *testing.T) {
	server := Postgres(t)
	proxy := TCPProxy(t, server.Addr())
	url := server.URL("postgres", server.Password, "postgres") + "?sslmode=disable"
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Host, cfg.Port = proxy.Host(), uint16(proxy.Port())
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // a test client
	proxy.CutAfter(1)
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil || !proxy.Fired() {
		t.Errorf("the cut did nothing: %v", err)
	}
}
