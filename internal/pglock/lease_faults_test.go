package pglock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// behindProxy is a store whose connections can be cut, beside one that sees what really is.
func behindProxy(t *testing.T, opts LeaseOptions) (cut *LeaseStore, proxy *tcpproxy.Proxy, direct *LeaseStore) {
	t.Helper()
	db, server, role := owned(t)
	create(t, db, TableSpec{})
	client, proxy := throughProxy(t, server, role)
	return leases(t, client, db.Target().Database, opts), proxy, leases(t, db.client, db.Target().Database, LeaseOptions{})
}

func ask(who string) lease.Request {
	return lease.Request{Name: "dev", Duration: time.Minute, Info: lease.Info{Who: who}}
}

func locks(t *testing.T, s *LeaseStore) []lease.Held {
	t.Helper()
	held, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// tickets counts what waits, dead or alive.
func tickets(t *testing.T, s *LeaseStore) int {
	t.Helper()
	var n int
	if err := s.db.pool.QueryRow(t.Context(), "SELECT count(*) FROM "+s.opts.Table.waitersSQL()).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Every statement of every operation is lost on the way there or on the way back, and the caller
// notices nothing: what may have been done is found again.
func TestLeasesOverCutConnections(t *testing.T) {
	cut, proxy, direct := behindProxy(t, LeaseOptions{Heartbeat: 50 * time.Millisecond})
	take := func(s *LeaseStore, who string, w lease.Wait) lease.Grant {
		t.Helper()
		grant, err := s.Acquire(t.Context(), ask(who), w)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		return grant
	}
	waits := lease.Wait{Timeout: time.Minute}
	operations := map[string]func(){
		"acquire": func() {
			grant := take(cut, "anna", lease.Wait{})
			held := locks(t, direct)
			if len(held) != 1 || held[0].Fence != grant.Fence || held[0].Info.ID != grant.Info.ID {
				t.Errorf("granted %+v, the table shows %+v", grant, held)
			}
			if err := direct.Release(t.Context(), grant); err != nil {
				t.Error(err)
			}
		},
		"renew": func() {
			grant := take(direct, "anna", lease.Wait{})
			renewed, err := cut.Renew(t.Context(), grant)
			if err != nil || renewed.Fence != grant.Fence || !renewed.Deadline().After(grant.Deadline()) {
				t.Errorf("renewed to %+v, %v", renewed, err)
			}
			if err := direct.Release(t.Context(), grant); err != nil {
				t.Error(err)
			}
		},
		"release": func() {
			grant := take(direct, "anna", lease.Wait{})
			if err := cut.Release(t.Context(), grant); err != nil {
				t.Error(err)
			}
		},
		"break": func() {
			take(direct, "anna", lease.Wait{})
			if err := cut.Break(t.Context(), locks(t, direct)[0], true); err != nil {
				t.Error(err)
			}
		},
		"list": func() {
			if held, err := cut.List(t.Context()); err != nil || len(held) > 0 {
				t.Errorf("%+v, %v", held, err)
			}
		},
		"wait": func() {
			first := take(direct, "anna", lease.Wait{})
			looks := make(chan struct{}, 10)
			w := waits
			w.OnWait = func(lease.Held) { looks <- struct{}{} }
			done := make(chan lease.Grant, 1)
			go func() {
				grant, err := cut.Acquire(t.Context(), ask("bert"), w)
				if err != nil {
					t.Error(err)
				}
				done <- grant
			}()
			leasetest.Receive(t, looks, "the wait begins")
			time.Sleep(150 * time.Millisecond) // a few heartbeats, of which one is cut
			if err := direct.Release(t.Context(), first); err != nil {
				t.Error(err)
			}
			grant := leasetest.Receive(t, done, "the lock is had")
			if grant.Fence <= first.Fence || len(looks) > 0 {
				t.Errorf("fence %d after %d, told %d times more who holds it", grant.Fence, first.Fence, len(looks))
			}
			if err := direct.Release(t.Context(), grant); err != nil {
				t.Error(err)
			}
		},
	}
	for name, operation := range operations {
		for when, arm := range cuts {
			t.Run(name+" "+when, func(t *testing.T) {
				for n := 1; n < 12; n++ {
					proxy.Reset()
					arm(proxy, n)
					operation()
					fired := proxy.Fired()
					proxy.Reset()
					if held := locks(t, direct); len(held) > 0 || tickets(t, direct) > 0 {
						t.Fatalf("cut %d leaves %+v and %d tickets", n, held, tickets(t, direct))
					}
					if !fired {
						if n == 1 {
							t.Error("nothing was cut")
						}
						return
					}
				}
			})
		}
	}
}

// A break whose answer is lost says no more than what it did, and leaves no proof of it behind.
func TestBreakOverLostAnswer(t *testing.T) {
	cut, proxy, direct := behindProxy(t, LeaseOptions{})
	leasetest.BreakOverLostAnswer(t, cut, direct, proxy, 1)
	if n := tickets(t, direct); n > 0 {
		t.Errorf("it leaves %d tickets", n)
	}
}

// Who gives up while nobody knows whether the lock was taken leaves no lock behind, and no ticket.
func TestGivingUpLeavesNothing(t *testing.T) {
	for name, turn := range map[string]int{"first statement": 1, "ticket": 2, "after the ticket": 5} {
		t.Run(name, func(t *testing.T) {
			cut, proxy, direct := behindProxy(t, LeaseOptions{Heartbeat: 20 * time.Millisecond})
			grant := lease.Grant{}
			if name != "first statement" {
				var err error
				if grant, err = direct.Acquire(t.Context(), ask("anna"), lease.Wait{}); err != nil {
					t.Fatal(err)
				}
			}
			// An answer may still be faster than the news that nobody wants it: that is a lease as any other.
			for tries := 1; ; tries++ {
				outrun, err := giveUpAt(t, cut, proxy, turn)
				if errors.Is(err, context.Canceled) {
					break
				}
				if err != nil || tries == 20 {
					t.Fatalf("try %d: got %v", tries, err)
				}
				if err := cut.Release(t.Context(), outrun); err != nil {
					t.Fatal(err)
				}
			}
			if name != "first statement" {
				if err := direct.Release(t.Context(), grant); err != nil {
					t.Error(err)
				}
			}
			if held := locks(t, direct); len(held) > 0 || tickets(t, direct) > 0 {
				t.Errorf("it leaves %+v and %d tickets", held, tickets(t, direct))
			}
		})
	}
}

// giveUpAt asks for the lock and gives up while the statement of one turn is under way.
func giveUpAt(t *testing.T, store *LeaseStore, proxy *tcpproxy.Proxy, turn int) (lease.Grant, error) {
	t.Helper()
	type answer struct {
		grant lease.Grant
		err   error
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	proxy.Reset()
	proxy.StallAt(turn)
	done := make(chan answer, 1)
	go func() {
		grant, err := store.Acquire(ctx, ask("bert"), lease.Wait{Timeout: time.Minute})
		done <- answer{grant, err}
	}()
	eventually(t, "the statement is sent", proxy.Fired)
	cancel()
	proxy.Resume()
	given := leasetest.Receive(t, done, "the wait is given up")
	return given.grant, given.err
}

// A server that answers nothing for a while: the statement is given up and sent again by another
// connection.
func TestStalledConnection(t *testing.T) {
	cut, proxy, direct := behindProxy(t, LeaseOptions{Attempt: 300 * time.Millisecond})
	grant, err := direct.Acquire(t.Context(), ask("anna"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Stall()
	go func() {
		time.Sleep(time.Second)
		proxy.Resume()
	}()
	if grant, err = cut.Renew(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if err := cut.Release(t.Context(), grant); err != nil {
		t.Error(err)
	}
}

// The database restarts while one holds a lock and others wait for it: the holder keeps it without
// noticing, the waiters keep their places.
func TestDatabaseRestartsWhileHoldingAndWaiting(t *testing.T) {
	server := testenv.StartPostgres(t, defaultServer)
	role := testenv.PostgresRole(t, server, "")
	database := testenv.PostgresDatabase(t, server, role.Name)
	client := newClient(t, configFor(server, role))
	db := connect(t, client, database)
	create(t, db, TableSpec{})
	holder, other := leases(t, client, database, LeaseOptions{}), leases(t, client, database, LeaseOptions{})
	grant, err := holder.Acquire(t.Context(), ask("anna"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	grant.Duration = 20 * time.Second
	keeper := lease.Keep(holder, grant, lease.KeepOptions{Every: 100 * time.Millisecond})
	type served struct {
		who   string
		grant lease.Grant
		err   error
	}
	order := make(chan served, 2)
	for i, who := range []string{"bert", "carl"} {
		go func() {
			grant, err := other.Acquire(t.Context(), ask(who), lease.Wait{Timeout: time.Minute})
			if err == nil {
				err = other.Release(t.Context(), grant)
			}
			order <- served{who, grant, err}
		}()
		eventually(t, who+" waits", func() bool { return tickets(t, holder) == i+1 })
	}
	for range 2 {
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := keeper.Grant().Deadline()
		eventually(t, "the lease is renewed", func() bool { return keeper.Grant().Deadline().After(before) || keeper.Err() != nil })
	}
	if err := keeper.Err(); err != nil || keeper.Grant().Fence != grant.Fence {
		t.Fatalf("the lease is lost by a restart: %v", err)
	}
	if err := keeper.Release(t.Context()); err != nil {
		t.Error(err)
	}
	// The fences tell the order; who hears first of the own release is up to the scheduler.
	first, second := leasetest.Receive(t, order, "the first is served"), leasetest.Receive(t, order, "the second is served")
	if first.grant.Fence > second.grant.Fence {
		first, second = second, first
	}
	if first.err != nil || first.who != "bert" || first.grant.Fence <= grant.Fence {
		t.Errorf("first came %+v, want bert", first)
	}
	if second.err != nil || second.who != "carl" {
		t.Errorf("second came %+v, want carl", second)
	}
	// A server that is gone for longer is an error that says so.
	if grant, err = holder.Acquire(t.Context(), ask("anna"), lease.Wait{}); err != nil {
		t.Fatal(err)
	}
	if err := server.Shutdown(); err != nil {
		t.Fatal(err)
	}
	grant.Sent, grant.Duration = time.Now(), 300*time.Millisecond
	if _, err := holder.Renew(t.Context(), grant); !errors.Is(err, ErrRefused) && !errors.Is(err, ErrLost) && !errors.Is(err, ErrNotReady) {
		t.Errorf("got %v", err)
	} else {
		noSecret(t, err, role.Password)
		if Hint(err) == "" || errors.Is(err, lease.ErrLost) {
			t.Errorf("%v has the hint %q", err, Hint(err))
		}
	}
}

// A waiter that dies without a word is passed over, but not before it is known to be dead.
func TestDeadWaitersArePassedOver(t *testing.T) {
	opts := LeaseOptions{Heartbeat: 50 * time.Millisecond, Dead: 400 * time.Millisecond}
	cut, _, _ := behindProxy(t, opts)
	other := leases(t, cut.db.client, cut.db.Target().Database, opts)
	grant, err := other.Acquire(t.Context(), ask("anna"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	// A dead one: a ticket whose heartbeat stops.
	var ticket int64
	if err := cut.queryRow(t.Context(), cut.sql().draw, []any{&ticket}, "dev", "dead\x1b[1m", "", "dead"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Acquire(t.Context(), ask("bert"), lease.Wait{}); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("got %v", err)
	}
	if err := other.Release(t.Context(), grant); err != nil {
		t.Error(err)
	}
	_, err = other.Acquire(t.Context(), ask("bert"), lease.Wait{})
	var held *lease.HeldError
	if !errors.As(err, &held) || !held.Holder.Reserved || held.Holder.Info.Who != `dead\x1b[1m` {
		t.Errorf("before it is known to be dead: %v", err)
	}
	start := time.Now()
	grant, err = other.Acquire(t.Context(), ask("bert"), lease.Wait{Timeout: time.Minute})
	if err != nil {
		t.Fatalf("after %s: %v", time.Since(start), err)
	}
	if err := other.Release(t.Context(), grant); err != nil {
		t.Error(err)
	}
}

// Which role, which statement: what failed, and the SQL that helps.
func TestLeaseErrorsHelp(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	s := leases(t, db.client, database, LeaseOptions{})
	_, err := s.Acquire(t.Context(), ask("anna"), lease.Wait{})
	var shape *NoLockTableError
	if !errors.As(err, &shape) || !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v", err)
	}
	wantHint(t, err, "groundwork_state_lock_table", role.Password)
	if _, err := s.List(t.Context()); !errors.As(err, &shape) {
		t.Errorf("got %v", err)
	}
	create(t, db, TableSpec{})
	stranger := testenv.PostgresRole(t, server, "")
	sql(t, server, database, fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s", ident(database), ident(stranger.Name)))
	other := leases(t, newClient(t, configFor(server, stranger)), database, LeaseOptions{})
	_, err = other.Acquire(t.Context(), ask("bert"), lease.Wait{})
	if !errors.Is(err, ErrDenied) {
		t.Fatalf("got %v", err)
	}
	wantHint(t, err, "GRANT USAGE ON SEQUENCE", stranger.Password)
	for _, name := range []string{"", "a\x00b", "\xff"} {
		var bad *NameError
		if _, err := s.Acquire(t.Context(), lease.Request{Name: name}, lease.Wait{}); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Release(t.Context(), lease.Grant{Name: name}); !errors.As(err, &bad) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := db.client.Leases(t.Context(), database, LeaseOptions{Table: Table{Schema: "pg_x"}}); err == nil {
		t.Error("a schema of PostgreSQL's own is taken")
	}
	sql(t, server, "postgres", "ALTER DATABASE "+ident(database)+" SET default_transaction_read_only TO on")
	standby := leases(t, db.client, database, LeaseOptions{Patience: 10 * time.Millisecond})
	if _, err = standby.Acquire(t.Context(), ask("bert"), lease.Wait{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v", err)
	}
}
