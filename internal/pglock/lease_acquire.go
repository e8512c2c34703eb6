package pglock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// request is one call of Acquire.
type request struct {
	op       string
	name, id string
	info     lease.Info
	data     string
	duration time.Duration
	ticket   int64 // 0 before there is one
	drawn    bool  // a ticket may be there, known or not
	// contended tells that somebody was in the way.
	contended bool
	// unsure tells that a try may have been carried out though no answer came. It is found again by
	// its data, which holds the ID.
	unsure bool
}

// outcome is the answer to one try.
type outcome struct {
	grant   *lease.Grant
	holder  *lease.Held // nil where nobody holds the lock
	waiting int64       // who else waits
	ahead   int64       // of those, who came before
	beaten  bool        // the ticket is there
	first   lease.Info
}

// Acquire takes the lease, and waits for it in the order of arrival if it has to. Uncontended it is
// one statement and one round trip.
func (s *LeaseStore) Acquire(ctx context.Context, r lease.Request, w lease.Wait) (lease.Grant, error) {
	q, err := s.newRequest(r)
	if err != nil {
		return lease.Grant{}, err
	}
	start := time.Now()
	until := start.Add(max(w.Timeout, s.opts.Patience))
	grant, err := s.take(ctx, q, w, start, until)
	if err != nil {
		s.abandon(ctx, q)
		return lease.Grant{}, err
	}
	return grant, nil
}

func (s *LeaseStore) newRequest(r lease.Request) (*request, error) {
	id, err := lockID(r.Name)
	if err != nil {
		return nil, err
	}
	if r.Duration < 0 {
		return nil, fmt.Errorf("the duration of the lease on %q is negative: %s", r.Name, r.Duration)
	}
	q := &request{
		op: fmt.Sprintf("acquire the lock %q in %s", r.Name, s.opts.Table), name: r.Name, id: id, duration: r.Duration,
	}
	if q.duration == 0 {
		q.duration = lease.DefaultDuration
	}
	if q.info, err = r.Info.Complete(); err != nil {
		return nil, err
	}
	whole := ""
	if id != r.Name {
		whole = r.Name
	}
	q.data, err = q.info.Encode(whole)
	return q, err
}

func (s *LeaseStore) take(ctx context.Context, q *request, w lease.Wait, start, until time.Time) (lease.Grant, error) {
	o, err := s.try(ctx, q, until)
	switch {
	case err != nil:
		return lease.Grant{}, err
	case o.grant != nil:
		return *o.grant, nil
	case w.Timeout <= 0:
		return lease.Grant{}, q.held(o, start)
	}
	return s.wait(ctx, q, w, o, start)
}

// try runs the statement until it says who has the lock. It may see neither a holder nor a way in: the
// holder's row was not yet there, or gone again, by the time the statement got to it.
func (s *LeaseStore) try(ctx context.Context, q *request, until time.Time) (outcome, error) {
	for n := 1; ; n++ {
		o, err := s.tryOnce(ctx, q, until)
		if err != nil || o.grant != nil || o.holder != nil || o.ahead > 0 || n == 10 || !sleep(ctx, time.Duration(n)*time.Millisecond) {
			return o, err
		}
	}
}

func (s *LeaseStore) tryOnce(ctx context.Context, q *request, until time.Time) (outcome, error) {
	var o outcome
	err := s.persist(ctx, q.op, until, func(ctx context.Context, _ bool) error {
		var fence, later int64
		var err error
		sent := time.Now()
		o, fence, later, err = s.attempt(ctx, q)
		q.unsure = q.unsure || uncertain(err)
		if err != nil || fence == 0 {
			return err
		}
		if later != fence+1 {
			// Somebody drew a fence while this row was being inserted, and may have had the lock with it.
			n, err := s.exec(ctx, s.sql().fence, q.id, fence, later)
			q.unsure = q.unsure || err != nil
			if err != nil || n == 0 {
				return err // without a row it was broken already: there is no grant
			}
			fence = later
		}
		o.grant = &lease.Grant{Name: q.name, Fence: fence, Duration: q.duration, Sent: sent, Info: q.info}
		return nil
	})
	return o, err
}

func (s *LeaseStore) attempt(ctx context.Context, q *request) (o outcome, fence, later int64, err error) {
	if q.ticket == 0 && !q.unsure && !q.contended {
		err = s.queryRow(ctx, s.sql().grab, []any{&fence, &later}, q.id, q.data, seconds(q.duration), q.info.Who, q.info.Operation)
		if !errors.Is(err, pgx.ErrNoRows) {
			return o, fence, later, err
		}
		q.contended = true
	}
	var h heldRow
	var beats int64
	var isHeld bool
	into := append([]any{&fence, &later, &o.waiting, &o.ahead, &o.first.Who, &o.first.Operation, &beats, &isHeld}, h.targets()...)
	err = s.queryRow(ctx, s.sql().acquire, into, q.id, q.data, seconds(q.duration), q.info.Who, q.info.Operation, q.ticket, q.unsure)
	o.beaten = beats > 0
	if o.beaten {
		o.waiting = max(0, o.waiting-1) // it may have been taken for dead before this beat
	}
	if isHeld {
		held := h.held()
		held.Waiting = int(o.waiting)
		o.holder = &held
	}
	return o, fence, later, err
}

// held is the error for a lock that could not be had.
func (q *request) held(o outcome, start time.Time) error {
	return &lease.HeldError{Holder: q.holder(o), Waited: time.Since(start)}
}

func (q *request) holder(o outcome) lease.Held {
	if o.holder != nil {
		return *o.holder
	}
	return lease.Held{Name: q.name, Info: o.first.Printable(), Reserved: true, Waiting: int(o.waiting)}
}

// abandon takes back what an Acquire that fails may have left: a ticket, and the lock itself where
// the answer to a try was lost. What it cannot reach expires.
func (s *LeaseStore) abandon(ctx context.Context, q *request) {
	if !q.unsure && !q.drawn {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Patience)
	defer cancel()
	if q.unsure {
		_ = s.persist(ctx, q.op, s.patience(), func(ctx context.Context, _ bool) error {
			_, err := s.end(ctx, s.sql().undo, q.id, q.data)
			return err
		})
	}
	if q.drawn {
		var told int64
		_ = s.persist(ctx, q.op, s.patience(), func(ctx context.Context, _ bool) error {
			return s.queryRow(ctx, s.sql().leave, []any{&told}, q.id, q.info.ID)
		})
	}
}
