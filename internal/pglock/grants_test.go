package pglock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// accessLists has every privilege on what makes a lock table, and on its schema.
const accessLists = `SELECT format('%s %s %s%s', c.relname, coalesce(r.rolname, 'PUBLIC'), x.privilege_type, CASE WHEN x.is_grantable THEN '*' END)
	FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS x LEFT JOIN pg_roles AS r ON r.oid = x.grantee
	WHERE c.relname LIKE 'pulumi_state_locks%' AND x.grantee <> c.relowner ORDER BY 1`

func session(t *testing.T, server *postgres.Server, role postgres.Role, database string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(server.URL(role.Name, role.Password, database) + "?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// The role that may lock is tried against everything that it must not do.
func TestLeastPrivilege(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	locker, other := testenv.PostgresRole(t, server, ""), testenv.PostgresRole(t, server, "")
	sql(t, server, database, "REVOKE CREATE ON SCHEMA public FROM PUBLIC") // as since PostgreSQL 15
	spec := TableSpec{Table: Table{Schema: "locks"}, Grants: []string{locker.Name}}
	result := create(t, db, spec)
	if n := len(result.Changes); n < 9 {
		t.Errorf("changes %q", result.Changes)
	}
	conn := session(t, server, locker, database)
	for _, allowed := range []string{
		"INSERT INTO locks.pulumi_state_locks (LockID, Data, LeaseExpires) VALUES ('x', '{}', now() - interval '1 s')",
		"INSERT INTO locks.pulumi_state_locks (lockid, holder, fence) VALUES ('y', 'me', nextval('locks.pulumi_state_locks_fence_seq'))",
		"UPDATE locks.pulumi_state_locks SET leaseexpires = now() WHERE lockid = 'y'",
		"SELECT * FROM locks.pulumi_state_locks FOR UPDATE",
		"DELETE FROM locks.pulumi_state_locks WHERE LeaseExpires < NOW()",
		"INSERT INTO locks.pulumi_state_locks_waiters (lockid, holder) VALUES ('x', 'me')",
		"UPDATE locks.pulumi_state_locks_waiters SET heartbeat_at = clock_timestamp()",
		"SELECT * FROM locks.pulumi_state_locks_waiters", "DELETE FROM locks.pulumi_state_locks_waiters",
		"LISTEN groundwork", "NOTIFY groundwork",
	} {
		if _, err := conn.Exec(t.Context(), allowed); err != nil {
			t.Errorf("%s: %v", allowed, err)
		}
	}
	before := slices.Concat(query(t, server, database, accessLists), query(t, server, database, columns, "locks.pulumi_state_locks"))
	for _, forbidden := range []string{
		"DROP TABLE locks.pulumi_state_locks", "DROP TABLE locks.pulumi_state_locks_waiters", "DROP SEQUENCE locks.pulumi_state_locks_fence_seq",
		"DROP TABLE locks.pulumi_state_locks CASCADE", "DROP SCHEMA locks CASCADE", "DROP INDEX locks.idx_pulumi_lock_expires",
		"TRUNCATE locks.pulumi_state_locks", "TRUNCATE locks.pulumi_state_locks_waiters",
		"ALTER TABLE locks.pulumi_state_locks ADD COLUMN x int", "ALTER TABLE locks.pulumi_state_locks DROP COLUMN fence",
		"ALTER TABLE locks.pulumi_state_locks RENAME TO gone", "ALTER TABLE locks.pulumi_state_locks SET SCHEMA public",
		"ALTER TABLE locks.pulumi_state_locks OWNER TO " + ident(locker.Name), "ALTER TABLE locks.pulumi_state_locks SET UNLOGGED",
		"ALTER TABLE locks.pulumi_state_locks ENABLE ROW LEVEL SECURITY", "ALTER TABLE locks.pulumi_state_locks DISABLE TRIGGER ALL",
		"ALTER TABLE locks.pulumi_state_locks_waiters ALTER COLUMN ticket DROP IDENTITY",
		"ALTER INDEX locks.idx_pulumi_lock_expires RENAME TO gone", "REINDEX TABLE locks.pulumi_state_locks",
		"CLUSTER locks.pulumi_state_locks USING pulumi_state_locks_pkey",
		"CREATE INDEX ON locks.pulumi_state_locks (data)", "CREATE RULE r AS ON DELETE TO locks.pulumi_state_locks DO INSTEAD NOTHING",
		"CREATE POLICY p ON locks.pulumi_state_locks", "COMMENT ON TABLE locks.pulumi_state_locks IS 'mine'",
		"CREATE TRIGGER t BEFORE INSERT ON locks.pulumi_state_locks FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"CREATE TABLE child() INHERITS (locks.pulumi_state_locks)", "CREATE TABLE locks.mine(id int)", "CREATE SCHEMA mine",
		"ALTER SCHEMA locks RENAME TO gone", "CREATE TABLE refers(id varchar(255) REFERENCES locks.pulumi_state_locks)",
		"SELECT setval('locks.pulumi_state_locks_fence_seq', 1)", "ALTER SEQUENCE locks.pulumi_state_locks_fence_seq RESTART",
		"SELECT * FROM locks.pulumi_state_locks_fence_seq", "SELECT setval('locks.pulumi_state_locks_waiters_ticket_seq', 1)",
		"ALTER DATABASE " + ident(database) + " RENAME TO gone", "DROP DATABASE " + ident(database), "CREATE DATABASE mine",
		"SET ROLE " + ident(role.Name), "ALTER ROLE " + ident(role.Name) + " PASSWORD 'x'",
	} {
		_, err := conn.Exec(t.Context(), forbidden)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v", forbidden, err)
		}
	}
	// To PostgreSQL this is a warning only, so what counts is that nothing came of it.
	for _, passedOn := range []string{
		"GRANT ALL ON locks.pulumi_state_locks TO " + ident(other.Name), "GRANT SELECT ON locks.pulumi_state_locks TO PUBLIC",
		"REVOKE ALL ON locks.pulumi_state_locks FROM " + ident(locker.Name), "GRANT USAGE ON SCHEMA locks TO " + ident(other.Name),
	} {
		_, _ = conn.Exec(t.Context(), passedOn)
	}
	if after := slices.Concat(query(t, server, database, accessLists), query(t, server, database, columns, "locks.pulumi_state_locks")); !slices.Equal(before, after) {
		t.Errorf("the role changed\n%v\nto\n%v", before, after)
	}
	outsider := session(t, server, other, database)
	if _, err := outsider.Exec(t.Context(), "SELECT * FROM locks.pulumi_state_locks"); err == nil {
		t.Error("somebody without a grant can read")
	}
	asLocker := connect(t, newClient(t, configFor(server, locker)), database)
	lockerFails(t, asLocker, spec.Table, locker)
}

// lockerFails: the role can look at its table with groundwork, and cannot change it.
func lockerFails(t *testing.T, db *DB, table Table, role postgres.Role) {
	t.Helper()
	if o := observe(t, db, table, role.Name); o.Drifted() || o.Grants[0].CanAlter || !o.Grants[0].CanConnect {
		t.Errorf("the role sees %+v", o)
	}
	if _, err := db.LiveLeases(t.Context(), table); err != nil {
		t.Error(err)
	}
	for name, run := range map[string]func() error{
		"drop":   func() error { return db.DropTable(t.Context(), table) },
		"create": func() error { _, err := db.CreateTable(t.Context(), TableSpec{}); return err },
		"schema": func() error {
			_, err := db.CreateTable(t.Context(), TableSpec{Table: Table{Schema: "mine"}})
			return err
		},
		"grant": func() error {
			_, err := db.RepairTable(t.Context(), TableSpec{Table: table, Grants: []string{postgres.Superuser}})
			return err
		},
	} {
		err := run()
		if !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var call *CallError
		if !errors.As(err, &call) || call.Remedy == "" || strings.ContainsRune(call.Remedy, 0) {
			t.Errorf("%s has the remedy %q", name, call.Remedy)
		}
		wantHint(t, err, call.Remedy, role.Password)
	}
}

func TestGrantsAreKeptAsDeclared(t *testing.T) {
	db, server, _ := owned(t)
	database := db.Target().Database
	a, b, third := testenv.PostgresRole(t, server, ""), testenv.PostgresRole(t, server, ""), testenv.PostgresRole(t, server, "")
	full := func(roles ...string) []string {
		var want []string
		for _, role := range roles {
			for _, privilege := range tablePrivileges {
				want = append(want, "pulumi_state_locks "+role+" "+privilege, "pulumi_state_locks_waiters "+role+" "+privilege)
			}
			want = append(want, "pulumi_state_locks_fence_seq "+role+" USAGE")
		}
		slices.Sort(want)
		return want
	}
	check := func(step string, want ...string) {
		t.Helper()
		got := query(t, server, database, accessLists)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the access lists say\n%s\nwant\n%s", step, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	repair := func(spec TableSpec) {
		t.Helper()
		if _, err := db.RepairTable(t.Context(), spec); err != nil {
			t.Fatalf("%v\n%s", err, Hint(err))
		}
	}
	// Even where everybody gets everything by default.
	if _, err := db.pool.Exec(t.Context(), "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.pool.Exec(t.Context(), "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	create(t, db, TableSpec{})
	check("created without grants")
	both := TableSpec{Grants: []string{a.Name, b.Name}}
	repair(both)
	check("two roles", full(a.Name, b.Name)...)

	sql(t, server, database, fmt.Sprintf(`REVOKE INSERT ON pulumi_state_locks FROM %[1]s; REVOKE ALL ON SEQUENCE pulumi_state_locks_fence_seq FROM %[1]s;
		GRANT TRUNCATE, TRIGGER ON pulumi_state_locks TO %[2]s; GRANT SELECT ON pulumi_state_locks_waiters TO %[2]s WITH GRANT OPTION;
		GRANT UPDATE ON SEQUENCE pulumi_state_locks_fence_seq TO %[2]s; GRANT SELECT ON pulumi_state_locks TO PUBLIC; GRANT SELECT ON pulumi_state_locks TO %[3]s`,
		ident(a.Name), ident(b.Name), ident(third.Name)))
	o := observe(t, db, Table{}, a.Name, b.Name)
	wantGrants := []RoleGrant{
		{Role: a.Name, Exists: true, CanConnect: true, Missing: []string{
			`INSERT on "public"."pulumi_state_locks"`, `USAGE on "public"."pulumi_state_locks_fence_seq"`,
		}},
		{Role: b.Name, Exists: true, CanConnect: true, Excess: []string{
			`TRIGGER on "public"."pulumi_state_locks"`, `TRUNCATE on "public"."pulumi_state_locks"`,
			`UPDATE on "public"."pulumi_state_locks_fence_seq"`, `SELECT on "public"."pulumi_state_locks_waiters" with grant option`,
		}},
	}
	if !o.Drifted() || fmt.Sprint(o.Grants) != fmt.Sprint(wantGrants) || !slices.Equal(o.Public, []string{`SELECT on "public"."pulumi_state_locks"`}) ||
		!slices.Equal(o.Others, []string{third.Name}) {
		t.Errorf("the drift shows as %+v", o)
	}
	repair(TableSpec{})
	if o := observe(t, db, Table{}, a.Name, b.Name); !o.Drifted() {
		t.Error("grants changed though none were declared")
	}
	repair(both)
	check("repaired", append(append([]string{}, "pulumi_state_locks "+third.Name+" SELECT"), full(a.Name, b.Name)...)...)
	if o := observe(t, db, Table{}, a.Name, b.Name); o.Drifted() {
		t.Errorf("afterwards %+v", o)
	}
	repair(TableSpec{Grants: []string{a.Name}, Revoke: []string{b.Name, "no longer there"}})
	check("one removed", append(append([]string{}, "pulumi_state_locks "+third.Name+" SELECT"), full(a.Name)...)...)
	repair(TableSpec{Grants: []string{}, Revoke: []string{a.Name, third.Name}})
	check("none")
}

// Who may enter a schema that groundwork made follows the tables in it.
func TestSchemaUsageFollowsTheTables(t *testing.T) {
	db, server, role := owned(t)
	locker := testenv.PostgresRole(t, server, "")
	first, second, public := Table{Schema: "locks"}, Table{Schema: "locks", Name: "more"}, Table{}
	grant, revoke := []string{locker.Name}, []string{locker.Name}
	sql(t, server, db.Target().Database, "CREATE SCHEMA theirs AUTHORIZATION "+ident(role.Name))
	theirs := Table{Schema: "theirs"}
	for _, table := range []Table{first, second, public, theirs} {
		create(t, db, TableSpec{Table: table, Grants: grant})
	}
	for _, step := range []struct {
		table Table
		uses  bool
	}{{first, true}, {second, false}, {public, true}, {theirs, true}} {
		if _, err := db.RepairTable(t.Context(), TableSpec{Table: step.table, Grants: []string{}, Revoke: revoke}); err != nil {
			t.Fatal(err)
		}
		got := query(t, server, db.Target().Database, "SELECT has_schema_privilege($1, $2, 'USAGE')::text", locker.Name, step.table.withDefaults().Schema)
		if want := fmt.Sprint(step.uses); got[0] != want {
			t.Errorf("after %s the role may enter: %s, want %s", step.table, got[0], want)
		}
	}
}

// Adopting what is whole already needs no right at all.
func TestAdoptingWithoutRights(t *testing.T) {
	db, server, _ := owned(t)
	create(t, db, TableSpec{})
	stranger := testenv.PostgresRole(t, server, "")
	other := connect(t, newClient(t, configFor(server, stranger)), db.Target().Database)
	if result, err := other.CreateTable(t.Context(), TableSpec{Adopt: true}); err != nil || len(result.Changes) > 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if o := observe(t, other, Table{}); o.Drifted() {
		t.Errorf("it shows %+v", o)
	}
	_, err := other.LiveLeases(t.Context(), Table{})
	if !errors.Is(err, ErrDenied) {
		t.Errorf("reading without the right to: %v", err)
	}
	wantHint(t, err, "GRANT SELECT ON TABLE", stranger.Password)
	_, err = other.CreateTable(t.Context(), TableSpec{})
	if !errors.Is(err, ErrDenied) {
		t.Errorf("counting rows without the right to: %v", err)
	}
	wantHint(t, err, "TO "+ident(stranger.Name), stranger.Password)
}

func TestGrantsThatCannotBe(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	create(t, db, TableSpec{Grants: []string{role.Name, postgres.Superuser}})
	o := observe(t, db, Table{}, role.Name, postgres.Superuser, "No Such")
	if o.Grants[0].CanAlter != true || o.Grants[1].CanAlter != true || o.Grants[2].Exists || !o.Drifted() {
		t.Errorf("unexpected %+v", o.Grants)
	}
	_, err := db.RepairTable(t.Context(), TableSpec{Grants: []string{"No Such"}})
	if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `"No Such"`) {
		t.Errorf("a role that is not there: %v", err)
	}
	wantHint(t, err, "spelling", role.Password)
	// A role with some right and no right to grant: the server only warns.
	locker := testenv.PostgresRole(t, server, "")
	sql(t, server, database, "GRANT SELECT ON pulumi_state_locks, pulumi_state_locks_waiters TO "+ident(locker.Name)+"; GRANT USAGE ON SEQUENCE pulumi_state_locks_fence_seq TO "+ident(locker.Name))
	weak := connect(t, newClient(t, configFor(server, locker)), database)
	_, err = weak.RepairTable(t.Context(), TableSpec{Grants: []string{locker.Name}})
	if !errors.Is(err, ErrDenied) {
		t.Errorf("granting without the right to: %v", err)
	}
	wantHint(t, err, "OWNER TO "+ident(locker.Name), role.Password, locker.Password)
	// A member of the owner acts as the owner.
	member := testenv.PostgresRole(t, server, "")
	sql(t, server, "postgres", "GRANT "+ident(role.Name)+" TO "+ident(member.Name))
	asMember := connect(t, newClient(t, configFor(server, member)), database)
	if _, err := asMember.RepairTable(t.Context(), TableSpec{Grants: []string{locker.Name}}); err != nil {
		t.Error(err)
	}
	private := testenv.PostgresDatabase(t, server, role.Name)
	sql(t, server, "postgres", "REVOKE CONNECT ON DATABASE "+ident(private)+" FROM PUBLIC")
	inside := connect(t, db.client, private)
	create(t, inside, TableSpec{Grants: []string{locker.Name}})
	if o := observe(t, inside, Table{}, locker.Name); o.Grants[0].CanConnect {
		t.Error("a role that may not connect shows as one that may")
	}
}
