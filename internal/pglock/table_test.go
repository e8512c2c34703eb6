package pglock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// seedCreate is what people have run by hand, to the letter.
const seedCreate = `CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
);

CREATE INDEX IF NOT EXISTS idx_pulumi_lock_expires
ON pulumi_state_locks (LeaseExpires);
`

// And what they monitor and mend it with.
const (
	seedStuck   = "SELECT * FROM pulumi_state_locks WHERE LeaseExpires < NOW();"
	seedStatus  = "SELECT * FROM pulumi_state_locks;"
	seedRelease = "DELETE FROM pulumi_state_locks WHERE LeaseExpires < NOW();"
)

const seedRows = `INSERT INTO pulumi_state_locks (LockID, Data, LeaseExpires) VALUES
	('expired', 'old', now() - interval '1 hour'), ('held', 'now', now() + interval '1 hour'), ('endless', NULL, NULL)`

// columns lists a table's columns with types, defaults and nullability.
const columns = `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
	FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`

var wantColumns = []string{
	"lockid character varying(255) NOT NULL", "data text", "leaseexpires timestamp with time zone",
	"holder text", "operation text", "acquired_at timestamp with time zone", "fence bigint",
}

func create(t *testing.T, db *DB, spec TableSpec) TableResult {
	t.Helper()
	result, err := db.CreateTable(t.Context(), spec)
	if err != nil {
		t.Fatalf("%v\n%s", err, Hint(err))
	}
	return result
}

func observe(t *testing.T, db *DB, table Table, roles ...string) Observed {
	t.Helper()
	o, err := db.ObserveTable(t.Context(), table, roles)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCreateTable(t *testing.T) {
	long := strings.Repeat("é", 31) + "x" // 63 bytes
	db, server, _ := owned(t)
	database := db.Target().Database
	for name, table := range map[string]Table{
		"default": {}, "other name": {Name: "locks"}, "other schema": {Schema: "Some Schema"}, "long": {Schema: long, Name: long},
		"default name elsewhere": {Schema: "elsewhere", Name: DefaultTable},
	} {
		t.Run(name, func(t *testing.T) {
			if o := observe(t, db, table); o.Exists || o.Managed || !o.Drifted() {
				t.Errorf("before: %+v", o)
			}
			first := create(t, db, TableSpec{Table: table})
			if !first.Created || len(first.Changes) < 5 || first.Table != table.withDefaults() {
				t.Errorf("unexpected %+v", first)
			}
			again := create(t, db, TableSpec{Table: table})
			if !again.Created || len(again.Changes) > 0 {
				t.Errorf("the second time: %+v", again)
			}
			if got := query(t, server, database, columns, table.String()); !slices.Equal(got, wantColumns) {
				t.Errorf("columns %q", got)
			}
			o := observe(t, db, table)
			if o.Drifted() || !o.Managed || !o.Created || len(o.Public)+len(o.Others) > 0 {
				t.Errorf("after: %+v", o)
			}
			index := query(t, server, database, "SELECT indexdef FROM pg_indexes WHERE indexname = $1", table.index())
			if len(index) != 1 || !strings.HasSuffix(index[0], "USING btree (leaseexpires)") {
				t.Errorf("the index is %q", index)
			}
			checkProtocol(t, db, table)
			for range 2 {
				if err := db.DropTable(t.Context(), table); err != nil {
					t.Fatal(err)
				}
			}
			if left, err := db.ForeignContent(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("the drop leaves %v, %v", left, err)
			}
			if left := query(t, server, database, "SELECT relname::text FROM pg_class WHERE relname LIKE '%lock%' AND relnamespace <> 'pg_catalog'::regnamespace"); len(left) > 0 {
				t.Errorf("the drop leaves %v", left)
			}
		})
	}
}

// checkProtocol does what leases will do: take in one statement, wait by ticket, fence.
func checkProtocol(t *testing.T, db *DB, table Table) {
	t.Helper()
	take := fmt.Sprintf(`INSERT INTO %[1]s AS l (lockid, data, leaseexpires, holder, operation, acquired_at, fence)
		VALUES ('dev', '{}', clock_timestamp() + interval '300 s', $1, 'test', clock_timestamp(), nextval('%[2]s'))
		ON CONFLICT (lockid) DO UPDATE SET holder = excluded.holder, leaseexpires = excluded.leaseexpires, fence = excluded.fence
		WHERE l.leaseexpires <= clock_timestamp() RETURNING fence`, table.sql(), strings.ReplaceAll(table.fenceSQL(), "'", "''"))
	var fence, later int64
	if err := db.pool.QueryRow(t.Context(), take, "a").Scan(&fence); err != nil {
		t.Fatal(err)
	}
	if fence < time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("fences begin at %d, which may have been given out before", fence)
	}
	if tag, err := db.pool.Exec(t.Context(), take, "b"); err != nil || tag.RowsAffected() != 0 {
		t.Errorf("a lock that is held is taken: %v, %v", tag, err)
	}
	if _, err := db.pool.Exec(t.Context(), "UPDATE "+table.sql()+" SET leaseexpires = clock_timestamp()"); err != nil {
		t.Error(err)
	}
	if err := db.pool.QueryRow(t.Context(), take, "b").Scan(&later); err != nil || later <= fence {
		t.Errorf("the next fence is %d after %d: %v", later, fence, err)
	}
	var ticket, next int64
	wait := "INSERT INTO " + table.waitersSQL() + " (lockid, holder, operation) VALUES ('dev', 'c', 'test') RETURNING ticket"
	for _, into := range []*int64{&ticket, &next} {
		if err := db.pool.QueryRow(t.Context(), wait).Scan(into); err != nil {
			t.Fatal(err)
		}
	}
	if next <= ticket {
		t.Errorf("ticket %d after %d", next, ticket)
	}
	live, err := db.LiveLeases(t.Context(), table)
	if err != nil || len(live) != 1 || live[0].LockID != "dev" || live[0].Holder != "b" || live[0].Operation != "test" || live[0].Fence != later ||
		live[0].Endless || live[0].Left <= 0 || live[0].AcquiredAt.IsZero() || !live[0].Expires.After(live[0].AcquiredAt) {
		t.Errorf("live leases %+v, %v", live, err)
	}
	var held *LiveLeaseError
	if err := db.DropTable(t.Context(), table); !errors.As(err, &held) || !strings.Contains(err.Error(), `"dev" held by b for test`) {
		t.Errorf("dropped over a live lease: %v", err)
	} else {
		wantHint(t, err, table.String())
	}
	if _, err := db.pool.Exec(t.Context(), "DELETE FROM "+table.sql()); err != nil {
		t.Error(err)
	}
}

