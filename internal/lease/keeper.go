package lease

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Certainty is how sure a Keeper is of its lease.
type Certainty int

// What a Keeper can know.
const (
	// Certain means that the lease lasts at least until its deadline.
	Certain Certainty = iota
	// Doubtful means that renewing has not worked for a while. The lease still lasts until its
	// deadline.
	Doubtful
	// Lost means that the lease is somebody else's or gone, or that nobody can say since its deadline
	// has passed. It is final.
	Lost
)

// String names the certainty.
func (c Certainty) String() string { return [...]string{"certain", "doubtful", "lost"}[c] }

// Event is a change of certainty.
type Event struct {
	Certainty Certainty
	// Err is why, and nil when certainty returns. For Lost it matches ErrLost.
	Err error
	// Deadline is until when the lease certainly lasts, on the local monotonic clock.
	Deadline time.Time
}

// KeepOptions say how a lease is kept.
type KeepOptions struct {
	// OnEvent, if set, is called with every change of certainty, one after the other. While it runs
	// nothing is renewed.
	OnEvent func(Event)
	// Every is the time between renewals; a third of the lease's duration if zero.
	Every time.Duration
}

// grace is how long after the deadline a renewal may still be answered that was sent because this
// process did not run before: it was stopped, or the machine slept. The answer settles it: a lease
// that can be renewed has been nobody else's since.
const grace = 2 * time.Second

// Keeper renews a lease in the background until it is stopped or the lease is lost.
type Keeper struct {
	store Store
	opts  KeepOptions

	cancel context.CancelFunc
	done   chan struct{}
	lost   chan struct{}

	mu    sync.Mutex
	grant Grant
	// wall is Sent by the clock that goes on while the machine sleeps: the monotonic one, which Sent is
	// counted by, stands still then, and leases do not.
	wall      time.Time
	certainty Certainty
	err       error
}

// Keep begins to renew a lease. The caller ends it with Release or Stop.
func Keep(store Store, grant Grant, opts KeepOptions) *Keeper {
	if opts.Every <= 0 {
		opts.Every = grant.Duration / 3
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &Keeper{
		store: store, opts: opts, cancel: cancel, done: make(chan struct{}), lost: make(chan struct{}),
		grant: grant, wall: grant.Sent.Round(0),
	}
	go k.run(ctx)
	return k
}

// Lost is closed when the lease is lost.
func (k *Keeper) Lost() <-chan struct{} { return k.lost }

// Err says why the lease is lost, and is nil before.
func (k *Keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.certainty != Lost {
		return nil
	}
	return k.err
}

// Grant is the lease as last renewed.
func (k *Keeper) Grant() Grant {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.grant
}

// Valid tells whether the lease is certainly held at this moment.
func (k *Keeper) Valid() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.certainty != Lost && k.left() > 0
}

// left is how long the lease certainly lasts, by the clock that says least. The caller holds the mutex.
func (k *Keeper) left() time.Duration {
	now := time.Now()
	return k.grant.Duration - max(now.Sub(k.grant.Sent), now.Round(0).Sub(k.wall))
}

// Stop ends the renewals and leaves the lease to expire, or to somebody else who has the grant.
func (k *Keeper) Stop() {
	k.cancel()
	<-k.done
}

// Release ends the renewals and gives the lease back.
func (k *Keeper) Release(ctx context.Context) error {
	k.Stop()
	return k.store.Release(ctx, k.Grant())
}

func (k *Keeper) run(ctx context.Context) {
	defer close(k.done)
	for k.rest(ctx) && k.renew(ctx) {
	}
}

// rest waits until the next renewal is due, or until the machine has slept, which no timer tells.
func (k *Keeper) rest(ctx context.Context) bool {
	g := k.Grant()
	every := k.opts.Every
	due := g.Sent.Add(every - rand.N(every/5+1)) // #nosec G404 -- keepers that began together do not renew together
	for {
		left := time.Until(due)
		if left <= 0 || k.slept() {
			return ctx.Err() == nil
		}
		if !pause(ctx, min(left, time.Second)) {
			return false
		}
	}
}

