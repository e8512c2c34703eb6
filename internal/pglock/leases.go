package pglock

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Lease is a row of a lock table that is held now.
type Lease struct {
	LockID string
	// Holder and Operation say who holds it and what for; empty where others than groundwork took
	// the lock.
	Holder, Operation string
	// Data is what the holder wrote beside it.
	Data string
	// Fence is the number of the lease; 0 where others than groundwork took the lock.
	Fence int64
	// AcquiredAt is zero where others than groundwork took the lock.
	AcquiredAt time.Time
	// Expires and Left are zero for a lock that is held without an end (Endless). Left is by the
	// database's clock.
	Expires time.Time
	Left    time.Duration
	Endless bool
}

// String writes who holds what for how long.
func (l Lease) String() string {
	text := fmt.Sprintf("%q", l.LockID)
	if l.Holder != "" {
		text += " held by " + l.Holder
	}
	if l.Operation != "" {
		text += " for " + l.Operation
	}
	if l.Endless {
		return text + ", without an end"
	}
	return text + ", for another " + l.Left.Round(time.Second).String()
}

// LiveLeaseError is a table that is not dropped because somebody holds a lock in it.
type LiveLeaseError struct {
	Table  Table
	Target Target
	Leases []Lease
}

// Error implements error.
func (e *LiveLeaseError) Error() string {
	var names []string
	for _, l := range e.Leases[:min(len(e.Leases), shown)] {
		names = append(names, l.String())
	}
	if more := len(e.Leases) - shown; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("the lock table %s (%s) has %d live leases: %s", e.Table, e.Target, len(e.Leases), strings.Join(names, "; "))
}

// Is matches ErrInUse.
func (e *LiveLeaseError) Is(target error) bool { return target == ErrInUse }

// LiveLeases lists the locks that are held now, by the database's clock: their lease has not
// expired, or has no end.
func (db *DB) LiveLeases(ctx context.Context, table Table) ([]Lease, error) {
	if err := table.Check(); err != nil {
		return nil, err
	}
	var leases []Lease
	op := "list the live leases of " + table.String()
	err := db.inTx(ctx, op, reading, func(tx pgx.Tx) (err error) {
		leases, err = liveLeases(ctx, tx, table)
		return err
	})
	return leases, db.remedy(op, err, "GRANT SELECT ON TABLE "+table.String()+" TO "+me)
}

// liveLeases reads the columns that groundwork adds by way of JSON, so that a table without them
// is read as well. Times come as numbers, which no setting of a session spells differently.
func liveLeases(ctx context.Context, tx pgx.Tx, table Table) ([]Lease, error) {
	query := `SELECT l.lockid::text, coalesce(l.data, ''), coalesce(j.doc->>'holder', ''), coalesce(j.doc->>'operation', ''),
		coalesce((j.doc->>'fence')::bigint, 0),
		coalesce(extract(epoch FROM (j.doc->>'acquired_at')::timestamptz), 0)::float8,
		CASE WHEN isfinite(l.leaseexpires) THEN extract(epoch FROM l.leaseexpires) ELSE 0 END::float8,
		CASE WHEN isfinite(l.leaseexpires) THEN extract(epoch FROM l.leaseexpires - clock_timestamp()) ELSE 0 END::float8,
		l.leaseexpires IS NULL OR NOT isfinite(l.leaseexpires)
		FROM ` + table.sql() + ` AS l CROSS JOIN LATERAL (SELECT to_jsonb(l)) AS j(doc)
		WHERE l.leaseexpires IS NULL OR l.leaseexpires > clock_timestamp() ORDER BY 1`
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Lease, err error) {
		var acquired, expires, left float64
		err = row.Scan(&l.LockID, &l.Data, &l.Holder, &l.Operation, &l.Fence, &acquired, &expires, &left, &l.Endless)
		l.AcquiredAt, l.Expires = fromEpoch(acquired), fromEpoch(expires)
		l.Left = fromSeconds(left)
		return l, err
	})
}

func fromEpoch(seconds float64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(math.Round(fraction*1e6))*1e3).UTC()
}

// fromSeconds caps what a Duration cannot hold: a lease may end in the year 9999.
func fromSeconds(seconds float64) time.Duration {
	if seconds >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}
