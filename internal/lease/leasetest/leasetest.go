// Package leasetest is what every lease.Store has to pass.
//
//	leasetest.Run(t, leasetest.Target{Open: func(t *testing.T) lease.Store { … }})
package leasetest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Target is the kind of store to test.
type Target struct {
	// Open opens the same table as another process would: stores share nothing but the table. It is
	// closed by the test that asked for it (t.Cleanup).
	Open func(t *testing.T) lease.Store
	// Short is a duration of leases that expire during a test, 1 s if zero. It has to be long enough
	// for a few requests.
	Short time.Duration
	// Names are further names that the store must take, beside those that the suite tries.
	Names []string
	// Unordered tells that waiters are served in no order.
	Unordered bool
}

// Run runs the suite. Its tests use locks of their own names, so that one table serves all.
func Run(t *testing.T, target Target) {
	if target.Short == 0 {
		target.Short = time.Second
	}
	tests := []struct {
		name string
		run  func(*testing.T, Target)
	}{
		{"Exclusion", exclusion},
		{"FencesIncrease", fencesIncrease},
		{"Renew", renew},
		{"ReleaseOnce", releaseOnce},
		{"ExpiryIsTakenOver", takeover},
		{"WaitForExpiry", waitForExpiry},
		{"WaitForRelease", waitForRelease},
		{"Timeout", timeout},
		{"ArrivalOrder", arrivalOrder},
		{"NewcomersDoNotOvertake", newcomers},
		{"CancelLeavesNothing", cancelled},
		{"Break", breaks},
		{"BreakExactlyWhatWasSeen", breakSeen},
		{"Names", names},
		{"ListShowsWhatWasSaid", lists},
		{"Concurrent", concurrent},
		{"CloseKeepsLeases", closes},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, target)
		})
	}
}

// name is a lock of this test's own.
func name(t *testing.T) string { return t.Name() }

func request(t *testing.T, who string) lease.Request {
	return lease.Request{Name: name(t), Duration: time.Minute, Info: lease.Info{Who: who, Operation: "test " + who}}
}

func take(t *testing.T, s lease.Store, r lease.Request) lease.Grant {
	t.Helper()
	grant, err := s.Acquire(t.Context(), r, lease.Wait{})
	if err != nil {
		t.Fatalf("acquire %q: %v", r.Name, err)
	}
	return grant
}

func release(t *testing.T, s lease.Store, g lease.Grant) {
	t.Helper()
	if err := s.Release(t.Context(), g); err != nil {
		t.Errorf("release %q: %v", g.Name, err)
	}
}

// find returns what the table shows of a lock, or nil.
func find(t *testing.T, s lease.Store, name string) *lease.Held {
	t.Helper()
	held, err := s.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, h := range held {
		if h.Name == name {
			return &h
		}
	}
	return nil
}

// until polls for what another goroutine or the store brings about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for: %s", what)
		}
	}
}

func wantHeld(t *testing.T, err error, who string) {
	t.Helper()
	var held *lease.HeldError
	if !errors.Is(err, lease.ErrHeld) || !errors.As(err, &held) {
		t.Fatalf("got %v, want that it is held", err)
	}
	if held.Holder.Info.Who != who || !strings.Contains(err.Error(), who) || !strings.Contains(err.Error(), strconv.Quote(held.Holder.Name)) {
		t.Errorf("got %v (%+v), want that %s holds it", err, held.Holder, who)
	}
}

func exclusion(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	grant := take(t, a, request(t, "anna"))
	if grant.Name != name(t) || grant.Fence <= 0 || grant.Duration != time.Minute || grant.Info.ID == "" ||
		time.Until(grant.Deadline()) <= 0 || time.Until(grant.Deadline()) > time.Minute {
		t.Errorf("the grant is %+v", grant)
	}
	for _, store := range []lease.Store{a, b} {
		_, err := store.Acquire(t.Context(), request(t, "bert"), lease.Wait{})
		wantHeld(t, err, "anna")
		var held *lease.HeldError
		if errors.As(err, &held) && (held.Holder.Fence != grant.Fence || held.Holder.Info.ID != grant.Info.ID || held.Holder.Endless ||
			held.Holder.Left <= 0 || held.Holder.Left > time.Minute || held.Holder.Acquired.IsZero()) {
			t.Errorf("the holder is %+v", held.Holder)
		}
	}
	// The same ID is no key: who asks again is somebody else until it is known otherwise.
	again := request(t, "anna")
	again.Info = grant.Info
	if _, err := a.Acquire(t.Context(), again, lease.Wait{}); !errors.Is(err, lease.ErrHeld) {
		t.Errorf("the same ID takes it twice: %v", err)
	}
	release(t, a, grant)
	release(t, b, take(t, b, request(t, "bert")))
}

func fencesIncrease(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	var last int64
	for i := range 20 {
		store := []lease.Store{a, b}[i%2]
		grant := take(t, store, request(t, "anna"))
		if grant.Fence <= last {
			t.Errorf("fence %d after %d", grant.Fence, last)
		}
		last = grant.Fence
		if held := find(t, b, name(t)); held == nil || held.Fence != last {
			t.Errorf("the table shows %+v, want fence %d", held, last)
		}
		release(t, store, grant)
	}
}

