package pglock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// oddNames are created exactly as they are written.
var oddNames = []string{
	`quote"d`, `"`, `""`, `o'brien`, `';DROP TABLE canary;--`, `"; DROP TABLE canary; --`, `x" OWNER TO postgres; --`,
	`a.b`, `a."b".c`, `Upper Case`, `ünï©ode 数据库`, `with	tab`, "new\nline", `\`, `back\slash`, `$1`, `%s%n`, `--`, `/*`, `select`, `user`, `current_user`,
	`*`, ` `, ` lead and trail `, `=`, `a=b host=evil`, `postgres://x`, `-1`, `E'\\`, `$$`, `{}`, `?`, "\x01",
	strings.Repeat("x", 63), strings.Repeat("é", 31), `"` + strings.Repeat("'", 62),
}

// someNames are the worst of them, for databases: a server takes its time to make one.
var someNames = []string{
	`quote"d`, `o'brien`, `"; DROP TABLE canary; --`, `x" OWNER TO postgres; --`, `a."b".c`, `Upper Case`, `ünï©ode 数据库`, "new\nline",
	`a=b host=evil`, `postgres://x`, `\`, ` lead and trail `, strings.Repeat("é", 31), `"` + strings.Repeat("'", 62),
}

// badNames are refused before anything is sent.
var badNames = []string{"", "\x00", "a\x00b", strings.Repeat("x", 64), strings.Repeat("é", 32), "\xff", strings.Repeat("y", 1<<16)}

// everything is all that could change by a statement that got out of its quotes.
const everything = `SELECT format('%s', datname) FROM pg_database UNION ALL SELECT format('%s %s', rolname, rolsuper) FROM pg_roles ORDER BY 1`

// lookAt returns a function that reads everything.
func lookAt(t *testing.T, server *postgres.Server) func() []string {
	t.Helper()
	conn, err := server.Connect(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return func() []string {
		t.Helper()
		rows, err := conn.Query(t.Context(), everything)
		if err != nil {
			t.Fatal(err)
		}
		values, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return values
	}
}

const relations = `SELECT format('%s.%s %s', n.nspname, c.relname, pg_get_userbyid(c.relowner)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' ORDER BY 1`

func TestOddDatabaseNames(t *testing.T) {
	server := testenv.StartPostgres(t, defaultServer)
	role := testenv.PostgresRole(t, server, "CREATEDB")
	client := newClient(t, configFor(server, role))
	look := lookAt(t, server)
	for _, name := range someNames {
		before := look()
		got, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: name})
		if err != nil || got.Name != name || !got.Created {
			t.Errorf("%q: %+v, %v", name, got, err)
			continue
		}
		after := look()
		if added := slices.DeleteFunc(after, func(s string) bool { return slices.Contains(before, s) }); !slices.Equal(added, []string{name}) {
			t.Errorf("%q created %q", name, added)
		}
		db, err := client.Connect(t.Context(), name)
		if err != nil {
			t.Errorf("connecting to %q: %v", name, err)
			continue
		}
		if db.Target().Database != name {
			t.Errorf("connected to %q instead of %q", db.Target().Database, name)
		}
		db.Close()
		if err := client.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if after := look(); !slices.Equal(before, after) {
			t.Errorf("dropping %q left %q", name, after)
		}
	}
}

func TestOddTableNames(t *testing.T) {
	db, server, _ := owned(t)
	database := db.Target().Database
	sql(t, server, database, "CREATE TABLE canary(id int)")
	before := query(t, server, database, relations)
	for i, name := range oddNames {
		table := Table{Schema: name, Name: oddNames[(i+7)%len(oddNames)]}
		create(t, db, TableSpec{Table: table})
		o := observe(t, db, table)
		if !o.Exists || o.Drifted() || o.Table != table {
			t.Errorf("%q: %+v", table, o)
		}
		if own, err := db.OwnTables(t.Context()); err != nil || !slices.Equal(own, []Table{table}) {
			t.Errorf("%q: its own tables are %q, %v", table, own, err)
		}
		if foreign, err := db.ForeignContent(t.Context()); err != nil || len(foreign) != 1 {
			t.Errorf("%q: foreign content is %q, %v", table, foreign, err)
		}
		if names := query(t, server, database, "SELECT relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE nspname = $1 AND relname = $2", table.Schema, table.Name); len(names) != 1 {
			t.Errorf("%q is not what was made", table)
		}
		checkProtocol(t, db, table)
		if err := db.DropTable(t.Context(), table); err != nil {
			t.Errorf("%q: %v", table, err)
		}
		if after := query(t, server, database, relations); !slices.Equal(before, after) {
			t.Fatalf("%q left %q", table, after)
		}
	}
}

func TestOddRoleNames(t *testing.T) {
	server := testenv.StartPostgres(t, defaultServer)
	role := testenv.PostgresRole(t, server, "CREATEDB")
	client := newClient(t, configFor(server, role))
	database := testenv.PostgresDatabase(t, server, role.Name)
	db := connect(t, client, database)
	create(t, db, TableSpec{})
	look := lookAt(t, server)
	owned, maintenance := testenv.PostgresDatabase(t, server, role.Name), connect(t, client, "")
	var roles strings.Builder
	for _, name := range oddNames {
		fmt.Fprintf(&roles, "CREATE ROLE %s ROLE %s;", ident(name), ident(role.Name))
	}
	sql(t, server, "postgres", roles.String())
	for _, name := range oddNames {
		before := look()
		if _, err := db.RepairTable(t.Context(), TableSpec{Grants: []string{name}}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if o := observe(t, db, Table{}, name); o.Drifted() || len(o.Public) > 0 || len(o.Others) > 0 {
			t.Errorf("%q: %+v", name, o)
		}
		if _, err := db.RepairTable(t.Context(), TableSpec{Revoke: []string{name}}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := maintenance.alterOwner(t.Context(), owned, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if after := look(); !slices.Equal(before, after) {
			t.Errorf("%q changed\n%q to\n%q", name, before, after)
		}
		if found, err := maintenance.inspectDatabase(t.Context(), owned); err != nil || found.Owner != name {
			t.Errorf("%q: the owner is %q, %v", name, found.Owner, err)
		}
	}
	if acl := query(t, server, database, accessLists); len(acl) > 0 {
		t.Errorf("roles keep %q", acl)
	}
	for _, name := range someNames[:3] {
		got, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: "x" + name, Owner: name})
		if err != nil || got.Owner != name {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

// Names that the server would cut off, or take for something else, never reach it: the proxy counts.
func TestBadNamesAreRefused(t *testing.T) {
	server, role, database := owner(t)
	proxy := testenv.TCPProxy(t, server.Addr())
	config := configFor(server, role)
	config.Port = proxy.Port()
	client := newClient(t, config)
	db := connect(t, client, database)
	proxy.Reset()
	refused := func(name string, err error) {
		t.Helper()
		var ne *NameError
		if !errors.As(err, &ne) {
			t.Errorf("%.70q: %v", name, err)
		} else if len(err.Error()) > 200_000 || ne.Problem == "" {
			t.Errorf("%.70q: %v", name, err)
		}
	}
	for _, name := range badNames {
		ctx := t.Context()
		_, err := client.CreateDatabase(ctx, DatabaseSpec{Name: name})
		refused(name, err)
		_, err = client.InspectDatabase(ctx, name)
		refused(name, err)
		refused(name, client.DropDatabase(ctx, name, DropDatabaseOptions{}))
		refused(name, client.AlterOwner(ctx, "x", name))
		if name != "" { // empty means the default
			_, err = client.Connect(ctx, name)
			refused(name, err)
			_, err = client.CreateDatabase(ctx, DatabaseSpec{Name: "x", Owner: name})
			refused(name, err)
			for _, table := range []Table{{Schema: name}, {Name: name}} {
				_, err = db.CreateTable(ctx, TableSpec{Table: table})
				refused(name, err)
				_, err = db.ObserveTable(ctx, table, nil)
				refused(name, err)
				_, err = db.LiveLeases(ctx, table)
				refused(name, err)
				refused(name, db.DropTable(ctx, table))
			}
		}
		_, err = db.CreateTable(ctx, TableSpec{Grants: []string{name}})
		refused(name, err)
		_, err = db.RepairTable(ctx, TableSpec{Revoke: []string{name}})
		refused(name, err)
	}
	for _, name := range []string{"public", "none"} { // keywords, even in quotes
		_, err := db.CreateTable(t.Context(), TableSpec{Grants: []string{name}})
		refused(name, err)
		refused(name, client.AlterOwner(t.Context(), database, name))
	}
	for _, schema := range []string{"pg_catalog", "information_schema", "pg_temp", "pg_mine"} {
		_, err := db.CreateTable(t.Context(), TableSpec{Table: Table{Schema: schema}})
		refused(schema, err)
	}
	_, err := db.CreateTable(t.Context(), TableSpec{Grants: []string{"a"}, Revoke: []string{"a"}})
	refused("a", err)
	if n := proxy.Turns(); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// A table, a function and an operator that stand in for PostgreSQL's own do not get between.
func TestSearchPathIsNotTrusted(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	sql(t, server, database, fmt.Sprintf(`CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
		CREATE TABLE evil.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false; GRANT SELECT ON evil.pg_class TO PUBLIC;
		CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT '1970-01-01'::timestamptz$$;
		CREATE FUNCTION evil.pg_get_userbyid(oid) RETURNS name LANGUAGE sql AS $$SELECT 'evil'::name$$;
		CREATE TYPE evil.text AS ENUM ('evil'); CREATE TYPE evil.bigint AS ENUM ('evil');
		CREATE TABLE evil.pulumi_state_locks(lockid int);
		ALTER ROLE %s SET search_path TO evil, pg_catalog, public`, ident(role.Name)))
	other := connect(t, db.client, database)
	create(t, other, TableSpec{})
	if got := query(t, server, database, columns, "public.pulumi_state_locks"); !slices.Equal(got, wantColumns) {
		t.Errorf("columns %q", got)
	}
	sql(t, server, database, "INSERT INTO public.pulumi_state_locks (lockid, leaseexpires) VALUES ('expired', now() - interval '1 s')")
	if live, err := other.LiveLeases(t.Context(), Table{}); err != nil || len(live) != 0 {
		t.Errorf("live leases %v, %v", live, err)
	}
	if o := observe(t, other, Table{}); o.Owner != role.Name || o.Drifted() {
		t.Errorf("it shows %+v", o)
	}
	if err := other.DropTable(t.Context(), Table{}); err != nil {
		t.Error(err)
	}
}

func FuzzDerive(f *testing.F) {
	f.Add("pulumi_state_locks")
	f.Add(strings.Repeat("é", 31))
	f.Fuzz(func(t *testing.T, name string) {
		table := Table{Name: name}
		if CheckName("table", name) != nil {
			return
		}
		seen := map[string]bool{name: true}
		for _, derived := range []string{table.waiters(), table.fence(), table.index(), table.waitersIndex()} {
			if CheckName("name", derived) != nil || seen[derived] || !utf8.ValidString(derived) {
				t.Errorf("%q gives %q", name, derived)
			}
			seen[derived] = true
		}
	})
}

func TestDerivedNamesDiffer(t *testing.T) {
	long := strings.Repeat("x", 60)
	a, b := Table{Name: long + "a"}, Table{Name: long + "b"}
	if a.waiters() == b.waiters() || a.fence() == b.fence() || a.index() == b.index() {
		t.Error("two long names share what belongs to them")
	}
	if got := (Table{}).index(); got != "idx_pulumi_lock_expires" {
		t.Errorf("the index of the default table is %q", got)
	}
	if got := (Table{Name: "locks"}).waiters(); got != "locks_waiters" {
		t.Errorf("the waiters are %q", got)
	}
}
