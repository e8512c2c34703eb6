package pglock

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// creator may create databases and nothing else, as on a managed service.
func creator(t *testing.T) (*Client, *postgres.Server, postgres.Role) {
	t.Helper()
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "CREATEDB")
	return newClient(t, configFor(server, role)), server, role
}

func TestCreateDatabase(t *testing.T) {
	client, server, role := creator(t)
	team := testenv.PostgresRole(t, server, "")
	sql(t, server, "postgres", "GRANT "+ident(team.Name)+" TO "+ident(role.Name))
	tests := map[string]struct {
		spec            DatabaseSpec
		owner, encoding string
	}{
		"plain":       {owner: role.Name, encoding: "UTF8"},
		"owner":       {spec: DatabaseSpec{Owner: team.Name}, owner: team.Name, encoding: "UTF8"},
		"encoding":    {spec: DatabaseSpec{Encoding: "iso-8859-1"}, owner: role.Name, encoding: "LATIN1"},
		"own, utf-8":  {spec: DatabaseSpec{Owner: role.Name, Encoding: "utf-8"}, owner: role.Name, encoding: "UTF8"},
		"the default": {spec: DatabaseSpec{Encoding: "Unicode"}, owner: role.Name, encoding: "UTF8"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.spec.Name = testenv.PostgresName(t)
			for range 2 { // the second time is a run that was interrupted after the first statement
				got, err := client.CreateDatabase(t.Context(), tc.spec)
				if err != nil {
					t.Fatalf("%v\n%s", err, Hint(err))
				}
				if !got.Created || got.Name != tc.spec.Name || got.Owner != tc.owner || got.Encoding != tc.encoding || got.Broken || got.Closed || got.Template {
					t.Errorf("unexpected %+v", got)
				}
			}
			found, err := client.InspectDatabase(t.Context(), tc.spec.Name)
			if err != nil || found.Owner != tc.owner || found.Encoding != tc.encoding {
				t.Errorf("it shows as %+v, %v", found, err)
			}
			if !SameEncoding(found.Encoding, tc.encoding) || SameEncoding(found.Encoding, "KOI8") {
				t.Errorf("%s is not compared right", found.Encoding)
			}
			for range 2 {
				if err := client.DropDatabase(t.Context(), tc.spec.Name, DropDatabaseOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := client.InspectDatabase(t.Context(), tc.spec.Name); !errors.Is(err, ErrNotFound) {
				t.Errorf("after the drop: %v", err)
			}
		})
	}
}

func TestCreateDatabaseRefuses(t *testing.T) {
	client, server, role := creator(t)
	nobody := testenv.PostgresRole(t, server, "")
	held, foreign := testenv.PostgresName(t), testenv.PostgresDatabase(t, server, "postgres")
	if _, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: held}); err != nil {
		t.Fatal(err)
	}
	sql(t, server, held, "CREATE TABLE somebody_s(id int); CREATE VIEW seen AS SELECT 1")
	withTable := testenv.PostgresName(t)
	if _, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: withTable}); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, client, withTable).CreateTable(t.Context(), TableSpec{}); err != nil {
		t.Fatal(err)
	}
	broken := testenv.PostgresDatabase(t, server, role.Name)
	sql(t, server, "postgres", "ALTER DATABASE "+ident(broken)+" CONNECTION LIMIT 0; UPDATE pg_database SET datconnlimit = -2 WHERE datname = '"+broken+"'")
	closed := testenv.PostgresDatabase(t, server, role.Name)
	sql(t, server, "postgres", "ALTER DATABASE "+ident(closed)+" ALLOW_CONNECTIONS false")
	plain := newClient(t, configFor(server, nobody))

	tests := map[string]struct {
		client *Client
		spec   DatabaseSpec
		kind   error
		says   []string
		hint   string
	}{
		"it holds something":       {client: client, spec: DatabaseSpec{Name: held}, kind: ErrExists, says: []string{"table public.somebody_s", "view public.seen"}, hint: "adopt_existing"},
		"it holds a lock table":    {client: client, spec: DatabaseSpec{Name: withTable}, kind: ErrExists, says: []string{"lock table", "pulumi_state_locks"}, hint: "adopt_existing"},
		"it is somebody else's":    {client: client, spec: DatabaseSpec{Name: foreign}, kind: ErrExists, says: []string{`belongs to "postgres"`}, hint: "adopt_existing"},
		"another owner":            {client: client, spec: DatabaseSpec{Name: held, Owner: "postgres"}, kind: ErrExists, says: []string{"belongs to"}, hint: "adopt_existing"},
		"another encoding":         {client: client, spec: DatabaseSpec{Name: held, Encoding: "LATIN1", Adopt: true}, kind: ErrExists, says: []string{"UTF8 and not LATIN1"}, hint: "choose another name"},
		"broken":                   {client: client, spec: DatabaseSpec{Name: broken, Adopt: true}, kind: ErrExists, says: []string{"DROP DATABASE"}, hint: "what the message says"},
		"closed":                   {client: client, spec: DatabaseSpec{Name: closed}, kind: ErrExists, says: []string{"takes no connections"}, hint: "adopt_existing"},
		"a template":               {client: client, spec: DatabaseSpec{Name: "template1", Adopt: true}, kind: ErrExists, says: []string{"template"}, hint: "choose another name"},
		"no right to create":       {client: plain, spec: DatabaseSpec{Name: "x" + held}, kind: ErrDenied, says: []string{"create database"}, hint: "ALTER ROLE " + ident(nobody.Name) + " CREATEDB"},
		"an owner nobody made":     {client: client, spec: DatabaseSpec{Name: "x" + held, Owner: "No Such"}, kind: ErrNotFound, says: []string{`"No Such"`}, hint: "spelling"},
		"an owner to act not as":   {client: client, spec: DatabaseSpec{Name: "x" + held, Owner: nobody.Name}, kind: ErrDenied, says: []string{nobody.Name, "no member"}, hint: "GRANT " + ident(nobody.Name) + " TO " + ident(role.Name)},
		"an encoding of nonsense":  {client: client, spec: DatabaseSpec{Name: "x" + held, Encoding: "'; DROP"}, says: []string{"UTF8"}},
		"an encoding not possible": {client: client, spec: DatabaseSpec{Name: "x" + held, Encoding: "SJIS"}, says: []string{"SJIS", "for clients"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tc.client.CreateDatabase(t.Context(), tc.spec)
			if err == nil || tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Fatalf("got %v, want %v", err, tc.kind)
			}
			for _, text := range tc.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %q: %v", text, err)
				}
			}
			if tc.hint != "" {
				wantHint(t, err, tc.hint, role.Password, nobody.Password)
			}
		})
	}
	if left := query(t, server, "postgres", "SELECT datname FROM pg_database WHERE datname = $1", "x"+held); len(left) > 0 {
		t.Error("a refused create left a database behind")
	}
	sql(t, server, "postgres", "UPDATE pg_database SET datconnlimit = -1 WHERE datname = '"+broken+"'")
}

