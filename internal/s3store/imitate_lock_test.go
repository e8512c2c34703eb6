package s3store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// counter is a number that goroutines share.
type counter struct{ n atomic.Int64 }

func (c *counter) value() int64      { return c.n.Load() }
func (c *counter) add(d int64) int64 { return c.n.Add(d) }

// raise keeps the largest value.
func (c *counter) raise(to int64) {
	for old := c.n.Load(); to > old; old = c.n.Load() {
		if c.n.CompareAndSwap(old, to) {
			return
		}
	}
}

// takeTurns takes and releases a lock object as the tools do: create it if it is absent, and delete
// it in the end.
func takeTurns(ctx context.Context, c *Client, bucket, who string, turns int, holders, most, taken *counter) error {
	const key = "infra/terraform.tfstate.tflock"
	for turn := 0; turn < turns; {
		_, err := c.PutIfAbsent(ctx, bucket, key, []byte(who))
		switch {
		case errors.Is(err, ErrPreconditionFailed), isThrottle(err):
			if err := wait(ctx, 10*time.Millisecond); err != nil { // as the tools do, so that the server is not asked all the time
				return fmt.Errorf("%s got the lock %d times of %d: %w", who, turn, turns, err)
			}
			continue
		case err != nil:
			return err
		}
		turn++
		most.raise(holders.add(1))
		taken.add(1)
		time.Sleep(3 * time.Millisecond) // what it is locked for
		holders.add(-1)
		if err := c.DeleteObject(ctx, bucket, key, ""); err != nil {
			return err
		}
	}
	return nil
}

// wait is a pause that ends with the context.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
