package pglock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// persist runs a statement until it has an answer, over lost connections and servers that restart,
// until a time. try is told whether an earlier try may have been carried out after all. The error
// is one of this package.
func (s *LeaseStore) persist(ctx context.Context, op string, until time.Time, try func(ctx context.Context, again bool) error) error {
	pause, again, hushed, mended := time.Duration(0), false, false, false
	for {
		loud := !s.mute.Load()
		attempt, cancel := context.WithTimeout(ctx, s.opts.Attempt)
		failure := try(attempt, again)
		cancel()
		again = again || uncertain(failure)
		err := s.explain(op, failure)
		if hushed && refusal(err) {
			s.mute.Store(false) // NOTIFY was not what is missing or not allowed
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			// The caller's end of patience, not that of this attempt.
			return s.db.wrap(op, context.Cause(ctx))
		case loud && !hushed && refusal(err):
			s.mute.Store(true)
			hushed = true
			continue
		case !mended && s.repair(ctx, err):
			mended = true
			continue
		case !transient(err) || !time.Now().Add(pause).Before(until):
			return err
		}
		if errors.Is(err, ErrLost) || errors.Is(err, ErrReadOnly) {
			s.db.pool.Reset() // the others came from the same server
		}
		if !sleep(ctx, pause) {
			return s.db.wrap(op, context.Cause(ctx))
		}
		pause = min(max(2*pause, 20*time.Millisecond), time.Second)
	}
}

// sleep waits between half of a time and all of it, so that those who were cut off together do not
// come back together.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(jitter(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) // #nosec G404 -- nobody is to be surprised
}

// transient failures go away by themselves: a server that restarts or fails over, a connection that
// broke, others that were in the way. A pooler says the same of all of them; that its first
// connection was let in is known.
func transient(err error) bool {
	for _, kind := range []error{ErrLost, ErrNotReady, ErrRefused, ErrUnreachable, ErrTimeout, ErrTooManyConnections, ErrReadOnly, ErrUnknownHost} {
		if errors.Is(err, kind) {
			return true
		}
	}
	var call *CallError
	if !errors.As(err, &call) {
		return false
	}
	switch call.Code {
	case "40001", "40P01", protocolViolation, "XX000": // XX000: a failover in the middle, on some services
		return true
	}
	return false
}

// uncertain tells that a statement which failed may have been carried out: its answer was lost. A server
// that answers with an error has taken everything back, unless it speaks of the connection's end.
func uncertain(err error) bool {
	var connect *pgconn.ConnectError
	if err == nil || errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return false
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true
	}
	for _, kind := range []string{"08", "57P", "58", "XX"} { // connections, the server's end, systems and proxies in trouble
		if strings.HasPrefix(pg.Code, kind) {
			return true
		}
	}
	return cmp.Or(pg.SeverityUnlocalized, pg.Severity) != "ERROR"
}

// explain makes errors of this package.
func (s *LeaseStore) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "42703" || pg.Code == "3F000") {
		return &NoLockTableError{Table: s.opts.Table, Target: s.db.Target(), err: err, mayBePlain: pg.Code != "3F000"}
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return s.db.client.wrap(op, s.db.database, true, err)
	}
	t := s.opts.Table
	return s.db.remedy(op, err, fmt.Sprintf(
		"GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE %s, %s TO %s; GRANT USAGE ON SEQUENCE %s TO %s", t.sql(), t.waitersSQL(), me, t.fenceSQL(), me))
}

// refusal is what a database says that has no NOTIFY, or a role that may not use it. Which function or
// table it means stands in its text only: whether the statement succeeds without NOTIFY tells.
func refusal(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case "42883", "0A000", "42501": // no such function, not supported, not allowed
		return true
	}
	return false
}

func (s *LeaseStore) query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	s.statements.Add(1)
	return s.db.pool.Query(ctx, sql, args...)
}

func (s *LeaseStore) queryRow(ctx context.Context, sql string, into []any, args ...any) error {
	s.statements.Add(1)
	return s.db.pool.QueryRow(ctx, sql, args...).Scan(into...)
}

func (s *LeaseStore) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	s.statements.Add(1)
	tag, err := s.db.pool.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}