func TestAdoptDatabase(t *testing.T) {
	client, server, role := creator(t)
	team := testenv.PostgresRole(t, server, "")
	sql(t, server, "postgres", "GRANT "+ident(team.Name)+" TO "+ident(role.Name))
	name := testenv.PostgresDatabase(t, server, role.Name)
	sql(t, server, name, "CREATE TABLE kept(id int); INSERT INTO kept VALUES (1)")
	got, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: name, Adopt: true})
	if err != nil || got.Created || got.Owner != role.Name {
		t.Errorf("adopted as %+v, %v", got, err)
	}
	got, err = client.CreateDatabase(t.Context(), DatabaseSpec{Name: name, Owner: team.Name, Encoding: "utf8", Adopt: true})
	if err != nil || got.Created || got.Owner != team.Name {
		t.Errorf("adopted as %+v, %v", got, err)
	}
	if err := client.AlterOwner(t.Context(), name, role.Name); err != nil {
		t.Error(err)
	}
	if found, err := client.InspectDatabase(t.Context(), name); err != nil || found.Owner != role.Name {
		t.Errorf("it belongs to %q, %v", found.Owner, err)
	}
	for owner, want := range map[string]error{"postgres": ErrDenied, "No Such": ErrNotFound} {
		if err := client.AlterOwner(t.Context(), name, owner); !errors.Is(err, want) {
			t.Errorf("giving it to %q: %v", owner, err)
		}
	}
	foreign := testenv.PostgresDatabase(t, server, "postgres")
	err = client.AlterOwner(t.Context(), foreign, role.Name)
	if !errors.Is(err, ErrDenied) {
		t.Errorf("taking somebody's database: %v", err)
	}
	wantHint(t, err, "ALTER DATABASE", role.Password)
	if rows := query(t, server, name, "SELECT id::text FROM kept"); !slices.Equal(rows, []string{"1"}) {
		t.Errorf("what it held is %v", rows)
	}
}

