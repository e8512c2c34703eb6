package toollock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// The pauses between two tries for a lock that is held: tool locks tell nobody when they are free.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Acquire takes the lock and waits for it while somebody holds it, at most for timeout. onWait, if
// set, is called when the wait begins and whenever the holder changes. The order in which those who
// wait are served is left to chance.
func Acquire(ctx context.Context, at Place, info lease.Info, timeout time.Duration, onWait func([]Lock)) (*Grant, error) {
	started, pause, shown := time.Now(), firstPause, ""
	for {
		grant, err := at.Acquire(ctx, info)
		var held *HeldError
		if !errors.As(err, &held) {
			return grant, err
		}
		left := timeout - time.Since(started)
		if left <= 0 {
			if timeout > 0 {
				held.Waited = time.Since(started)
			}
			return nil, err
		}
		if id := held.Locks[0].ID(); onWait != nil && id != shown {
			shown = id
			onWait(held.Locks)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s: %w", at, ctx.Err())
		case <-time.After(min(pause, left)):
		}
		pause = min(pause*2, lastPause)
	}
}

// AcquireAll takes several locks in the order given, which has to be the same for all who take them,
// and all or none: a state with a lock file and a DynamoDB table is locked in both, the lock file
// first and both under one ID, as the tools do. The timeout is for all together.
func AcquireAll(ctx context.Context, at []Place, info lease.Info, timeout time.Duration, onWait func([]Lock)) (*Grant, error) {
	deadline, info := time.Now().Add(timeout), complete(info, "")
	all := grants{}
	for _, place := range at {
		g, err := Acquire(ctx, place, info, max(0, time.Until(deadline)), onWait)
		if err != nil {
			return nil, errors.Join(err, all.release(context.WithoutCancel(ctx)))
		}
		all = append(all, g)
	}
	out := &Grant{release: all.release}
	for i, g := range all {
		if i == 0 {
			out.Lock = g.Lock
			continue
		}
		out.Also = append(out.Also, g.Lock)
	}
	return out, nil
}

type grants []*Grant

func (all grants) release(ctx context.Context) error {
	var errs []error
	for _, g := range slices.Backward(all) {
		errs = append(errs, g.Release(ctx))
	}
	return errors.Join(errs...)
}
