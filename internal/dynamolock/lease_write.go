package dynamolock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	rnd "math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// errRefused means that a condition did not hold.
var errRefused = errors.New("the condition does not hold")

// write is one conditional write. It is sent once: whether one whose answer was lost has happened,
// only a look at the item tells.
func (s *LeaseStore) write(ctx context.Context, id, update, condition string, values map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	used := map[string]string{}
	for _, name := range []string{AttrInfo, AttrFence, AttrExpires, AttrName, AttrAcquired, AttrDuration, AttrToken} {
		used["#"+name] = name
	}
	sent := time.Now()
	out, err := s.client.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.opts.Table, Key: map[string]types.AttributeValue{AttrLockID: stringOf(id)},
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: mentioned(used, update+condition), ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew,
	}, func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} })
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return nil, errRefused
	}
	if err != nil {
		return nil, s.client.wrap("UpdateItem", s.opts.Table, err)
	}
	s.clock.hear(sent, out.ResultMetadata)
	return out.Attributes, nil
}

// request is one try to take a lease.
type request struct {
	lease.Request
	id, data, token string
}

// Acquire implements lease.Store. Those who wait are served in no order.
func (s *LeaseStore) Acquire(ctx context.Context, r lease.Request, w lease.Wait) (lease.Grant, error) {
	q := request{Request: r, token: rand.Text()}
	var err error
	if q.id, err = leaseID(r.Name); err != nil {
		return lease.Grant{}, err
	}
	if q.Duration == 0 {
		q.Duration = lease.DefaultDuration
	}
	if q.Duration < 0 {
		return lease.Grant{}, fmt.Errorf("a lease cannot last %s", r.Duration)
	}
	if q.Info, err = r.Info.Complete(); err != nil {
		return lease.Grant{}, err
	}
	if q.data, err = q.Info.Encode(""); err != nil {
		return lease.Grant{}, err
	}
	start, shown := time.Now(), int64(-1)
	for {
		grant, holder, err := s.try(ctx, q)
		if err != nil || holder == nil {
			return grant, err
		}
		pause := s.pause(*holder)
		left := w.Timeout - time.Since(start)
		if left <= 0 && !s.doubtful(*holder) {
			return lease.Grant{}, &lease.HeldError{Holder: *holder, Waited: time.Since(start)}
		}
		if left > 0 {
			pause = min(pause, left)
		}
		if w.OnWait != nil && w.Timeout > 0 && holder.Fence != shown {
			shown = holder.Fence
			w.OnWait(*holder)
		}
		if err := rest(ctx, pause); err != nil {
			return lease.Grant{}, fmt.Errorf("waiting for the lock %q: %w", r.Name, err)
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// shortPause is for a lease that ends at any moment.
const shortPause = 20 * time.Millisecond

// doubtful tells that a lease may have ended already, as far as the service's clock is known. It is
// certain in little more than a second, which everybody waits.
func (s *LeaseStore) doubtful(h lease.Held) bool {
	_, upper, known := s.clock.bounds()
	return known && !h.Endless && h.Expires.Before(upper)
}

// pause is until the lease can be free, and not much longer than Poll.
func (s *LeaseStore) pause(h lease.Held) time.Duration {
	poll := s.opts.Poll/2 + rnd.N(s.opts.Poll) //nolint:gosec // chance, not secrecy
	if h.Endless {
		return poll
	}
	return min(poll, max(h.Left, shortPause))
}

// try takes the lease, or says who holds it.
func (s *LeaseStore) try(ctx context.Context, q request) (lease.Grant, *lease.Held, error) {
	item, err := s.read(ctx, q.id)
	if err != nil {
		return lease.Grant{}, nil, err
	}
	if h, ok := s.held(item); ok && !h.Expired() {
		return lease.Grant{}, &h, nil
	}
	sent := time.Now()
	lower, upper, known := s.clock.bounds()
	if !known {
		return lease.Grant{}, nil, fmt.Errorf("the service at %s does not say what time it is, by which leases end", s.client.Endpoint())
	}
	item, err = s.write(ctx, q.id,
		"SET #Info = :info, #Fence = if_not_exists(#Fence, :zero) + :one, #LeaseExpires = :end, #Name = :name, #Acquired = :now, #Duration = :duration, #Token = :token",
		"attribute_not_exists(#LeaseExpires) OR #LeaseExpires <= :now",
		map[string]types.AttributeValue{
			":info": stringOf(q.data), ":zero": numberOf(0), ":one": numberOf(1), ":name": stringOf(q.Name), ":token": stringOf(q.token),
			":duration": numberOf(q.Duration.Milliseconds()),
			":now":      numberOf(lower.UnixMilli()), ":end": numberOf(ceilMilli(upper.Add(q.Duration))),
		})
	switch {
	case err == nil:
		return s.grant(q, sent, item), nil, nil
	case errors.Is(err, errRefused):
		item, err = s.read(ctx, q.id)
		if h, ok := s.held(item); ok && err == nil {
			return lease.Grant{}, &h, nil
		}
		if err != nil {
			return lease.Grant{}, nil, err
		}
		return s.try(ctx, q) // it was given back meanwhile
	}
	return s.unsure(ctx, q, sent, err)
}

// unsure finds out whether a write whose answer was lost has happened, and undoes it if nobody waits
// for it any more.
func (s *LeaseStore) unsure(ctx context.Context, q request, sent time.Time, cause error) (lease.Grant, *lease.Held, error) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.client.cfg.ResponseTimeout)
	defer cancel()
	item, err := s.read(bounded, q.id)
	if err != nil || textOf(item, AttrToken) != q.token {
		return lease.Grant{}, nil, cause
	}
	grant := s.grant(q, sent, item)
	if ctx.Err() != nil {
		return lease.Grant{}, nil, errors.Join(cause, s.Release(bounded, grant))
	}
	return grant, nil, nil
}

func (s *LeaseStore) grant(q request, sent time.Time, item map[string]types.AttributeValue) lease.Grant {
	fence, _ := intOf(item, AttrFence)
	return lease.Grant{Name: q.Name, Fence: fence, Duration: q.Duration, Sent: sent, Info: q.Info}
}

func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// Renew implements lease.Store.
func (s *LeaseStore) Renew(ctx context.Context, g lease.Grant) (lease.Grant, error) {
	id, err := leaseID(g.Name)
	if err != nil {
		return g, err
	}
	if _, _, known := s.clock.bounds(); !known {
		if _, err := s.read(ctx, id); err != nil {
			return g, err
		}
	}
	for try := 1; ; try++ {
		sent := time.Now()
		_, upper, _ := s.clock.bounds()
		_, err = s.write(ctx, id, "SET #LeaseExpires = :end", "#Fence = :fence AND attribute_exists(#LeaseExpires)",
			map[string]types.AttributeValue{":end": numberOf(ceilMilli(upper.Add(g.Duration))), ":fence": numberOf(g.Fence)})
		switch {
		case err == nil:
			g.Sent = sent
			return g, nil
		case errors.Is(err, errRefused):
			return g, s.lost(ctx, id, g)
		case try == leaseTries || ctx.Err() != nil:
			return g, err
		}
	}
}

// leaseTries is how often a write is sent whose answer was lost, and which does no harm twice.
const leaseTries = 3

// Release implements lease.Store.
func (s *LeaseStore) Release(ctx context.Context, g lease.Grant) error {
	id, err := leaseID(g.Name)
	if err != nil {
		return err
	}
	unsure, err := s.free(ctx, id, g.Fence, "", nil)
	if errors.Is(err, errRefused) && !unsure {
		return s.lost(ctx, id, g)
	}
	if errors.Is(err, errRefused) {
		return nil // an earlier try did it
	}
	return err
}

// free gives a lease back that has just this fence. It is unsure when an answer was lost: a refusal
// then may come from what was done already. The item stays, and with it the fence.
func (s *LeaseStore) free(ctx context.Context, id string, fence int64, condition string, values map[string]types.AttributeValue) (unsure bool, err error) {
	if values == nil {
		values = map[string]types.AttributeValue{}
	}
	values[":fence"] = numberOf(fence)
	for try := 1; ; try++ {
		_, err = s.write(ctx, id, "REMOVE #LeaseExpires", "#Fence = :fence AND attribute_exists(#LeaseExpires)"+condition, values)
		if err == nil || errors.Is(err, errRefused) || try == leaseTries || ctx.Err() != nil {
			return unsure, err
		}
		unsure = true
	}
}

// lost says who has the lease now.
func (s *LeaseStore) lost(ctx context.Context, id string, g lease.Grant) error {
	e := &lease.LostError{Name: g.Name, Fence: g.Fence}
	if item, err := s.read(ctx, id); err == nil { // that it is lost is known, and matters more
		if h, ok := s.held(item); ok {
			e.Now = &h
		}
	}
	return e
}

// Break implements lease.Store.
func (s *LeaseStore) Break(ctx context.Context, seen lease.Held, force bool) error {
	id, err := leaseID(seen.Name)
	if err != nil {
		return err
	}
	for {
		item, err := s.read(ctx, id)
		if err != nil {
			return err
		}
		now, ok := s.held(item)
		switch {
		case !ok:
			return fmt.Errorf("%w: nobody holds %q any more", lease.ErrChanged, seen.Name)
		case now.Fence != seen.Fence:
			return fmt.Errorf("%w: now %s holds %q (fence %d)", lease.ErrChanged, now.Who(), seen.Name, now.Fence)
		}
		condition, values := "", map[string]types.AttributeValue{}
		if !force {
			if !now.Expired() && s.doubtful(now) {
				if err := rest(ctx, max(now.Left, shortPause)); err != nil {
					return fmt.Errorf("breaking the lock %q: %w", seen.Name, err)
				}
				continue
			}
			if !now.Expired() {
				return &lease.HeldError{Holder: now}
			}
			condition, values[":end"] = " AND #LeaseExpires = :end", item[AttrExpires]
		}
		unsure, err := s.free(ctx, id, seen.Fence, condition, values)
		if errors.Is(err, errRefused) && !unsure {
			continue // renewed, given back or taken since it was read
		}
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	}
}

// mentioned are the names that an expression uses: DynamoDB refuses one that is not used.
func mentioned(names map[string]string, expression string) map[string]string {
	used := map[string]string{}
	for placeholder, name := range names {
		if strings.Contains(expression, placeholder) {
			used[placeholder] = name
		}
	}
	return used
}
