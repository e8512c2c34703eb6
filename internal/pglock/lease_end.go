package pglock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Renew prolongs the lease by its duration from now on. Over lost connections it goes on until the
// lease ends. A lease that has expired and that nobody took is renewed as well.
func (s *LeaseStore) Renew(ctx context.Context, g lease.Grant) (lease.Grant, error) {
	id, err := lockID(g.Name)
	if err != nil {
		return lease.Grant{}, err
	}
	op := fmt.Sprintf("renew the lease on %q in %s", g.Name, s.opts.Table)
	var n int64
	err = s.persist(ctx, op, g.Deadline(), func(ctx context.Context, _ bool) error {
		g.Sent = time.Now()
		n, err = s.exec(ctx, s.sql().renew, id, g.Fence, seconds(g.Duration))
		return err
	})
	switch {
	case err != nil:
		return lease.Grant{}, err
	case n == 0:
		return lease.Grant{}, s.lost(ctx, id, g)
	}
	return g, nil
}

// Release gives the lease back and tells the first of those who wait. Over lost connections it goes
// on for as long as the lease lasts.
func (s *LeaseStore) Release(ctx context.Context, g lease.Grant) error {
	id, err := lockID(g.Name)
	if err != nil {
		return err
	}
	op := fmt.Sprintf("release the lock %q in %s", g.Name, s.opts.Table)
	var gone bool
	unsure, intime := false, time.Now().Before(g.Deadline())
	err = s.persist(ctx, op, later(g.Deadline(), s.patience()), func(ctx context.Context, again bool) (err error) {
		unsure = again
		gone, err = s.end(ctx, s.sql().release, id, g.Fence)
		return err
	})
	s.news.released(id)
	switch {
	case err != nil:
		return err
	case gone:
		return nil
	case unsure && intime:
		// An earlier try did it and its answer was lost, or the lease has ended since. Either way it was
		// the caller's until it was to be given back, unless it was broken before: a row that is gone
		// tells nobody.
		return nil
	}
	return s.lost(ctx, id, g)
}

// end gives a lock back that has this fence or these data, and tells whether there was one.
func (s *LeaseStore) end(ctx context.Context, sql, id string, which any) (gone bool, err error) {
	var told bool
	err = s.queryRow(ctx, sql, []any{&told}, id, which)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// lost finds out what became of a lease, as far as one try tells.
func (s *LeaseStore) lost(ctx context.Context, id string, g lease.Grant) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Attempt)
	defer cancel()
	now, err := s.look(ctx, id)
	if err != nil {
		now = nil // that it is lost is known, and matters more
	}
	return &lease.LostError{Name: g.Name, Fence: g.Fence, Now: now}
}

// Break removes exactly the lock that was seen: one that has expired, or with force also a live one.
// A lock that was taken in this table keeps being the same one when it is renewed. Where the answer was
// lost, Break finds out whether it was this call that removed the lock, or somebody else.
func (s *LeaseStore) Break(ctx context.Context, seen lease.Held, force bool) error {
	id, err := lockID(seen.Name)
	if err != nil {
		return err
	}
	op, call := fmt.Sprintf("break the lock %q in %s", seen.Name, s.opts.Table), rand.Text()
	var same, gone, told int64
	unsure, proven := false, false
	err = s.persist(ctx, op, s.patience(), func(ctx context.Context, again bool) error {
		unsure = again
		return s.queryRow(ctx, s.sql().remove, []any{&same, &gone, &told}, id, seen.Data, seen.Fence, endOf(seen), force, call)
	})
	if err == nil && gone == 0 && unsure {
		err = s.persist(ctx, op, s.patience(), func(ctx context.Context, _ bool) error {
			return s.queryRow(ctx, s.sql().removed, []any{&proven}, call)
		})
	}
	switch {
	case err != nil:
		return err
	case gone > 0 || proven:
		s.forget(ctx, op, call)
		return nil
	}
	return s.unbroken(ctx, op, id, seen, same > 0 && !force)
}

// forget takes away the proof of a break, as far as that can be had: what stays is swept by those who wait.
func (s *LeaseStore) forget(ctx context.Context, op, call string) {
	_ = s.persist(ctx, op, s.patience(), func(ctx context.Context, _ bool) error {
		_, err := s.exec(ctx, s.sql().forget, call)
		return err
	})
}

// unbroken says why a lock was not broken; it may have been live.
func (s *LeaseStore) unbroken(ctx context.Context, op, id string, seen lease.Held, live bool) error {
	var now *lease.Held
	err := s.persist(ctx, op, s.patience(), func(ctx context.Context, _ bool) (err error) {
		now, err = s.look(ctx, id)
		return err
	})
	switch {
	case err != nil:
		return err
	case now == nil:
		return fmt.Errorf("%w: nobody holds %q any more", lease.ErrChanged, seen.Name)
	case live && now.Fence == seen.Fence && now.Data == seen.Data:
		return &lease.HeldError{Holder: *now}
	}
	return fmt.Errorf("%w: now %s holds %q (fence %d)", lease.ErrChanged, now.Who(), seen.Name, now.Fence)
}