func TestLiveLeasesOfOddTimes(t *testing.T) {
	db, server, _ := owned(t)
	create(t, db, TableSpec{})
	sql(t, server, db.Target().Database, `INSERT INTO pulumi_state_locks (lockid, leaseexpires) VALUES
		('infinity', 'infinity'), ('before', '-infinity'), ('year 9999', '9999-01-01'), ('year 294000', '294000-01-01'), ('1970', '1970-01-01')`)
	sql(t, server, "postgres", "ALTER ROLE "+ident(db.Target().User)+" SET datestyle TO 'German'")
	other := connect(t, db.client, db.Target().Database)
	live, err := other.LiveLeases(t.Context(), Table{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range live {
		got = append(got, fmt.Sprintf("%s %v %v %d", l.LockID, l.Endless, l.Left > 24*time.Hour, l.Expires.Year()))
	}
	if diff := cmp.Diff([]string{"infinity true false 1", "year 294000 false true 294000", "year 9999 false true 9999"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTablesThatCannotBeAdopted(t *testing.T) {
	tests := map[string]struct {
		table string
		says  []string
	}{
		"other columns":      {"CREATE TABLE pulumi_state_locks(id bigint PRIMARY KEY, name text)", []string{"no column lockid", "no column data", "no column leaseexpires", `"id" must be filled in`}},
		"quoted columns":     {`CREATE TABLE pulumi_state_locks("LockID" varchar(255) PRIMARY KEY, "Data" text, "LeaseExpires" timestamptz)`, []string{`"LockID" was created in quotes`, `"LeaseExpires"`}},
		"without time zone":  {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamp)", []string{`"leaseexpires" is timestamp without time zone and not timestamp with time zone`}},
		"a number as a name": {"CREATE TABLE pulumi_state_locks(lockid bigint PRIMARY KEY, data text, leaseexpires timestamptz)", []string{`"lockid" is bigint`}},
		"JSON as data":       {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data jsonb, leaseexpires timestamptz)", []string{`"data" is jsonb`}},
		"short names":        {"CREATE TABLE pulumi_state_locks(lockid varchar(64) PRIMARY KEY, data text, leaseexpires timestamptz)", []string{"64 characters and not 255"}},
		"short data":         {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data varchar(10), leaseexpires timestamptz)", []string{"only 10 characters"}},
		"no key":             {"CREATE TABLE pulumi_state_locks(lockid varchar(255) NOT NULL, data text, leaseexpires timestamptz)", []string{"ADD PRIMARY KEY (lockid)"}},
		"a key over more":    {"CREATE TABLE pulumi_state_locks(lockid varchar(255), data text, leaseexpires timestamptz, PRIMARY KEY (lockid, data))", []string{"not the primary key", "unique index"}},
		"a deferrable key":   {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY DEFERRABLE, data text, leaseexpires timestamptz)", []string{"not the primary key"}},
		"another unique":     {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text UNIQUE, leaseexpires timestamptz)", []string{"pulumi_state_locks_data_key"}},
		"a check":            {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY CHECK (lockid <> 'dev'), data text, leaseexpires timestamptz)", []string{"CHECK"}},
		"must be filled in":  {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz, team text NOT NULL)", []string{`"team" must be filled in`}},
		"always an end":      {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz NOT NULL DEFAULT now())", []string{"a lock without an end is NULL"}},
		"data must be given": {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text NOT NULL, leaseexpires timestamptz)", []string{`"data" is NOT NULL without a default`}},
		"holder of a number": {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz, holder int)", []string{`"holder" is integer and not text`}},
		"a small fence":      {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz, fence int)", []string{`"fence" is integer and not bigint`}},
		"a view":             {"CREATE VIEW pulumi_state_locks AS SELECT ''::varchar(255) AS lockid, ''::text AS data, now() AS leaseexpires", []string{"a view and not a table"}},
		"a sequence":         {"CREATE SEQUENCE pulumi_state_locks", []string{"a sequence and not a table"}},
		"partitioned":        {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz) PARTITION BY HASH (lockid)", []string{"a partitioned table and not a table"}},
		"not logged":         {"CREATE UNLOGGED TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz)", []string{"not logged"}},
		"hidden rows":        {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); ALTER TABLE pulumi_state_locks ENABLE ROW LEVEL SECURITY", []string{"row-level security"}},
		"rules":              {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE RULE r AS ON DELETE TO pulumi_state_locks DO INSTEAD NOTHING", []string{"rules"}},
		"children":           {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE TABLE child() INHERITS (pulumi_state_locks)", []string{"inheritance"}},
		"index taken":        {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE INDEX idx_pulumi_lock_expires ON pulumi_state_locks(data)", []string{"not over leaseexpires"}},
		"index elsewhere":    {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE TABLE idx_pulumi_lock_expires()", []string{"idx_pulumi_lock_expires", "taken by something else"}},
		"other waiters":      {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE TABLE pulumi_state_locks_waiters(id int)", []string{"beside it", "no column ticket"}},
		"tickets by hand":    {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE TABLE pulumi_state_locks_waiters(ticket bigint PRIMARY KEY, lockid varchar(255) NOT NULL)", []string{"does not number itself"}},
		"another sequence":   {"CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE SEQUENCE pulumi_state_locks_fence_seq AS int CYCLE", []string{"only goes up"}},
		"no sequence":        {"CREATE TABLE pulumi_state_locks_fence_seq()", []string{"pulumi_state_locks_fence_seq", "only goes up"}},
		"waiters of a view":  {"CREATE VIEW pulumi_state_locks_waiters AS SELECT 1", []string{"a view and not a table"}},
	}
	db, server, role := owned(t)
	database := db.Target().Database
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			table := schemaWith(t, db, server, tc.table)
			const catalogue = `SELECT format('%s %s %s %s', c.oid, c.relname, c.xmin, (SELECT string_agg(a::text, ',' ORDER BY attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid))
				FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 ORDER BY 1`
			before := query(t, server, database, catalogue, table.Schema)
			_, err := db.CreateTable(t.Context(), TableSpec{Table: table, Adopt: true})
			var shape *ShapeError
			if !errors.As(err, &shape) {
				t.Fatalf("got %v, want a ShapeError", err)
			}
			for _, text := range tc.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %q: %v", text, err)
				}
			}
			wantHint(t, err, "changes no column", role.Password)
			if after := query(t, server, database, catalogue, table.Schema); !slices.Equal(before, after) {
				t.Errorf("a refused table was changed:\n%v\n%v", before, after)
			}
		})
	}
}

// schemaWith makes a schema of the owner's, runs SQL in it as the owner, and names the lock table
// there.
func schemaWith(t *testing.T, db *DB, server *postgres.Server, text string) Table {
	t.Helper()
	table := Table{Schema: testenv.PostgresName(t)}
	role, schema := ident(db.Target().User), ident(table.Schema)
	sql(t, server, db.Target().Database, fmt.Sprintf("CREATE SCHEMA %[1]s AUTHORIZATION %[2]s; SET ROLE %[2]s; SET search_path TO %[1]s; %[3]s", schema, role, text))
	return table
}

// Tables that differ and still do.
func TestTablesThatFit(t *testing.T) {
	db, server, _ := owned(t)
	for name, text := range map[string]string{
		"text":               "CREATE TABLE pulumi_state_locks(lockid text PRIMARY KEY, data varchar, leaseexpires timestamptz)",
		"longer names":       "CREATE TABLE pulumi_state_locks(lockid varchar(300) PRIMARY KEY, data text, leaseexpires timestamptz)",
		"more columns":       "CREATE TABLE pulumi_state_locks(team text NOT NULL DEFAULT 'x', lockid varchar(255) PRIMARY KEY, n int GENERATED ALWAYS AS IDENTITY, data text, leaseexpires timestamptz, note text)",
		"another index name": "CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE INDEX mine ON pulumi_state_locks(leaseexpires DESC, data)",
		"unique, not null":   "CREATE TABLE pulumi_state_locks(lockid varchar(255) NOT NULL UNIQUE, data text, leaseexpires timestamptz)",
		"some of ours":       "CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz, fence bigint, holder text); INSERT INTO pulumi_state_locks(lockid, fence) VALUES ('x', 9000000000000000)",
		"dropped columns":    "CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, holder int, data text, leaseexpires timestamptz); ALTER TABLE pulumi_state_locks DROP COLUMN holder",
		"a trigger":          "CREATE TABLE pulumi_state_locks(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON pulumi_state_locks FOR EACH ROW EXECUTE FUNCTION f()",
	} {
		t.Run(name, func(t *testing.T) {
			table := schemaWith(t, db, server, text)
			create(t, db, TableSpec{Table: table, Adopt: true})
			if o := observe(t, db, table); o.Drifted() {
				t.Errorf("afterwards %+v", o)
			}
			if name == "some of ours" {
				var next int64
				if err := db.pool.QueryRow(t.Context(), "SELECT nextval($1::text::regclass)", table.fenceSQL()).Scan(&next); err != nil || next <= 9000000000000000 {
					t.Errorf("the next fence is %d, which was given out already: %v", next, err)
				}
				return
			}
			checkProtocol(t, db, table)
		})
	}
}

// Each part that somebody takes away shows, and comes back.
func TestRepair(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	locker := testenv.PostgresRole(t, server, "")
	spec := TableSpec{Grants: []string{locker.Name}}
	if _, err := db.RepairTable(t.Context(), spec); !errors.Is(err, ErrNotFound) {
		t.Errorf("a table that is gone: %v", err)
	}
	create(t, db, spec)
	sql(t, server, database, "INSERT INTO pulumi_state_locks (lockid, fence) VALUES ('kept', 9000000000000000)")
	tests := map[string]struct{ damage, missing string }{
		"index":          {"DROP INDEX idx_pulumi_lock_expires", `index "idx_pulumi_lock_expires"`},
		"column":         {"ALTER TABLE pulumi_state_locks DROP COLUMN holder", "column holder"},
		"columns":        {"ALTER TABLE pulumi_state_locks DROP COLUMN operation, DROP COLUMN acquired_at", "column operation"},
		"waiters":        {"DROP TABLE pulumi_state_locks_waiters", `table "public"."pulumi_state_locks_waiters"`},
		"heartbeat":      {"ALTER TABLE pulumi_state_locks_waiters DROP COLUMN heartbeat_at", "column heartbeat_at"},
		"waiters' index": {"DROP INDEX idx_pulumi_state_locks_waiters_order", `index "idx_pulumi_state_locks_waiters_order"`},
		"fences":         {"DROP SEQUENCE pulumi_state_locks_fence_seq", `sequence "public"."pulumi_state_locks_fence_seq"`},
		"an index that was never finished": {
			"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_pulumi_lock_expires'::regclass", `index "idx_pulumi_lock_expires"`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			sql(t, server, database, tc.damage)
			o := observe(t, db, Table{}, locker.Name)
			if !o.Drifted() || !slices.Contains(o.Missing, tc.missing) {
				t.Errorf("it shows %q, want %q among it", o.Missing, tc.missing)
			}
			result, err := db.RepairTable(t.Context(), spec)
			if err != nil || !slices.Contains(result.Changes, tc.missing) {
				t.Errorf("repaired %q, %v", result.Changes, err)
			}
			if o := observe(t, db, Table{}, locker.Name); o.Drifted() || !o.Managed || !o.Created {
				t.Errorf("afterwards %+v", o)
			}
			var next int64
			if err := db.pool.QueryRow(t.Context(), "SELECT nextval('pulumi_state_locks_fence_seq')").Scan(&next); err != nil || next == 1 ||
				name == "fences" && next <= 9000000000000000 {
				t.Errorf("the next fence is %d: %v", next, err)
			}
		})
	}
	if kept := query(t, server, database, "SELECT lockid FROM pulumi_state_locks"); !slices.Equal(kept, []string{"kept"}) {
		t.Errorf("rows became %v", kept)
	}
	sql(t, server, database, "ALTER TABLE pulumi_state_locks ALTER COLUMN data TYPE jsonb USING NULL")
	if o := observe(t, db, Table{}); len(o.Problems) != 1 || !o.Drifted() {
		t.Errorf("problems %q", o.Problems)
	}
	if _, err := db.RepairTable(t.Context(), spec); !errors.As(err, new(*ShapeError)) {
		t.Errorf("repaired a column of another type: %v", err)
	}
	noSecret(t, errors.New(fmt.Sprint(observe(t, db, Table{}))), role.Password)
}

func TestCreateTableThatExists(t *testing.T) {
	db, server, _ := owned(t)
	database := db.Target().Database
	create(t, db, TableSpec{})
	sql(t, server, database, "INSERT INTO pulumi_state_locks (lockid, leaseexpires) VALUES ('x', now())")
	_, err := db.CreateTable(t.Context(), TableSpec{})
	if !errors.As(err, new(*ExistsError)) || !strings.Contains(err.Error(), "1 rows") {
		t.Errorf("a table of groundwork's with rows: %v", err)
	}
	if result := create(t, db, TableSpec{Adopt: true}); !result.Created {
		t.Errorf("unexpected %+v", result)
	}
	sql(t, server, database, "DROP TABLE pulumi_state_locks") // and the rest stays
	if o := observe(t, db, Table{}); o.Exists || o.Managed {
		t.Errorf("unexpected %+v", o)
	}
	if result := create(t, db, TableSpec{}); !result.Created || len(result.Changes) != 2 {
		t.Errorf("beside what was left: %+v", result)
	}
	sql(t, server, database, "CREATE VIEW on_top AS SELECT * FROM pulumi_state_locks")
	err = db.DropTable(t.Context(), Table{})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "on_top") {
		t.Errorf("dropped with what others built on it: %v", err)
	}
	wantHint(t, err, "Remove that first")
	sql(t, server, database, "DROP VIEW on_top; DROP TABLE pulumi_state_locks")
	if err := db.DropTable(t.Context(), Table{}); err != nil {
		t.Error(err)
	}
	sql(t, server, database, "CREATE TABLE pulumi_state_locks_waiters(ticket bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lockid varchar(255) NOT NULL)")
	if _, err := db.CreateTable(t.Context(), TableSpec{}); !errors.Is(err, ErrExists) {
		t.Errorf("waiters that somebody made: %v", err)
	}
}

func TestSchemaStaysWhenOthersUseIt(t *testing.T) {
	db, server, _ := owned(t)
	database := db.Target().Database
	first, second := Table{Schema: "locks"}, Table{Schema: "locks", Name: "more"}
	create(t, db, TableSpec{Table: first})
	create(t, db, TableSpec{Table: second})
	schemas := func() []string {
		return query(t, server, database, "SELECT nspname::text FROM pg_namespace WHERE nspname IN ('locks', 'theirs')")
	}
	if err := db.DropTable(t.Context(), first); err != nil || len(schemas()) != 1 {
		t.Errorf("%v, %v", schemas(), err)
	}
	if err := db.DropTable(t.Context(), second); err != nil || len(schemas()) != 0 {
		t.Errorf("%v, %v", schemas(), err)
	}
	sql(t, server, database, "CREATE SCHEMA theirs AUTHORIZATION "+ident(db.Target().User))
	theirs := Table{Schema: "theirs"}
	create(t, db, TableSpec{Table: theirs})
	if err := db.DropTable(t.Context(), theirs); err != nil || len(schemas()) != 1 {
		t.Errorf("%v, %v", schemas(), err)
	}
}

// Somebody holds the table in a transaction: nobody waits behind groundwork for ever.
func TestCreateDoesNotWaitForEver(t *testing.T) {
	db, server, role := owned(t)
	create(t, db, TableSpec{})
	conn, err := server.Connect(t.Context(), db.Target().Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // a test client
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE pulumi_state_locks IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	sql(t, server, "postgres", "ALTER ROLE "+ident(role.Name)+" SET statement_timeout TO '300ms'")
	other := connect(t, db.client, db.Target().Database)
	err = other.DropTable(t.Context(), Table{})
	if !errors.Is(err, ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	wantHint(t, err, "pg_blocking_pids", role.Password)
}
