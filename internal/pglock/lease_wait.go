package pglock

import (
	"context"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// wait draws a ticket and tries until the lock is there or the time is over.
func (s *LeaseStore) wait(ctx context.Context, q *request, w lease.Wait, o outcome, start time.Time) (lease.Grant, error) {
	end := start.Add(w.Timeout)
	leave := s.news.join()
	defer leave()
	var last lease.Held
	tell := func(o outcome) {
		holder := q.holder(o)
		if w.OnWait != nil && (holder.Fence != last.Fence || holder.Data != last.Data || holder.Reserved != last.Reserved || last.Name == "") {
			w.OnWait(holder)
		}
		last = holder
	}
	tell(o)
	var wake chan struct{}
	for {
		if !o.beaten {
			if err := s.draw(ctx, q, end); err != nil {
				return lease.Grant{}, err
			}
			s.news.forget(wake)
			wake = s.news.expect(q.id, q.ticket)
		}
		var err error
		if o, err = s.try(ctx, q, end); err != nil {
			s.news.forget(wake)
			return lease.Grant{}, err
		}
		if o.grant != nil {
			s.news.forget(wake)
			return *o.grant, nil
		}
		tell(o)
		left := time.Until(end)
		if left <= 0 {
			s.news.forget(wake)
			return lease.Grant{}, q.held(o, start)
		}
		if !s.rest(ctx, wake, min(left, s.interval(o))) {
			s.news.forget(wake)
			return lease.Grant{}, s.db.wrap(q.op, context.Cause(ctx))
		}
	}
}

// draw takes the next ticket.
func (s *LeaseStore) draw(ctx context.Context, q *request, end time.Time) error {
	q.drawn = true
	return s.persist(ctx, q.op, later(end, s.patience()), func(ctx context.Context, _ bool) error {
		return s.queryRow(ctx, s.sql().draw, []any{&q.ticket}, q.id, q.info.Who, q.info.Operation, q.info.ID)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// interval is how long to rest before the next look. With notifications it is the heartbeat; without
// them the first looks often, and the others the less often the longer the line before them is.
func (s *LeaseStore) interval(o outcome) time.Duration {
	rest := s.opts.Heartbeat
	if !s.news.hears() {
		rest = min(rest, s.opts.Poll*time.Duration(min(o.ahead, 1000)+1))
	}
	rest = jitter(rest)
	if o.ahead == 0 && o.holder != nil && !o.holder.Endless {
		// Nobody tells of a lease that expires. A millisecond more, because it is still held at its end.
		rest = min(rest, max(o.holder.Left, 0)+time.Millisecond)
	}
	return rest
}

// rest reports false when the caller gives up.
func (s *LeaseStore) rest(ctx context.Context, wake <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}
