package pglock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// cuts are the two ways in which a connection ends around a statement: the server never hears of
// it, or does it and cannot say so.
var cuts = map[string]func(*tcpproxy.Proxy, int){
	"before": (*tcpproxy.Proxy).CutBefore, "after": (*tcpproxy.Proxy).CutAfter,
}

// cutEverywhere breaks an operation at each of its statements, and runs it once more without a
// fault each time.
func cutEverywhere(t *testing.T, proxy *tcpproxy.Proxy, secret string, prepare func(), operation func() error, check func(string)) {
	t.Helper()
	for when, cut := range cuts {
		statements := 0
		for n := 1; ; n++ {
			prepare()
			proxy.Reset()
			cut(proxy, n)
			err := operation()
			fired := proxy.Fired()
			proxy.Reset()
			if !fired {
				if err != nil {
					t.Fatalf("%s %d, without a cut: %v", when, n, err)
				}
				statements = n - 1
				break
			}
			if err != nil {
				if !errors.Is(err, ErrLost) {
					t.Errorf("%s %d: %v", when, n, err)
				}
				wantHint(t, err, "repeat the command", secret)
			}
			if err := operation(); err != nil {
				t.Errorf("%s %d, the second time: %v\n%s", when, n, err, Hint(err))
			}
			check(when)
		}
		if statements < 8 {
			t.Errorf("only %d statements were cut", statements)
		}
		t.Logf("cut %s each of %d statements", when, statements)
	}
}

func throughProxy(t *testing.T, server *postgres.Server, role postgres.Role) (*Client, *tcpproxy.Proxy) {
	t.Helper()
	proxy := testenv.TCPProxy(t, server.Addr())
	config := configFor(server, role)
	config.Port = proxy.Port()
	return newClient(t, config), proxy
}