// slept tells that the wall clock went on while the monotonic one did not.
func (k *Keeper) slept() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	return now.Round(0).Sub(k.wall)-now.Sub(k.grant.Sent) > k.grant.Duration/10
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// renew tries until it has an answer or the lease has ended, and reports whether it goes on.
func (k *Keeper) renew(ctx context.Context) bool {
	stopped := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go k.bound(ctx, cancel)
	wait := time.Millisecond * 50
	for {
		g, err := k.ask(ctx)
		switch {
		case err == nil:
			k.set(Event{Certainty: Certain}, &g)
			return true
		case errors.Is(err, ErrLost):
			k.set(Event{Certainty: Lost, Err: err}, nil)
			return false
		case stopped.Err() != nil:
			return false
		}
		if !pause(ctx, wait) {
			if stopped.Err() != nil {
				return false
			}
			if errors.Is(err, context.Canceled) {
				err = context.Cause(ctx) // why it was
			}
			k.set(Event{Certainty: Lost, Err: k.late(err)}, nil)
			return false
		}
		k.set(Event{Certainty: Doubtful, Err: err}, nil)
		wait = min(2*wait, time.Second)
	}
}

// bound ends a renewal when the lease has ended. One that begins after the end, or in the middle of which
// the machine slept beyond it, has a moment to be answered. No timer tells of a sleep.
func (k *Keeper) bound(ctx context.Context, cancel context.CancelCauseFunc) {
	left := func() time.Duration {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.left()
	}
	most := left()
	if most <= 0 {
		most = grace
	}
	for limit := time.Now().Add(most); ; {
		if !pause(ctx, min(time.Until(limit), time.Second)) {
			return
		}
		now := time.Now()
		if !now.Before(limit) {
			cancel(context.DeadlineExceeded)
			return
		}
		if end := now.Add(max(left(), grace)); end.Before(limit) {
			limit = end
		}
	}
}

// late is the error for a lease that ended before it could be renewed.
func (k *Keeper) late(err error) error {
	g := k.Grant()
	return &LostError{Name: g.Name, Fence: g.Fence, Reason: fmt.Sprintf("it could not be renewed before it ended: %v", err)}
}

// ask renews once, and speaks of doubt when the answer does not come.
func (k *Keeper) ask(ctx context.Context) (Grant, error) {
	type answer struct {
		grant Grant
		err   error
	}
	g := k.Grant()
	answered := make(chan answer, 1)
	go func() {
		grant, err := k.store.Renew(ctx, g)
		answered <- answer{grant, err}
	}()
	doubt := time.NewTimer(time.Until(g.Sent.Add(k.opts.Every + (g.Duration-k.opts.Every)/2)))
	defer doubt.Stop()
	for {
		select {
		case a := <-answered:
			return a.grant, a.err
		case <-doubt.C:
			k.set(Event{Certainty: Doubtful, Err: errors.New("the renewal is not answered")}, nil)
		case <-ctx.Done():
			// A store that does not listen to its context holds nobody up.
			select {
			case a := <-answered:
				return a.grant, a.err
			case <-time.After(100 * time.Millisecond):
				return Grant{}, context.Cause(ctx)
			}
		}
	}
}

// set changes the state and tells of it.
func (k *Keeper) set(e Event, renewed *Grant) {
	k.mu.Lock()
	if renewed != nil {
		k.grant, k.wall = *renewed, renewed.Sent.Round(0)
	}
	changed := k.certainty != e.Certainty
	k.certainty, k.err = e.Certainty, e.Err
	e.Deadline = k.grant.Deadline()
	k.mu.Unlock()
	if !changed {
		return
	}
	if e.Certainty == Lost {
		close(k.lost)
	}
	if k.opts.OnEvent != nil {
		k.opts.OnEvent(e)
	}
}