func renew(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	r := request(t, "anna")
	r.Duration = target.Short
	grant := take(t, a, r)
	// Longer than the lease, in steps.
	for end := time.Now().Add(3 * target.Short); time.Now().Before(end); time.Sleep(target.Short / 8) {
		next, err := a.Renew(t.Context(), grant)
		if err != nil {
			t.Fatalf("renew: %v", err)
		}
		if next.Fence != grant.Fence || !next.Deadline().After(grant.Deadline()) || next.Info != grant.Info {
			t.Fatalf("renewed %+v to %+v", grant, next)
		}
		grant = next
		if _, err := b.Acquire(t.Context(), request(t, "bert"), lease.Wait{}); !errors.Is(err, lease.ErrHeld) {
			t.Fatalf("a renewed lease was taken: %v", err)
		}
	}
	// Another store, which knows nothing but the grant, does as well.
	grant, err := b.Renew(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	release(t, b, grant)
	if _, err := a.Renew(t.Context(), grant); !errors.Is(err, lease.ErrLost) {
		t.Errorf("renewed after the release: %v", err)
	}
}

func releaseOnce(t *testing.T, target Target) {
	a := target.Open(t)
	grant := take(t, a, request(t, "anna"))
	release(t, a, grant)
	if err := a.Release(t.Context(), grant); !errors.Is(err, lease.ErrLost) {
		t.Errorf("released twice: %v", err)
	}
	second := take(t, a, request(t, "bert"))
	if err := a.Release(t.Context(), grant); !errors.Is(err, lease.ErrLost) || !strings.Contains(err.Error(), "bert") {
		t.Errorf("an old grant releases a new one: %v", err)
	}
	if held := find(t, a, name(t)); held == nil || held.Fence != second.Fence {
		t.Errorf("the table shows %+v", held)
	}
	release(t, a, second)
}

// expire lets a short lease of anna's run out.
func expire(t *testing.T, target Target, s lease.Store) lease.Grant {
	t.Helper()
	r := request(t, "anna")
	r.Duration = target.Short
	grant := take(t, s, r)
	until(t, "the lease expires", func() bool {
		held := find(t, s, r.Name)
		return held != nil && held.Expired()
	})
	return grant
}

func takeover(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	old := expire(t, target, a)
	grant := take(t, b, request(t, "bert"))
	if grant.Fence <= old.Fence {
		t.Errorf("fence %d after %d", grant.Fence, old.Fence)
	}
	if _, err := a.Renew(t.Context(), old); !errors.Is(err, lease.ErrLost) || !strings.Contains(err.Error(), "bert") {
		t.Errorf("renewed a lease that was taken: %v", err)
	}
	if err := a.Release(t.Context(), old); !errors.Is(err, lease.ErrLost) {
		t.Errorf("released a lease that was taken: %v", err)
	}
	release(t, b, grant)
	// One that expired and that nobody took is still there for its holder.
	old = expire(t, target, a)
	if old, err := a.Renew(t.Context(), old); err != nil {
		t.Errorf("renew after the expiry: %v", err)
	} else {
		release(t, a, old)
	}
}

// Receive takes what another goroutine sends, and does not wait for ever.
func Receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(2 * time.Minute): // longer than any Acquire here waits
		t.Fatalf("waited two minutes for: %s", what)
	}
	return v
}

// await acquires in the background; the channel gets the outcome.
func await(ctx context.Context, s lease.Store, r lease.Request, w lease.Wait) <-chan result {
	done := make(chan result, 1)
	go func() {
		grant, err := s.Acquire(ctx, r, w)
		done <- result{grant, err}
	}()
	return done
}

type result struct {
	grant lease.Grant
	err   error
}

// waiting waits until so many wait, where the store counts them.
func waiting(t *testing.T, s lease.Store, n int) {
	t.Helper()
	until(t, "somebody waits", func() bool {
		held := find(t, s, name(t))
		return held != nil && held.Waiting == n
	})
}

func waitForExpiry(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	r := request(t, "anna")
	r.Duration = target.Short
	old := take(t, a, r)
	seen := make(chan lease.Held, 10)
	got := Receive(t, await(t.Context(), b, request(t, "bert"), lease.Wait{Timeout: time.Minute, OnWait: func(h lease.Held) { seen <- h }}), "bert gets the lock")
	if got.err != nil {
		t.Fatal(got.err)
	}
	if got.grant.Fence <= old.Fence {
		t.Errorf("fence %d after %d", got.grant.Fence, old.Fence)
	}
	if h := Receive(t, seen, "bert waits"); h.Info.Who != "anna" || h.Fence != old.Fence {
		t.Errorf("it waited for %+v", h)
	}
	release(t, b, got.grant)
}

func waitForRelease(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	old := take(t, a, request(t, "anna"))
	done := await(t.Context(), b, request(t, "bert"), lease.Wait{Timeout: time.Minute})
	if !target.Unordered {
		waiting(t, a, 1)
	}
	release(t, a, old)
	got := Receive(t, done, "bert gets the lock")
	if got.err != nil || got.grant.Fence <= old.Fence {
		t.Fatalf("got %+v after %+v", got, old)
	}
	release(t, b, got.grant)
}

func timeout(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	old := take(t, a, request(t, "anna"))
	_, err := b.Acquire(t.Context(), request(t, "bert"), lease.Wait{Timeout: 300 * time.Millisecond})
	wantHeld(t, err, "anna")
	var held *lease.HeldError
	if errors.As(err, &held) && held.Waited < 300*time.Millisecond {
		t.Errorf("waited %s", held.Waited)
	}
	if h := find(t, a, name(t)); h == nil || h.Waiting != 0 {
		t.Errorf("it still waits: %+v", h)
	}
	release(t, a, old)
	release(t, a, take(t, a, request(t, "anna")))
}