func TestCutsWhileATableIsMade(t *testing.T) {
	direct, server, role := owned(t)
	database := direct.Target().Database
	locker := testenv.PostgresRole(t, server, "")
	client, proxy := throughProxy(t, server, role)
	table := Table{Schema: "locks"}
	spec := TableSpec{Table: table, Grants: []string{locker.Name}}
	inside := func(run func(*DB) error) func() error {
		return func() error {
			db, err := client.Connect(t.Context(), database)
			if err != nil {
				return err
			}
			defer db.Close()
			return run(db)
		}
	}
	clean := func() {
		t.Helper()
		if err := direct.DropTable(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	whole := func(when string) {
		t.Helper()
		if o := observe(t, direct, table, locker.Name); o.Drifted() || !o.Managed {
			t.Errorf("%s: %+v", when, o)
		}
	}
	t.Run("create", func(t *testing.T) {
		cutEverywhere(t, proxy, role.Password, clean, inside(func(db *DB) error {
			result, err := db.CreateTable(t.Context(), spec)
			if err == nil && !result.Created {
				t.Error("an interrupted create counts as an adoption")
			}
			return err
		}), whole)
	})
	t.Run("adopt", func(t *testing.T) {
		cutEverywhere(t, proxy, role.Password, func() {
			sql(t, server, database, "DROP SCHEMA IF EXISTS locks CASCADE; CREATE SCHEMA locks AUTHORIZATION "+ident(role.Name)+
				"; SET ROLE "+ident(role.Name)+"; SET search_path TO locks; "+seedCreate+seedRows)
		}, inside(func(db *DB) error {
			_, err := db.CreateTable(t.Context(), TableSpec{Table: table, Grants: spec.Grants, Adopt: true})
			return err
		}), func(when string) {
			whole(when)
			if rows := query(t, server, database, "SELECT lockid FROM locks.pulumi_state_locks ORDER BY 1"); !slices.Equal(rows, []string{"endless", "expired", "held"}) {
				t.Errorf("%s: rows became %v", when, rows)
			}
		})
	})
	t.Run("drop", func(t *testing.T) {
		cutEverywhere(t, proxy, role.Password, func() {
			sql(t, server, database, "DROP SCHEMA IF EXISTS locks CASCADE")
			create(t, direct, spec)
		}, inside(func(db *DB) error {
			return db.DropTable(t.Context(), table)
		}), func(when string) {
			if left, err := direct.ForeignContent(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("%s: it leaves %v, %v", when, left, err)
			}
		})
	})
}

func TestCutsWhileADatabaseIsMade(t *testing.T) {
	direct, server, role := creator(t)
	client, proxy := throughProxy(t, server, role)
	name := testenv.PostgresName(t)
	spec := DatabaseSpec{Name: name, Encoding: "UTF8", Owner: role.Name}
	t.Run("create", func(t *testing.T) {
		cutEverywhere(t, proxy, role.Password, func() {
			if err := direct.DropDatabase(t.Context(), name, DropDatabaseOptions{Disconnect: true}); err != nil {
				t.Fatal(err)
			}
		}, func() error {
			_, err := client.CreateDatabase(t.Context(), spec)
			return err
		}, func(when string) {
			if found, err := direct.InspectDatabase(t.Context(), name); err != nil || found.Owner != role.Name {
				t.Errorf("%s: %+v, %v", when, found, err)
			}
		})
	})
	t.Run("drop", func(t *testing.T) {
		cutEverywhere(t, proxy, role.Password, func() {
			if _, err := direct.CreateDatabase(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		}, func() error {
			return client.DropDatabase(t.Context(), name, DropDatabaseOptions{})
		}, func(when string) {
			if _, err := direct.InspectDatabase(t.Context(), name); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", when, err)
			}
		})
	})
}

// createUntil makes a table until its statements have been sent and the connection hangs. What
// comes of it is sent to the channel.
func createUntil(ctx context.Context, t *testing.T, db *DB, proxy *tcpproxy.Proxy) <-chan error {
	t.Helper()
	const afterTheTables = 6 // begin, exclude others, look, number, make; look again
	proxy.Reset()
	proxy.StallAt(afterTheTables)
	failed := make(chan error, 1)
	go func() {
		_, err := db.CreateTable(ctx, TableSpec{})
		failed <- err
	}()
	for !proxy.Fired() {
		select {
		case err := <-failed:
			t.Fatalf("the create ended before it was stopped in its middle: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	return failed
}

// The server restarts in the middle: what was open fails as a lost connection, what comes next
// waits until the server is back, and the same call goes on.
func TestServerRestartsInTheMiddle(t *testing.T) {
	server := testenv.StartPostgres(t, defaultServer)
	role := testenv.PostgresRole(t, server, "CREATEDB")
	client, proxy := throughProxy(t, server, role)
	database := testenv.PostgresDatabase(t, server, role.Name)
	db := connect(t, client, database)

	// Half of the statements are done when the connection hangs; then the server goes.
	failed := createUntil(t.Context(), t, db, proxy)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.Resume()
	err := <-failed
	if !errors.Is(err, ErrLost) {
		t.Fatalf("got %v", err)
	}
	wantHint(t, err, "repeat the command", role.Password)
	if left := query(t, server, database, "SELECT relname::text FROM pg_class WHERE relname LIKE '%lock%' AND relnamespace = 'public'::regnamespace"); len(left) > 0 {
		t.Errorf("half a table is left: %v", left)
	}
	// The pool replaces the connections that are gone.
	if result := create(t, db, TableSpec{}); !result.Created {
		t.Errorf("unexpected %+v", result)
	}
	if o := observe(t, db, Table{}); o.Drifted() {
		t.Errorf("afterwards %+v", o)
	}
	if err := server.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.LiveLeases(t.Context(), Table{}); err == nil || Hint(err) == "" {
		t.Errorf("a server that is gone: %v", err)
	}
}

// Two runs make one table at once, many times: both succeed, and there is one whole table.
func TestTwoCreatesAtOnce(t *testing.T) {
	db, server, role := owned(t)
	locker := testenv.PostgresRole(t, server, "")
	other := connect(t, newClient(t, configFor(server, role)), db.Target().Database)
	byHand := connect(t, newClient(t, configFor(server, role)), db.Target().Database)
	const rounds = 25
	for round := range rounds {
		table := Table{Schema: "s" + strings.Repeat("x", round%3), Name: "pulumi_state_locks"}
		spec := TableSpec{Table: table, Grants: []string{locker.Name}}
		errs := make(chan error)
		for _, db := range []*DB{db, other, db} {
			go func() {
				_, err := db.CreateTable(t.Context(), spec)
				errs <- err
			}()
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if o := observe(t, db, table, locker.Name); o.Drifted() || !o.Managed {
			t.Fatalf("round %d: %+v", round, o)
		}
		// Dropping it twice at once does no harm either.
		for _, db := range []*DB{db, other} {
			go func() { errs <- db.DropTable(t.Context(), table) }()
		}
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
	withSomebodyElse(t, db, byHand)
}

// withSomebodyElse: a person runs the SQL by hand at the same time, who knows nothing of
// groundwork's lock.
func withSomebodyElse(t *testing.T, db, byHand *DB) {
	t.Helper()
	for round := range 20 {
		errs := make(chan error)
		go func() {
			_, err := db.CreateTable(t.Context(), TableSpec{Adopt: true})
			errs <- err
		}()
		go func() {
			for statement := range strings.SplitSeq(strings.TrimSpace(seedCreate), ";\n") {
				// PostgreSQL's own IF NOT EXISTS is not safe here, and says that the name is taken.
				_, err := byHand.pool.Exec(t.Context(), statement)
				if err = byHand.wrap("by hand", err); err != nil && !errors.Is(err, ErrExists) {
					t.Errorf("round %d: %v", round, err)
				}
			}
			errs <- nil
		}()
		for range 2 {
			if err := <-errs; err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if o := observe(t, db, Table{}); o.Drifted() {
			t.Fatalf("round %d: %+v", round, o)
		}
		if err := db.DropTable(t.Context(), Table{}); err != nil {
			t.Fatal(err)
		}
	}
}

// An interrupt in the middle leaves nothing behind and is told from a failure.
func TestInterrupt(t *testing.T) {
	direct, server, role := owned(t)
	client, proxy := throughProxy(t, server, role)
	db := connect(t, client, direct.Target().Database)
	ctx, cancel := context.WithCancel(t.Context())
	failed := createUntil(ctx, t, db, proxy)
	cancel()
	err := <-failed
	proxy.Resume()
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
	noSecret(t, err, role.Password)
	if result := create(t, direct, TableSpec{}); !result.Created || len(result.Changes) < 5 {
		t.Errorf("after the interrupt: %+v", result)
	}
}

// Transaction pooling: every transaction may run on another connection of the server, and nothing
// of a session lasts.
func TestThroughPgBouncer(t *testing.T) {
	server, role, database := owner(t)
	bouncer := testenv.PgBouncer(t)
	locker := testenv.PostgresRole(t, server, "")
	config := configFor(server, role)
	config.Port = bouncer.Port
	client := newClient(t, config)
	db := connect(t, client, database)
	spec := TableSpec{Table: Table{Schema: "locks"}, Grants: []string{locker.Name}}
	errs := make(chan error)
	for range 4 {
		go func() {
			_, err := db.CreateTable(t.Context(), spec)
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if o := observe(t, db, spec.Table, locker.Name); o.Drifted() || !o.Created {
		t.Errorf("unexpected %+v", o)
	}
	checkProtocol(t, db, spec.Table)
	if own, err := db.OwnTables(t.Context()); err != nil || len(own) != 1 {
		t.Errorf("its own tables are %v, %v", own, err)
	}

	made := testenv.PostgresName(t)
	for range 2 {
		if _, err := client.CreateDatabase(t.Context(), DatabaseSpec{Name: made}); err != nil {
			t.Fatalf("%v\n%s", err, Hint(err))
		}
	}
	inside := connect(t, client, made)
	create(t, inside, TableSpec{})
	inside.Close()
	// PgBouncer keeps its connections to the database open. Those of this client count as its own and
	// are ended; the one by which PgBouncer itself asked for the password is somebody else's.
	err := client.DropDatabase(t.Context(), made, DropDatabaseOptions{})
	var use *InUseError
	if !errors.As(err, &use) || slices.ContainsFunc(use.Sessions, func(s Session) bool { return s.User != postgres.Superuser }) {
		t.Errorf("got %v", err)
	}
	wantHint(t, err, "PgBouncer", role.Password)
	sql(t, server, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND datname = '"+made+"'")
	past := newClient(t, configFor(server, role))
	if err := past.DropDatabase(t.Context(), made, DropDatabaseOptions{Disconnect: true}); err != nil {
		t.Errorf("%v\n%s", err, Hint(err))
	}
	if err := db.DropTable(t.Context(), spec.Table); err != nil {
		t.Error(err)
	}
	bouncerFails(t, config)
}

func bouncerFails(t *testing.T, config Config) {
	t.Helper()
	config.ConnectTimeout = time.Second // PgBouncer keeps trying for minutes
	_, err := newClient(t, config).Connect(t.Context(), "no such database")
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotAdmitted) && !errors.Is(err, ErrTimeout) {
		t.Errorf("a database that is not there: %v", err)
	}
	wantHint(t, err, "database", config.Password)
	config.ConnectTimeout = 10 * time.Second
	noSecret(t, err, config.Password)
	config.Password = secret
	_, err = newClient(t, config).Connect(t.Context(), "")
	if !errors.Is(err, ErrPassword) && !errors.Is(err, ErrNotAdmitted) { // newer ones say which
		t.Errorf("a wrong password: %v", err)
	}
	wantHint(t, err, "password", secret)
	config.SSLMode = "require"
	if _, err = newClient(t, config).Connect(t.Context(), ""); !errors.Is(err, ErrNoTLS) {
		t.Errorf("TLS that it does not offer: %v", err)
	}
}

func TestReadOnlyServer(t *testing.T) {
	db, server, role := owned(t)
	sql(t, server, "postgres", "ALTER DATABASE "+ident(db.Target().Database)+" SET default_transaction_read_only TO on")
	other := connect(t, db.client, db.Target().Database)
	if _, err := other.CreateTable(t.Context(), TableSpec{}); err != nil {
		t.Errorf("groundwork says that it writes, whatever the default: %v", err)
	}
	_, err := other.pool.Exec(t.Context(), "CREATE TABLE x()")
	if err = other.wrap("write", err); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v", err)
	}
	wantHint(t, err, "standby", role.Password)
}
