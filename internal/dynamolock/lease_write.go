package dynamolock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	rnd "math/rand/v2"
	"net/http"
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
// only a look at the item tells, or repeating it where that does no harm.
func (s *LeaseStore) write(ctx context.Context, id, update, condition string, values map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	used := map[string]string{}
	for _, name := range []string{AttrInfo, AttrFence, AttrExpires, AttrName, AttrAcquired, AttrDuration, AttrToken, AttrBroken, AttrReleased} {
		used["#"+name] = name
	}
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.opts.Attempt)
	defer cancel()
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

// request is one call of Acquire.
type request struct {
	lease.Request
	id, data, token string
	// unsure tells that a write of this request may have been carried out, or may still be, though no
	// answer came. It is found again by the token, and can happen only while the fence is seen.
	unsure bool
	first  time.Time // when the first of those writes was sent
	seen   int64
}

// Acquire implements lease.Store. Those who wait are served in no order. Over answers that are lost it
// goes on for as long as it would wait.
func (s *LeaseStore) Acquire(ctx context.Context, r lease.Request, w lease.Wait) (lease.Grant, error) {
	q, err := newRequest(r)
	if err != nil {
		return lease.Grant{}, err
	}
	grant, err := s.take(ctx, q, w)
	if err != nil {
		s.abandon(ctx, q)
	}
	return grant, err
}

func newRequest(r lease.Request) (*request, error) {
	q := &request{Request: r, token: rand.Text()}
	var err error
	if q.id, err = leaseID(r.Name); err != nil {
		return nil, err
	}
	if q.Duration == 0 {
		q.Duration = lease.DefaultDuration
	}
	if q.Duration < 0 {
		return nil, fmt.Errorf("a lease cannot last %s", r.Duration)
	}
	if q.Info, err = r.Info.Complete(); err != nil {
		return nil, err
	}
	q.data, err = q.Info.Encode("")
	return q, err
}

func (s *LeaseStore) take(ctx context.Context, q *request, w lease.Wait) (lease.Grant, error) {
	start, shown, failed := time.Now(), int64(-1), 0
	for {
		grant, holder, err := s.try(ctx, q)
		switch {
		case err != nil:
			failed++
			if !s.again(ctx, err, start, max(w.Timeout, s.opts.Patience), failed) {
				return lease.Grant{}, err
			}
			continue
		case holder == nil:
			return grant, nil
		}
		failed = 0
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
			return lease.Grant{}, fmt.Errorf("waiting for the lock %q: %w", q.Name, err)
		}
	}
}

// again rests before what has failed is tried again, and tells whether to: not where trying does not
// help, and not for longer than the patience.
func (s *LeaseStore) again(ctx context.Context, err error, start time.Time, patience time.Duration, failed int) bool {
	return transient(err) && time.Since(start) < patience && rest(ctx, backoff(failed)) == nil
}

// transient failures go away by themselves: no answer, a service in trouble, one that asks for fewer
// requests.
func transient(err error) bool {
	var e *CallError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded":
		return true
	}
	return errors.Is(e, ErrUnreachable) || e.Status >= http.StatusInternalServerError && e.Status != http.StatusNotImplemented
}

// uncertain tells that a write which failed may have been carried out all the same.
func uncertain(err error) bool {
	var e *CallError
	return errors.As(err, &e) && (errors.Is(e, ErrUnreachable) || e.Status >= http.StatusInternalServerError)
}

