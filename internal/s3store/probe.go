package s3store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ProbePrefix is where a probe writes. Whatever is there may be deleted at any time.
const ProbePrefix = ".groundwork/probe/"

// The size of the race: in each of so many rounds so many writers try to create one object.
const (
	raceRounds  = 16
	raceWriters = 8
	// raceParallel rounds run side by side, which costs a slow link fewer round trips.
	raceParallel = 4
	// probeTries is how often a probe starts over that met a passing fault: a 503 or a cut
	// connection says nothing about conditional writes.
	probeTries = 3
	// staleProbe is the age from which a probe's objects are nobody's any more.
	staleProbe = 15 * time.Minute
)

// ProbeSize is the size of the race in a probe.
type ProbeSize struct {
	// Rounds is how many objects are fought over, Writers how many fight for each.
	Rounds, Writers int
}

// ProbeResult is what conditional writes did on a live bucket.
type ProbeResult struct {
	// Verdict: safe when every step went as a lock needs it, unsafe when one did not.
	Verdict LockVerdict
	// Reason says which step decided, for people.
	Reason string
	// Capabilities are the three steps as capability answers.
	Capabilities map[Capability]Support
}

// Probe finds out whether a lock object would hold on this bucket: a conditional PUT has to be
// accepted, refused the second time, accepted again after a delete (on a versioned bucket a delete
// marker is current then), and in a race exactly one writer may win. It removes all that it wrote,
// versions and markers included. An error means that the service did not answer, not that locks
// are unsafe. The verdict is LockUnknown where nothing may be written: a default retention would
// keep the probe's objects.
func (c *Client) Probe(ctx context.Context, bucket string) (*ProbeResult, error) {
	retained, err := c.beforeProbe(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("probing conditional writes: %w", err)
	}
	if retained != nil {
		return &ProbeResult{Verdict: LockUnknown, Reason: fmt.Sprintf(
			"the bucket retains every new object for %d days (%s), so nothing can be tried on it", retained.Days, retained.Mode)}, nil
	}
	id := randomID()
	prefix, end := ProbePrefix+id+"/", c.records.begin(id)
	clean := true
	defer func() { end(clean) }()
	var last error
	for try := range probeTries {
		if err := pause(ctx, try, c.cfg.MaxBackoff); err != nil {
			last = errors.Join(last, err)
			break
		}
		// Each try has a folder of its own, since what was cut off in the one before may still be
		// carried out, and each cleans up after all before it.
		result, err := c.probeOnce(ctx, bucket, fmt.Sprintf("%s%d/", prefix, try))
		cleanErr := c.cleanProbe(ctx, bucket, prefix, err != nil)
		clean = clean && err == nil && cleanErr == nil
		if err == nil && cleanErr == nil {
			return result, nil
		}
		if cleanErr != nil {
			cleanErr = fmt.Errorf("removing the probe's objects under %s: %w", prefix, cleanErr)
		}
		last = errors.Join(err, cleanErr)
		if err == nil || ctx.Err() != nil || !isPassing(err) {
			break
		}
	}
	return nil, fmt.Errorf("probing conditional writes: %w", last)
}

// beforeProbe sweeps up after others and returns the retention that forbids a probe, nil if none.
func (c *Client) beforeProbe(ctx context.Context, bucket string) (*ObjectLock, error) {
	o := &Observed{Unsupported: map[Capability]bool{}}
	r := &reader{c: c, bucket: bucket, out: o}
	g, gctx := errgroup.WithContext(ctx)
	r.ask(gctx, g, CapObjectLock, "GetObjectLockConfiguration", r.objectLock)
	g.Go(func() error {
		c.sweepProbes(ctx, bucket, time.Now().Add(-staleProbe)) // to its end, whatever the other finds
		return nil
	})
	err := g.Wait()
	if errors.Is(err, ErrAccessDenied) {
		err = nil // a right that only this look needs; retained objects would be told later
	}
	if err != nil || o.ObjectLock == nil || o.ObjectLock.Mode == "" {
		return nil, err
	}
	return o.ObjectLock, nil
}

// cleanProbe removes a probe's objects, also when the caller has given up, hence a context of its
// own. A request that was cut off may be carried out after its end was noticed, so it looks twice.
func (c *Client) cleanProbe(ctx context.Context, bucket, prefix string, cut bool) error {
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := c.purgePrefix(clean, bucket, prefix)
	if !cut || err != nil {
		return err
	}
	if err := pause(clean, 1, c.cfg.MaxBackoff); err != nil {
		return err
	}
	return c.purgePrefix(clean, bucket, prefix)
}