// Two runs create one database at once: one makes it, the other finds it empty and its own.
func TestCreateDatabaseTwiceAtOnce(t *testing.T) {
	client, _, _ := creator(t)
	for range 5 {
		name := testenv.PostgresName(t)
		errs := make(chan error)
		for range 3 {
			go func() {
				_, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: name})
				errs <- err
			}()
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Errorf("%v", err)
			}
		}
		if err := client.DropDatabase(t.Context(), name, DropDatabaseOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func TestForeignContent(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	sql(t, server, database, `
		CREATE EXTENSION citext; CREATE EXTENSION hstore WITH SCHEMA public;
		ALTER SCHEMA public OWNER TO `+ident(role.Name))
	for _, table := range []Table{{}, {Schema: "own", Name: "other.locks"}} {
		if _, err := db.CreateTable(t.Context(), TableSpec{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	if content, err := db.ForeignContent(t.Context()); err != nil || len(content) > 0 {
		t.Errorf("groundwork's own and extensions count as content: %v, %v", content, err)
	}
	own, err := db.OwnTables(t.Context())
	if want := []Table{{Schema: "own", Name: "other.locks"}, {Schema: "public", Name: "pulumi_state_locks"}}; err != nil || !sameTables(own, want) {
		t.Errorf("its own tables are %v, %v", own, err)
	}
	sql(t, server, database, `
		CREATE SCHEMA "Some ""schema"; CREATE TABLE "Some ""schema"."T.t"(id serial);
		CREATE SCHEMA terraform_remote_state; CREATE SEQUENCE global_states_id_seq;
		CREATE TABLE terraform_remote_state.states(id bigint PRIMARY KEY, name text UNIQUE, data text);
		CREATE TABLE pulumi_state(key text PRIMARY KEY, data json NOT NULL, updated_at timestamptz);
		CREATE TABLE by_hand(lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz);
		CREATE VIEW v AS SELECT 1; CREATE MATERIALIZED VIEW m AS SELECT 1; CREATE TYPE kind AS ENUM ('a');
		CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE DOMAIN d AS text;
		CREATE COLLATION c (locale = 'C'); SELECT lo_create(4711); CREATE PUBLICATION p;
		CREATE SUBSCRIPTION "S" CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE);
		CREATE TABLE parted(id int) PARTITION BY RANGE (id)`)
	content, err := db.ForeignContent(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range content {
		got = append(got, o.Kind+" "+o.Name)
	}
	slices.Sort(got)
	want := []string{
		"collation public.c", "function public.f(integer)", "large object 4711", "materialized view public.m",
		"publication p", `schema "Some ""schema"`, "schema terraform_remote_state", "sequence public.global_states_id_seq",
		`subscription "S"`,
		`table "Some ""schema"."T.t"`, "table public.by_hand", "table public.parted", "table public.pulumi_state",
		"table terraform_remote_state.states", "type public.d", "type public.kind", "view public.v",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	err = db.client.DropDatabase(t.Context(), database, DropDatabaseOptions{Disconnect: true})
	var foreign *ForeignContentError
	if !errors.As(err, &foreign) || len(foreign.Objects) != len(want) {
		t.Fatalf("it is dropped, or not for its content: %v", err)
	}
	for _, text := range []string{"Terraform's or OpenTofu's states", "Pulumi's states", "not adopted", "and 7 more"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("it does not say %q: %v", text, err)
		}
	}
	wantHint(t, err, "state rm", role.Password)
}

func sameTables(got, want []Table) bool {
	contains := func(in []Table) func(Table) bool { return func(t Table) bool { return !slices.Contains(in, t) } }
	return len(got) == len(want) && !slices.ContainsFunc(got, contains(want))
}

func TestDropDatabase(t *testing.T) {
	t.Run("with its own tables", func(t *testing.T) {
		db, server, _ := owned(t)
		if _, err := db.CreateTable(t.Context(), TableSpec{Table: Table{Schema: "locks"}}); err != nil {
			t.Fatal(err)
		}
		name := db.Target().Database
		sql(t, server, name, "INSERT INTO locks.pulumi_state_locks (lockid, data) VALUES ('dev', 'held')")
		db.Close()
		err := db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true})
		var live *LiveLeaseError
		if !errors.As(err, &live) || !strings.Contains(err.Error(), `"dev", without an end`) || !errors.Is(err, ErrInUse) {
			t.Fatalf("dropped over a live lease: %v", err)
		}
		sql(t, server, name, "DELETE FROM locks.pulumi_state_locks")
		if err := db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("in use", func(t *testing.T) {
		db, server, role := owned(t)
		name := db.Target().Database
		db.Close()
		conn, err := server.Connect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context()) //nolint:errcheck // it may be cut off
		err = db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{})
		var use *InUseError
		if !errors.As(err, &use) || len(use.Sessions) != 1 || use.Sessions[0].User != postgres.Superuser || use.Sessions[0].Application != "groundwork test" {
			t.Fatalf("got %v", err)
		}
		wantHint(t, err, "End these sessions", role.Password)
		if err := conn.Ping(t.Context()); err != nil {
			t.Errorf("a refused drop cut somebody off: %v", err)
		}
		// A superuser's session is beyond this user; its own is not.
		if err := db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true}); !errors.Is(err, ErrDenied) {
			t.Errorf("cutting off a superuser: %v", err)
		}
		_ = conn.Close(t.Context())
		other := newClient(t, configFor(server, role))
		session := connect(t, other, name)
		if err := db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{}); !errors.As(err, &use) {
			t.Errorf("got %v", err)
		}
		if err := db.client.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true}); err != nil {
			t.Error(err)
		}
		if err := session.pool.Ping(t.Context()); err == nil {
			t.Error("the session lives on")
		}
	})
	t.Run("an interrupted drop", func(t *testing.T) {
		client, server, role := creator(t)
		name := testenv.PostgresDatabase(t, server, role.Name)
		sql(t, server, name, "CREATE TABLE anything(id int)")
		sql(t, server, "postgres", "UPDATE pg_database SET datconnlimit = -2 WHERE datname = '"+name+"'")
		if err := client.DropDatabase(t.Context(), name, DropDatabaseOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		client, server, role := creator(t)
		foreign := testenv.PostgresDatabase(t, server, "postgres")
		if err := client.DropDatabase(t.Context(), foreign, DropDatabaseOptions{}); !errors.Is(err, ErrDenied) {
			t.Errorf("somebody's database: %v", err)
		}
		closed := testenv.PostgresDatabase(t, server, role.Name)
		sql(t, server, "postgres", "ALTER DATABASE "+ident(closed)+" ALLOW_CONNECTIONS false")
		for name, text := range map[string]string{"postgres": "maintenance", "template1": "template", "template0": "template", closed: "ALLOW_CONNECTIONS"} {
			if err := client.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true}); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("dropping %s: %v", name, err)
			}
		}
	})
}
