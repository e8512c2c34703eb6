package leasetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

func arrivalOrder(t *testing.T, target Target) {
	if target.Unordered {
		return
	}
	a := target.Open(t)
	first := take(t, a, request(t, "first"))
	const waiters = 6
	order := make(chan int, waiters)
	var all sync.WaitGroup
	stores := []lease.Store{target.Open(t), target.Open(t), target.Open(t)}
	for i := range waiters {
		store := stores[i%len(stores)]
		all.Go(func() {
			grant, err := store.Acquire(t.Context(), request(t, fmt.Sprintf("waiter %d", i)), lease.Wait{Timeout: time.Minute})
			if err != nil {
				t.Errorf("waiter %d: %v", i, err)
				return
			}
			order <- i
			if err := store.Release(t.Context(), grant); err != nil {
				t.Errorf("waiter %d: %v", i, err)
			}
		})
		waiting(t, a, i+1)
	}
	release(t, a, first)
	all.Wait()
	close(order)
	want := 0
	for i := range order {
		if i != want {
			t.Errorf("waiter %d was served as number %d", i, want)
		}
		want++
	}
}

// newcomers: who comes when the lock is free finds that it is promised to those who wait.
func newcomers(t *testing.T, target Target) {
	if target.Unordered {
		return
	}
	a, b := target.Open(t), target.Open(t)
	old := take(t, a, request(t, "anna"))
	done := await(t.Context(), b, request(t, "bert"), lease.Wait{Timeout: time.Minute})
	waiting(t, a, 1)
	release(t, a, old)
	for {
		grant, err := a.Acquire(t.Context(), request(t, "newcomer"), lease.Wait{})
		if err == nil {
			release(t, a, grant)
			t.Fatal("a newcomer overtook who waited")
		}
		wantHeld(t, err, "bert")
		var held *lease.HeldError
		if errors.As(err, &held) && !held.Holder.Reserved {
			break
		}
	}
	got := Receive(t, done, "the waiter gets the lock")
	if got.err != nil {
		t.Fatal(got.err)
	}
	release(t, b, got.grant)
}

func cancelled(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	old := take(t, a, request(t, "anna"))
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan struct{}, 10)
	done := await(ctx, b, request(t, "bert"), lease.Wait{Timeout: time.Minute, OnWait: func(lease.Held) { waits <- struct{}{} }})
	Receive(t, waits, "bert waits")
	if !target.Unordered {
		waiting(t, a, 1)
	}
	cancel()
	if got := Receive(t, done, "bert gives up"); !errors.Is(got.err, context.Canceled) || errors.Is(got.err, lease.ErrHeld) {
		t.Errorf("got %+v", got)
	}
	if h := find(t, a, name(t)); h == nil || h.Waiting != 0 {
		t.Errorf("it still waits: %+v", h)
	}
	release(t, a, old)
	// Nothing is left to wait for.
	release(t, a, take(t, a, request(t, "carl")))
	if _, err := b.Acquire(ctx, request(t, "bert"), lease.Wait{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an Acquire that is cancelled before it begins: %v", err)
	}
	if h := find(t, a, name(t)); h != nil {
		t.Errorf("it holds %+v", h)
	}
}

func breaks(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	old := expire(t, target, a)
	seen := find(t, b, name(t))
	if err := b.Break(t.Context(), *seen, false); err != nil {
		t.Errorf("break an expired lock: %v", err)
	}
	if err := b.Break(t.Context(), *seen, false); !errors.Is(err, lease.ErrChanged) {
		t.Errorf("break what is gone: %v", err)
	}
	if _, err := a.Renew(t.Context(), old); !errors.Is(err, lease.ErrLost) {
		t.Errorf("renewed a lease that was broken: %v", err)
	}
	live := take(t, a, request(t, "anna"))
	seen = find(t, b, name(t))
	wantHeld(t, b.Break(t.Context(), *seen, false), "anna")
	if _, err := a.Renew(t.Context(), live); err != nil {
		t.Errorf("it was broken after all: %v", err)
	}
	if err := b.Break(t.Context(), *seen, true); err != nil {
		t.Errorf("break a live lock: %v", err)
	}
	if err := a.Release(t.Context(), live); !errors.Is(err, lease.ErrLost) {
		t.Errorf("released a lease that was broken: %v", err)
	}
	release(t, b, take(t, b, request(t, "bert")))
}

// breakSeen: a lock that somebody else took since is not broken, not even with force.
func breakSeen(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	expire(t, target, a)
	seen := find(t, b, name(t))
	next := take(t, a, request(t, "bert"))
	for _, force := range []bool{false, true} {
		if err := b.Break(t.Context(), *seen, force); !errors.Is(err, lease.ErrChanged) {
			t.Errorf("force %v: %v", force, err)
		}
	}
	// A waiter gets what is broken.
	done := await(t.Context(), b, request(t, "carl"), lease.Wait{Timeout: time.Minute})
	if !target.Unordered {
		waiting(t, a, 1)
	}
	if err := a.Break(t.Context(), *find(t, a, name(t)), true); err != nil {
		t.Error(err)
	}
	got := Receive(t, done, "the waiter gets the lock")
	if got.err != nil || got.grant.Fence <= next.Fence {
		t.Fatalf("got %+v", got)
	}
	release(t, b, got.grant)
}

func lists(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	r := request(t, "anna")
	r.Info = lease.Info{
		ID: "0-1-2", Operation: "OperationTypeApply", Info: "it \"says\"\nmore <&>", Who: "anna@host", Version: "1.2.3",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Path: "bucket/key ä",
	}
	grant := take(t, a, r)
	held := find(t, b, name(t))
	shown := r.Info
	shown.Info = `it "says"\nmore <&>`
	if held == nil || held.Info != shown || grant.Info != r.Info || !strings.Contains(held.Data, `says\"\nmore`) {
		t.Errorf("it shows %+v", held)
	}
	release(t, a, grant)
}

func concurrent(t *testing.T, target Target) {
	const stores, workers, rounds = 3, 4, 5
	var holders, fence atomic.Int64
	var all sync.WaitGroup
	for range stores {
		store := target.Open(t)
		for w := range workers {
			all.Go(func() {
				for range rounds {
					grant, err := store.Acquire(t.Context(), request(t, fmt.Sprintf("worker %d", w)), lease.Wait{Timeout: time.Minute})
					if err != nil {
						t.Error(err)
						return
					}
					if n := holders.Add(1); n != 1 {
						t.Errorf("%d holders at once", n)
					}
					if before := fence.Swap(grant.Fence); before >= grant.Fence {
						t.Errorf("fence %d after %d", grant.Fence, before)
					}
					holders.Add(-1)
					if err := store.Release(t.Context(), grant); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
}

func closes(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	grant := take(t, a, request(t, "anna"))
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	_, err := b.Acquire(t.Context(), request(t, "bert"), lease.Wait{})
	wantHeld(t, err, "anna")
	release(t, b, grant)
}
