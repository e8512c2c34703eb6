package pglock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
)

// granted is an answer to Acquire.
type granted struct {
	grant lease.Grant
	err   error
}

func acquireInBackground(ctx context.Context, s *LeaseStore, who string, w lease.Wait) <-chan granted {
	done := make(chan granted, 1)
	go func() {
		grant, err := s.Acquire(ctx, ask(who), w)
		done <- granted{grant, err}
	}()
	return done
}

// The answer to a request that got the lock is lost, and others come to wait for the lock before it is
// sent again: they wait for us, and we not for them.
func TestLostAnswerGoesBeforeWaiters(t *testing.T) {
	cut, proxy, direct := behindProxy(t, LeaseOptions{})
	locks(t, cut) // so that it is connected
	proxy.Reset()
	proxy.CutAfter(1)
	proxy.StallAt(2)
	first := acquireInBackground(t.Context(), cut, "anna", lease.Wait{})
	eventually(t, "it asks again", func() bool { return proxy.Turns() > 1 })
	second := acquireInBackground(t.Context(), direct, "bert", lease.Wait{Timeout: time.Minute})
	eventually(t, "another waits", func() bool { return tickets(t, direct) == 1 })
	proxy.Resume()
	got := leasetest.Receive(t, first, "the lock is had")
	if got.err != nil {
		t.Fatal(got.err)
	}
	if err := cut.Release(t.Context(), got.grant); err != nil {
		t.Error(err)
	}
	next := leasetest.Receive(t, second, "the other one has the lock")
	if next.err != nil || next.grant.Fence <= got.grant.Fence {
		t.Fatalf("got %+v after %+v", next, got)
	}
	if err := direct.Release(t.Context(), next.grant); err != nil {
		t.Error(err)
	}
}

// A try that was given up for another one arrives when the lock has been granted: it takes nothing from
// its holder.
func TestTryThatArrivesLate(t *testing.T) {
	db, _, _ := owned(t)
	create(t, db, TableSpec{})
	s := leases(t, db.client, db.Target().Database, LeaseOptions{})
	for name, late := range map[string]request{"first try": {}, "second try": {unsure: true, contended: true}} {
		t.Run(name, func(t *testing.T) {
			q, err := s.newRequest(ask("anna"))
			if err != nil {
				t.Fatal(err)
			}
			grant, err := s.take(t.Context(), q, lease.Wait{}, time.Now(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			late.id, late.data, late.info, late.duration = q.id, q.data, q.info, q.duration
			if _, _, _, err := s.attempt(t.Context(), &late); err != nil {
				t.Fatal(err)
			}
			if grant, err = s.Renew(t.Context(), grant); err != nil {
				t.Fatal(err)
			}
			if err := s.Release(t.Context(), grant); err != nil {
				t.Error(err)
			}
		})
	}
}

// What was refused has not happened: who is told so and tries again in another way does not take a lock
// that is gone for one that it gave back itself.
func TestReleaseAfterRefusal(t *testing.T) {
	db, server, _ := owned(t)
	create(t, db, TableSpec{})
	database := db.Target().Database
	sql(t, server, database, "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC")
	s, other := leases(t, db.client, database, LeaseOptions{}), leases(t, db.client, database, LeaseOptions{})
	grant, err := s.Acquire(t.Context(), ask("anna"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Break(t.Context(), locks(t, other)[0], true); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t.Context(), grant); !errors.Is(err, lease.ErrLost) {
		t.Errorf("released a lease that was broken: %v", err)
	}
}

// Several find out at once that they may not notify, or that the table lacks columns: all go on.
func TestManyFindOutAtOnce(t *testing.T) {
	const many = maxConns
	all := func(t *testing.T, do func(i int) error) {
		t.Helper()
		var group sync.WaitGroup
		start := make(chan struct{})
		for i := range many {
			group.Go(func() {
				<-start
				if err := do(i); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
	}
	acquire := func(s *LeaseStore, grants []lease.Grant) func(int) error {
		return func(i int) (err error) {
			grants[i], err = s.Acquire(t.Context(), named(fmt.Sprint("lock ", i)), lease.Wait{})
			return err
		}
	}
	t.Run("columns", func(t *testing.T) {
		s, _ := handMade(t, LeaseOptions{Repair: true})
		all(t, acquire(s, make([]lease.Grant, many)))
	})
	t.Run("NOTIFY", func(t *testing.T) {
		db, server, _ := owned(t)
		create(t, db, TableSpec{})
		sql(t, server, db.Target().Database, "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC")
		s := leases(t, db.client, db.Target().Database, LeaseOptions{})
		for range 10 { // who is first is up to the scheduler
			if t.Failed() {
				return
			}
			grants := make([]lease.Grant, many)
			all(t, acquire(s, grants))
			s.mute.Store(false)
			all(t, func(i int) error { return s.Release(t.Context(), grants[i]) })
		}
	})
}

// Who has a lease instead is nice to know. That it is lost is known without that.
func TestLossIsToldWithoutTheHolder(t *testing.T) {
	cut, proxy, direct := behindProxy(t, LeaseOptions{Attempt: 2 * time.Second}) // enough for what is answered
	grant, err := direct.Acquire(t.Context(), ask("anna"), lease.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if err := direct.Break(t.Context(), locks(t, direct)[0], true); err != nil {
		t.Fatal(err)
	}
	locks(t, cut) // so that it is connected
	proxy.Reset()
	proxy.StallAt(2)
	defer proxy.Resume()
	lost := make(chan error, 1)
	go func() {
		_, err := cut.Renew(t.Context(), grant)
		lost <- err
	}()
	if err := leasetest.Receive(t, lost, "the loss is told"); !errors.Is(err, lease.ErrLost) {
		t.Errorf("got %v", err)
	}
}
