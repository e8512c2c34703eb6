package pglock

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// handMade is the table that people have made by hand, with rows that they wrote.
func handMade(t *testing.T, opts LeaseOptions) (*LeaseStore, func(statement string) int64) {
	t.Helper()
	db, server, role := owned(t)
	sql(t, server, db.Target().Database, "GRANT CREATE ON SCHEMA public TO "+ident(role.Name)+"; SET ROLE "+ident(role.Name)+"; "+seedCreate+seedRows)
	byHand := func(statement string) int64 {
		t.Helper()
		tag, err := db.pool.Exec(t.Context(), statement)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		return tag.RowsAffected()
	}
	return leases(t, db.client, db.Target().Database, opts), byHand
}

func named(name string) lease.Request {
	return lease.Request{Name: name, Duration: time.Minute, Info: lease.Info{Who: "anna", Operation: "test"}}
}

// What people wrote by hand is honoured to the letter, and what they run by hand works on leases.
func TestRowsByHand(t *testing.T) {
	s, byHand := handMade(t, LeaseOptions{Repair: true})
	held, err := s.List(t.Context())
	if err != nil || len(held) != 3 {
		t.Fatalf("listing the table as it is: %+v, %v", held, err)
	}
	for i, want := range []struct {
		name, data       string
		endless, expired bool
	}{{"endless", "", true, false}, {"expired", "old", false, true}, {"held", "now", false, false}} {
		h := held[i]
		if h.Name != want.name || h.Data != want.data || h.Endless != want.endless || h.Expired() != want.expired || h.Fence != 0 || !h.Acquired.IsZero() {
			t.Errorf("%s shows as %+v", want.name, h)
		}
	}
	for _, name := range []string{"endless", "held"} {
		_, err := s.Acquire(t.Context(), named(name), lease.Wait{})
		var busy *lease.HeldError
		if !errors.As(err, &busy) || busy.Holder.Endless != (name == "endless") {
			t.Errorf("%s: %v", name, err)
		}
	}
	taken, err := s.Acquire(t.Context(), named("expired"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := s.Acquire(t.Context(), named("fresh"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if n := byHand(seedStatus); n != 4 {
		t.Errorf("the status shows %d rows", n)
	}
	if n := byHand(seedStuck); n != 0 {
		t.Errorf("%d locks count as stuck", n)
	}
	if n := byHand(seedRelease); n != 0 {
		t.Errorf("the release of stuck locks takes %d live ones", n)
	}
	// Now they are stuck, and the statement frees them.
	byHand("UPDATE pulumi_state_locks SET LeaseExpires = NOW() - interval '1 second' WHERE LockID IN ('expired', 'fresh')")
	if n := byHand(seedStuck); n != 2 {
		t.Errorf("%d locks count as stuck", n)
	}
	if n := byHand(seedRelease); n != 2 {
		t.Errorf("the release of stuck locks takes %d", n)
	}
	for _, grant := range []lease.Grant{taken, fresh} {
		if _, err := s.Renew(t.Context(), grant); !errors.Is(err, lease.ErrLost) {
			t.Errorf("a lease that was deleted by hand is renewed: %v", err)
		}
	}
	again, err := s.Acquire(t.Context(), named("fresh"), lease.Wait{})
	if err != nil || again.Fence <= fresh.Fence {
		t.Errorf("after the release by hand: %+v, %v", again, err)
	}
}

// A row with nothing but a name is held without an end, also for the request that has just mended the
// table; and those who wait do not count themselves.
func TestBareRowByHandIsHeld(t *testing.T) {
	s, byHand := handMade(t, LeaseOptions{Repair: true})
	byHand("INSERT INTO pulumi_state_locks (LockID) VALUES ('bare')")
	var told []lease.Held
	_, err := s.Acquire(t.Context(), named("bare"), lease.Wait{Timeout: 300 * time.Millisecond, OnWait: func(h lease.Held) { told = append(told, h) }})
	var busy *lease.HeldError
	if !errors.As(err, &busy) {
		t.Fatal(err)
	}
	for _, h := range append(told, busy.Holder) {
		if h.Reserved || !h.Endless || h.Info.Who != "" || h.Waiting != 0 {
			t.Errorf("it waits for %+v", h)
		}
	}
}

// Rows by hand come and go while somebody waits.
func TestWaitForRowsByHand(t *testing.T) {
	s, byHand := handMade(t, LeaseOptions{Repair: true, Heartbeat: 50 * time.Millisecond})
	for name, free := range map[string]string{
		"endless": "DELETE FROM pulumi_state_locks WHERE LockID = 'endless'",
		"held":    "UPDATE pulumi_state_locks SET LeaseExpires = NOW() WHERE LockID = 'held'",
	} {
		told := make(chan lease.Held, 4)
		done := make(chan error, 1)
		go func() {
			_, err := s.Acquire(t.Context(), named(name), lease.Wait{Timeout: time.Minute, OnWait: func(h lease.Held) { told <- h }})
			done <- err
		}()
		if h := leasetest.Receive(t, told, "the wait begins"); h.Name != name || h.Fence != 0 {
			t.Errorf("%s: waits for %+v", name, h)
		}
		byHand(free)
		if err := leasetest.Receive(t, done, "the lock is had"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A row by hand is known by its text and its end, for want of a fence.
func TestBreakRowsByHand(t *testing.T) {
	s, byHand := handMade(t, LeaseOptions{Repair: true})
	seen := map[string]lease.Held{}
	for _, h := range locks(t, s) {
		seen[h.Name] = h
	}
	for _, name := range []string{"endless", "held"} {
		if err := s.Break(t.Context(), seen[name], false); !errors.Is(err, lease.ErrHeld) {
			t.Errorf("%s: %v", name, err)
		}
	}
	byHand("UPDATE pulumi_state_locks SET LeaseExpires = LeaseExpires + interval '1 hour' WHERE LockID = 'held'")
	if err := s.Break(t.Context(), seen["held"], true); !errors.Is(err, lease.ErrChanged) {
		t.Errorf("a row that was changed by hand: %v", err)
	}
	for _, name := range []string{"endless", "expired"} {
		if err := s.Break(t.Context(), seen[name], name == "endless"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := locks(t, s); len(left) != 1 || left[0].Name != "held" {
		t.Errorf("left are %+v", left)
	}
	byHand("UPDATE pulumi_state_locks SET LeaseExpires = '-infinity' WHERE LockID = 'held'")
	if left := locks(t, s); !left[0].Expired() {
		t.Errorf("an end before all time: %+v", left)
	}
	if err := s.Break(t.Context(), locks(t, s)[0], false); err != nil {
		t.Error(err)
	}
	byHand("INSERT INTO pulumi_state_locks VALUES ('for ever', 'x', 'infinity')")
	if left := locks(t, s); !left[0].Endless || left[0].Expired() {
		t.Errorf("an end after all time: %+v", left)
	}
}

// Without the leave to change the table, one that was made by hand is still listed, and leases say
// what is missing.
func TestTableByHandStaysAsItIs(t *testing.T) {
	s, _ := handMade(t, LeaseOptions{})
	if held, err := s.List(t.Context()); err != nil || len(held) != 3 {
		t.Errorf("%+v, %v", held, err)
	}
	if _, err := s.Acquire(t.Context(), named("fresh"), lease.Wait{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if o := observe(t, s.db, Table{}); o.Managed || !o.Drifted() {
		t.Errorf("it was changed: %+v", o)
	}
}

// One statement each, and nothing more: what every operation costs. Only who is in the way is asked
// for by a second one.
func TestStatementsPerOperation(t *testing.T) {
	db, _, _ := owned(t)
	create(t, db, TableSpec{})
	s := leases(t, db.client, db.Target().Database, LeaseOptions{})
	var grant lease.Grant
	var err error
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"acquire", func() error { grant, err = s.Acquire(t.Context(), named("a"), lease.Wait{}); return err }},
		{"renew", func() error { grant, err = s.Renew(t.Context(), grant); return err }},
		{"list", func() error { _, err := s.List(t.Context()); return err }},
		{"refused", func() error {
			if _, err := s.Acquire(t.Context(), named("a"), lease.Wait{}); !errors.Is(err, lease.ErrHeld) {
				return err
			}
			return nil
		}},
		{"release", func() error { return s.Release(t.Context(), grant) }},
	} {
		before := s.Statements()
		if err := step.run(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		want := int64(1)
		if step.name == "refused" {
			want = 2
		}
		if n := s.Statements() - before; n != want {
			t.Errorf("%s takes %d statements, want %d", step.name, n, want)
		}
	}
}

// Where NOTIFY is missing or not allowed, waiting goes on by looking.
func TestWithoutNotify(t *testing.T) {
	db, server, _ := owned(t)
	create(t, db, TableSpec{})
	database := db.Target().Database
	sql(t, server, database, "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC")
	holder := leases(t, db.client, database, LeaseOptions{})
	// It finds out by itself that it has to look.
	waiter := leases(t, db.client, database, LeaseOptions{Poll: 20 * time.Millisecond})
	grant, err := holder.Acquire(t.Context(), named("a"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		grant, err := waiter.Acquire(t.Context(), named("a"), lease.Wait{Timeout: time.Minute})
		if err == nil {
			err = waiter.Release(t.Context(), grant)
		}
		done <- err
	}()
	eventually(t, "the waiter looks by itself", func() bool {
		waiter.news.mu.Lock()
		defer waiter.news.mu.Unlock()
		return waiter.news.deaf && tickets(t, holder) == 1
	})
	if err := holder.Release(t.Context(), grant); err != nil {
		t.Error(err)
	}
	if err := leasetest.Receive(t, done, "the lock is had"); err != nil {
		t.Error(err)
	}
	if waiter.news.hears() || !holder.mute.Load() {
		t.Error("NOTIFY was used after all")
	}
}

// eventually waits half a minute at most.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

// A right that is missing on the table has nothing to do with NOTIFY, which is used as soon as the
// right is there.
func TestRefusalKeepsNotify(t *testing.T) {
	db, server, _ := owned(t)
	locker := testenv.PostgresRole(t, server, "")
	create(t, db, TableSpec{})
	database := db.Target().Database
	s := leases(t, newClient(t, configFor(server, locker)), database, LeaseOptions{})
	if _, err := s.Acquire(t.Context(), named("a"), lease.Wait{}); !errors.Is(err, ErrDenied) {
		t.Fatalf("got %v", err)
	}
	if err := s.Release(t.Context(), lease.Grant{Name: "a", Fence: 1}); !errors.Is(err, ErrDenied) {
		t.Fatalf("got %v", err)
	}
	if s.mute.Load() {
		t.Error("a right that is missing on the table turns NOTIFY off")
	}
	sql(t, server, database, fmt.Sprintf("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %[1]s; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %[1]s", ident(locker.Name)))
	grant, err := s.Acquire(t.Context(), named("a"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t.Context(), grant); err != nil || s.mute.Load() {
		t.Errorf("%v, NOTIFY off: %t", err, s.mute.Load())
	}
}

// A lease is not answered before it is on the disk, whatever the role's default is.
func TestLeasesAreDurable(t *testing.T) {
	db, server, role := owned(t)
	create(t, db, TableSpec{})
	database := db.Target().Database
	sql(t, server, "postgres", "ALTER ROLE "+ident(role.Name)+" SET synchronous_commit TO off")
	s := leases(t, db.client, database, LeaseOptions{})
	if got := query(t, server, database, "SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'"); !slices.Equal(got, []string{"off"}) {
		t.Fatalf("the server has %v", got)
	}
	// A trigger sees the setting that the commit will have.
	sql(t, server, database, `CREATE TABLE seen (what text, setting text); GRANT INSERT ON seen TO PUBLIC;
		CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.seen VALUES (TG_OP, current_setting('synchronous_commit')); RETURN NULL; END $$;
		CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON public.pulumi_state_locks FOR EACH ROW EXECUTE FUNCTION see()`)
	grant, err := s.Acquire(t.Context(), named("a"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Renew(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if err = s.Release(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if got := query(t, server, database, "SELECT what || ' ' || setting FROM seen ORDER BY what"); !slices.Equal(got, []string{"DELETE on", "INSERT on", "UPDATE on"}) {
		t.Errorf("committed with %v", got)
	}
}

// Another isolation level of the role makes conflicts errors, and those are tried again.
func TestSerializableRole(t *testing.T) {
	db, server, _ := owned(t)
	locker := testenv.PostgresRole(t, server, "")
	create(t, db, TableSpec{Grants: []string{locker.Name}})
	sql(t, server, "postgres", "ALTER ROLE "+ident(locker.Name)+" SET default_transaction_isolation TO serializable")
	client := newClient(t, configFor(server, locker))
	const workers = 6
	errs := make(chan error, workers)
	for range workers {
		s := leases(t, client, db.Target().Database, LeaseOptions{})
		go func() {
			for range 10 {
				grant, err := s.Acquire(t.Context(), named("a"), lease.Wait{Timeout: time.Minute})
				if err == nil {
					err = s.Release(t.Context(), grant)
				}
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range workers {
		if err := leasetest.Receive(t, errs, "the workers end"); err != nil {
			t.Error(err)
		}
	}
}
