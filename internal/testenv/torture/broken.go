//go:build unix

package torture

import (
	"context"
	"errors"
	"sync"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Flaw makes a store wrong on purpose, to see that the torture finds it out.
type Flaw string

// The flaws.
const (
	// None is the store as it is.
	None Flaw = ""
	// Steals takes locks from those who hold them.
	Steals Flaw = "steals"
	// OldFences hands out the same fence again and again.
	OldFences Flaw = "old fences"
	// SaysReleased answers that a lock is released, and leaves it.
	SaysReleased Flaw = "says released"
	// Revives renews what is lost.
	Revives Flaw = "revives"
)

func broken(store lease.Store, flaw Flaw) lease.Store {
	if flaw == None {
		return store
	}
	return &flawed{Store: store, flaw: flaw, first: map[string]int64{}}
}

type flawed struct {
	lease.Store
	flaw Flaw

	mu    sync.Mutex
	first map[string]int64
}

func (f *flawed) Acquire(ctx context.Context, r lease.Request, w lease.Wait) (lease.Grant, error) {
	g, err := f.Store.Acquire(ctx, r, w)
	var busy *lease.HeldError
	if f.flaw == Steals && errors.As(err, &busy) && f.Break(ctx, busy.Holder, true) == nil {
		g, err = f.Store.Acquire(ctx, r, lease.Wait{})
	}
	if f.flaw == OldFences && err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.first[r.Name] == 0 {
			f.first[r.Name] = g.Fence
		}
		g.Fence = f.first[r.Name]
	}
	return g, err
}

func (f *flawed) Renew(ctx context.Context, g lease.Grant) (lease.Grant, error) {
	next, err := f.Store.Renew(ctx, g)
	if f.flaw == Revives && errors.Is(err, lease.ErrLost) {
		return g, nil
	}
	return next, err
}

func (f *flawed) Release(ctx context.Context, g lease.Grant) error {
	if f.flaw == SaysReleased {
		return nil
	}
	return f.Store.Release(ctx, g)
}