// backoff is how long to rest after so many failures in a row.
func backoff(failed int) time.Duration {
	longest := min(time.Second, 20*time.Millisecond<<min(failed, 10))
	return longest/2 + rnd.N(longest/2) //nolint:gosec // chance, not secrecy
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
func (s *LeaseStore) try(ctx context.Context, q *request) (lease.Grant, *lease.Held, error) {
	for {
		item, err := s.read(ctx, q.id)
		if err != nil {
			return lease.Grant{}, nil, err
		}
		if s.recall(q, item) {
			return grantOf(q, q.first, item), nil, nil
		}
		if h, ok := s.held(item); ok && !h.Expired() {
			return lease.Grant{}, &h, nil
		}
		grant, err := s.claim(ctx, q, item)
		if !errors.Is(err, errRefused) {
			return grant, nil, err
		}
		// It was taken or given back since it was read.
	}
}

// recall finds out from the item what became of writes whose answer was lost, and tells whether the
// lease is this request's. One that has not happened while the fence went on cannot happen any more.
func (s *LeaseStore) recall(q *request, item map[string]types.AttributeValue) bool {
	if !q.unsure {
		return false
	}
	if _, ok := s.held(item); ok && textOf(item, AttrToken) == q.token {
		return true
	}
	fence, _ := intOf(item, AttrFence)
	q.unsure = fence == q.seen
	return false
}

// claim takes a lease that is free, or has ended, in the item that was read.
func (s *LeaseStore) claim(ctx context.Context, q *request, item map[string]types.AttributeValue) (lease.Grant, error) {
	if _, ok := intOf(item, AttrFence); !ok && item[AttrFence] != nil {
		return lease.Grant{}, fmt.Errorf("the item %q of the DynamoDB table %q (%s) was not written by groundwork: its %s is no number; look at it, and delete it", q.id, s.opts.Table, s.client.Endpoint(), AttrFence)
	}
	sent := time.Now()
	lower, upper, known := s.clock.bounds()
	if !known {
		return lease.Grant{}, fmt.Errorf("the service at %s does not say what time it is, by which leases end", s.client.Endpoint())
	}
	values := map[string]types.AttributeValue{
		":info": stringOf(q.data), ":zero": numberOf(0), ":one": numberOf(1), ":name": stringOf(q.Name), ":token": stringOf(q.token),
		":duration": numberOf(q.Duration.Milliseconds()),
		":now":      numberOf(lower.UnixMilli()), ":end": numberOf(ceilMilli(upper.Add(q.Duration))),
	}
	taken, err := s.write(ctx, q.id,
		"SET #Info = :info, #Fence = if_not_exists(#Fence, :zero) + :one, #LeaseExpires = :end, #Name = :name, #Acquired = :now, #Duration = :duration, #Token = :token",
		freeNow+" AND "+fenceIs(item, values), values)
	switch {
	case err == nil:
		return grantOf(q, sent, taken), nil
	case !errors.Is(err, errRefused):
		if !q.unsure {
			q.unsure, q.first = true, sent
		}
		q.seen, _ = intOf(item, AttrFence)
	}
	return lease.Grant{}, err
}

// freeNow is the condition that nobody holds the lease.
const freeNow = "(attribute_not_exists(#LeaseExpires) OR #LeaseExpires <= :now)"

// fenceIs is the condition that the fence still is what was read. With it a write that was long on its
// way does nothing once the fence has gone on.
func fenceIs(item, values map[string]types.AttributeValue) string {
	fence, ok := intOf(item, AttrFence)
	if !ok {
		return "attribute_not_exists(#Fence)"
	}
	values[":seen"] = numberOf(fence)
	return "#Fence = :seen"
}

// abandon undoes what an Acquire that fails may have done, or may still do: where its write has not
// arrived, the fence goes on, so that it cannot take the lease any more. What cannot be reached expires.
func (s *LeaseStore) abandon(ctx context.Context, q *request) {
	if !q.unsure {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Patience)
	defer cancel()
	for failed := 1; ; failed++ {
		item, err := s.read(ctx, q.id)
		switch {
		case err != nil:
		case s.recall(q, item):
			_ = s.Release(ctx, grantOf(q, q.first, item)) // it goes on for as long as there is time
			return
		case !q.unsure:
			return
		default:
			if h, ok := s.held(item); ok && !h.Expired() {
				return // its holder renewed it after it had ended, and keeps us out
			}
			lower, _, _ := s.clock.bounds()
			values := map[string]types.AttributeValue{":zero": numberOf(0), ":one": numberOf(1), ":now": numberOf(lower.UnixMilli())}
			_, err = s.write(ctx, q.id, "SET #Fence = if_not_exists(#Fence, :zero) + :one", freeNow+" AND "+fenceIs(item, values), values)
			if err == nil {
				return
			}
		}
		if rest(ctx, backoff(failed)) != nil {
			return
		}
	}
}

func grantOf(q *request, sent time.Time, item map[string]types.AttributeValue) lease.Grant {
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
	for start, failed := time.Now(), 1; ; failed++ {
		sent := time.Now()
		_, upper, _ := s.clock.bounds()
		end := upper.Add(g.Duration)
		_, err = s.write(ctx, id, "SET #LeaseExpires = :end", "#Fence = :fence AND attribute_exists(#LeaseExpires)",
			map[string]types.AttributeValue{":end": numberOf(ceilMilli(end)), ":fence": numberOf(g.Fence)})
		switch {
		case err == nil && s.short(end, sent, g.Duration):
			// Once more, by the time that the answer has told.
		case err == nil:
			g.Sent = sent
			return g, nil
		case errors.Is(err, errRefused):
			return g, s.lost(ctx, id, g)
		case !s.again(ctx, err, start, s.opts.Patience, failed): // to renew twice does no harm
			return g, err
		}
	}
}

// short tells that a lease that was written ends before its holder takes it to end: the service's clock
// went on by more than this machine knew of, which stood still with all its clocks.
func (s *LeaseStore) short(end, sent time.Time, duration time.Duration) bool {
	lower, _, _ := s.clock.bounds()
	return end.Before(lower.Add(duration - time.Since(sent)))
}

// Release implements lease.Store.
func (s *LeaseStore) Release(ctx context.Context, g lease.Grant) error {
	id, err := leaseID(g.Name)
	if err != nil {
		return err
	}
	call := rand.Text()
	unsure, err := s.free(ctx, id, g.Fence, "SET #Released = :call "+endNow, "", map[string]types.AttributeValue{":call": stringOf(call)})
	if !errors.Is(err, errRefused) {
		return err
	}
	if unsure {
		item, err := s.read(ctx, id)
		if err != nil {
			return err
		}
		if fence, _ := intOf(item, AttrFence); fence != g.Fence || textOf(item, AttrReleased) == call {
			return nil // an earlier try did it, as far as can be said when others have had the lease since
		}
	}
	return s.lost(ctx, id, g)
}

// endNow is the update that gives a lease back. The item stays, and with it the fence.
const endNow = "REMOVE #LeaseExpires"

// free gives a lease back that has just this fence. It is unsure when an answer was lost: a refusal
// then may come from what was done already.
func (s *LeaseStore) free(ctx context.Context, id string, fence int64, update, condition string, values map[string]types.AttributeValue) (unsure bool, err error) {
	values[":fence"] = numberOf(fence)
	for start, failed := time.Now(), 1; ; failed++ {
		_, err = s.write(ctx, id, update, "#Fence = :fence AND attribute_exists(#LeaseExpires)"+condition, values)
		if err == nil || errors.Is(err, errRefused) || !s.again(ctx, err, start, s.opts.Patience, failed) {
			return unsure, err
		}
		unsure = unsure || uncertain(err)
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

// Break implements lease.Store. Where an answer was lost, the item tells whether it was this call that
// removed the lease, unless a later holder's has been broken as well: then Break says that it changed.
func (s *LeaseStore) Break(ctx context.Context, seen lease.Held, force bool) error {
	id, err := leaseID(seen.Name)
	if err != nil {
		return err
	}
	call := rand.Text()
	for {
		item, err := s.read(ctx, id)
		if err != nil {
			return err
		}
		now, ok := s.held(item)
		switch {
		case (!ok || now.Fence != seen.Fence) && textOf(item, AttrBroken) == call:
			return nil // an earlier try did it, and its answer was lost
		case !ok:
			return fmt.Errorf("%w: nobody holds %q any more", lease.ErrChanged, seen.Name)
		case now.Fence != seen.Fence:
			return fmt.Errorf("%w: now %s holds %q (fence %d)", lease.ErrChanged, now.Who(), seen.Name, now.Fence)
		}
		condition, values := "", map[string]types.AttributeValue{":call": stringOf(call)}
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
		if _, err = s.free(ctx, id, seen.Fence, "SET #Broken = :call "+endNow, condition, values); !errors.Is(err, errRefused) {
			return err
		}
		// Renewed, given back or taken since it was read, or done by a try whose answer was lost.
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