// pause waits before another try, not before the first one.
func pause(ctx context.Context, try int, longest time.Duration) error {
	if try == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(min(longest, time.Duration(try)*500*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isPassing tells a fault that may be gone the next time from an answer.
func isPassing(err error) bool {
	var ce *CallError
	return errors.As(err, &ce) && !errors.Is(err, ErrCredentials) && !errors.Is(err, ErrUnsupported) &&
		(ce.Status == 0 || ce.Status >= 500 || ce.Status == 409 || ce.Status == 429)
}

func (c *Client) probeOnce(ctx context.Context, bucket, prefix string) (*ProbeResult, error) {
	r := &ProbeResult{Verdict: LockUnsafe, Capabilities: map[Capability]Support{
		CapConditionalPut: Unsupported, CapConditionalPutAfterDrop: Unsupported, CapConditionalPutConcurrent: Unsupported,
	}}
	key, body := prefix+"lock", []byte("groundwork probe\n")

	_, err := c.PutIfAbsent(ctx, bucket, key, body)
	switch {
	case err != nil && isRefusal(err):
		r.Reason = fmt.Sprintf("the service refuses If-None-Match on PutObject: %v", err)
		return r, nil
	case err != nil:
		return nil, err
	}
	_, err = c.PutIfAbsent(ctx, bucket, key, body)
	switch {
	case err == nil:
		r.Reason = "the service ignores If-None-Match: a second PutObject overwrote the first"
		return r, nil
	case !errors.Is(err, ErrPreconditionFailed):
		return nil, err
	}
	r.Capabilities[CapConditionalPut] = Supported

	if err := c.DeleteObject(ctx, bucket, key, ""); err != nil {
		return nil, err
	}
	_, err = c.PutIfAbsent(ctx, bucket, key, body)
	switch {
	case errors.Is(err, ErrPreconditionFailed), isRefusal(err), isMissingKey(err):
		r.Reason = fmt.Sprintf("after a delete the service refuses If-None-Match, so a lock could be taken once and never again: %v", err)
		return r, nil
	case err != nil:
		return nil, err
	}
	r.Capabilities[CapConditionalPutAfterDrop] = Supported

	winners, err := c.race(ctx, bucket, prefix, body)
	if err != nil {
		return nil, err
	}
	if winners > 1 {
		r.Reason = fmt.Sprintf("%d of %d simultaneous writers created the same object", winners, c.cfg.Probe.Writers)
		return r, nil
	}
	r.Capabilities[CapConditionalPutConcurrent] = Supported
	r.Verdict = LockSafe
	r.Reason = fmt.Sprintf("one winner in each of %d races of %d writers", c.cfg.Probe.Rounds, c.cfg.Probe.Writers)
	return r, nil
}

// isRefusal tells that the service knows what was asked and does not do it.
func isRefusal(err error) bool {
	var ce *CallError
	if !errors.As(err, &ce) {
		return false
	}
	return errors.Is(err, ErrUnsupported) || ce.Code == "InvalidArgument" || ce.Code == "InvalidRequest"
}

// race returns the largest number of winners in any round.
func (c *Client) race(ctx context.Context, bucket, prefix string, body []byte) (int, error) {
	winners := make([]int, c.cfg.Probe.Rounds)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(raceParallel)
	for round := range c.cfg.Probe.Rounds {
		g.Go(func() (err error) {
			winners[round], err = c.decidedRound(ctx, bucket, fmt.Sprintf("%srace-%d", prefix, round), body)
			return err
		})
	}
	err := g.Wait()
	return slices.Max(winners), err
}

// decidedRound runs a round until it is decided: somebody won it, and nobody else may have.
func (c *Client) decidedRound(ctx context.Context, bucket, key string, body []byte) (int, error) {
	var last error
	for try := range probeTries {
		if err := pause(ctx, try, c.cfg.MaxBackoff); err != nil {
			return 0, err
		}
		winners, silent, err := c.raceRound(ctx, bucket, fmt.Sprintf("%s-%d", key, try), body)
		if winners > 1 || winners == 1 && !silent {
			return winners, nil
		}
		if last = err; err != nil && !isPassing(err) {
			return 0, err
		}
	}
	if last == nil {
		last = fmt.Errorf("bucket %q: nobody won a race of %d conditional writers in %d tries", bucket, c.cfg.Probe.Writers, probeTries)
	}
	return 0, last
}

// raceRound lets writers try to create one object at once. silent says that a writer got no
// answer, or none that says whether its write was done.
func (c *Client) raceRound(ctx context.Context, bucket, key string, body []byte) (winners int, silent bool, err error) {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		start = make(chan struct{})
	)
	for range c.cfg.Probe.Writers {
		wg.Go(func() {
			<-start
			_, perr := c.PutIfAbsent(ctx, bucket, key, body)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case perr == nil:
				winners++
			case !errors.Is(perr, ErrPreconditionFailed):
				err = perr
				silent = silent || !isThrottle(perr)
			}
		})
	}
	close(start)
	wg.Wait()
	return winners, silent, err
}

// isThrottle tells a request that the service did not even begin to carry out.
func isThrottle(err error) bool {
	var ce *CallError
	return errors.As(err, &ce) && (ce.Status == 503 || ce.Status == 429 || ce.Code == "SlowDown")
}

func isMissingKey(err error) bool {
	var ce *CallError
	return errors.As(err, &ce) && errors.Is(err, ErrNotFound) && ce.Code != "NoSuchBucket"
}

// sweepProbes removes what probes left that were cut off: at once where their records say that they
// have ended, else what is older than a time. Failing is no reason to stop.
func (c *Client) sweepProbes(ctx context.Context, bucket string, before time.Time) {
	ended := map[string]bool{}
	left := func(v Version) bool {
		id := probeID(v.Key)
		if _, known := ended[id]; !known {
			ended[id] = c.records.ended(id)
		}
		return ended[id] || v.LastModified.Before(before)
	}
	_ = (&purge{c: c, bucket: bucket, only: left}).run(ctx, ProbePrefix) // best effort
}

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// RemoveProbes removes whatever probes have left in a bucket that is about to be deleted.
func (c *Client) RemoveProbes(ctx context.Context, bucket string) error {
	return c.purgePrefix(ctx, bucket, ProbePrefix)
}
