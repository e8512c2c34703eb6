package pglock

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// NoLockTableError is a table that lacks what leases need, or is not there.
type NoLockTableError struct {
	Table  Table
	Target Target

	err        error
	mayBePlain bool
	// unrepaired is why what is missing could not be added; nil where that was not tried.
	unrepaired error
}

// Error implements error.
func (e *NoLockTableError) Error() string {
	text := fmt.Sprintf("no leases can be taken in the table %s (%s): %v", e.Table, e.Target, answer(e.err))
	var shape *ShapeError
	var call *CallError
	switch {
	case errors.As(e.unrepaired, &shape):
		return shape.Error()
	case e.absent() || e.unrepaired == nil:
		return text
	case errors.As(e.unrepaired, &call):
		return text + "; it could not be added: " + answer(call.cause)
	}
	return text + "; it could not be added: " + e.unrepaired.Error()
}

// answer is what the server said, as in CallError.
func answer(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	return plainCause(err)
}

// Is matches ErrNotFound, or for a table that is there and cannot be mended what keeps it from that.
func (e *NoLockTableError) Is(target error) bool {
	if e.unrepaired == nil || e.absent() {
		return target == ErrNotFound
	}
	return errors.Is(e.unrepaired, target)
}

// Unwrap gives the driver's error.
func (e *NoLockTableError) Unwrap() error { return e.err }

// absent tells that there is no such table at all.
func (e *NoLockTableError) absent() bool { return errors.Is(e.unrepaired, ErrNotFound) }

func (e *NoLockTableError) hint() string {
	const provider = "with groundwork_state_lock_table"
	switch {
	case e.absent():
		return fmt.Sprintf("Check the database, the schema and the name of the table. If there is none yet, make it %s, or by hand:\n  CREATE TABLE %s (LockID VARCHAR(255) PRIMARY KEY, Data TEXT, LeaseExpires TIMESTAMP WITH TIME ZONE);", provider, e.Table.sql())
	case e.unrepaired != nil:
		hint := Hint(e.unrepaired)
		if errors.Is(e.unrepaired, ErrDenied) {
			return "A table that was made by hand gets what it lacks from the first groundwork exec of a user who may add it, or from groundwork_state_lock_table with adopt_existing = true and grants for all others. " + hint
		}
		return hint
	}
	return "Make the table " + provider + ", or take over with adopt_existing = true one that was made by hand: it keeps its rows and gets the columns that are missing. If it is there, check the database, the schema and the table that are named."
}

// repair adds to the table what it lacks, and reports whether to try again. It is done once, and who
// comes meanwhile waits for it. Why the table cannot be mended is added to the error.
func (s *LeaseStore) repair(ctx context.Context, err error) bool {
	var unfit *NoLockTableError
	if !errors.As(err, &unfit) || !s.opts.Repair {
		return false
	}
	s.repairs.Do(func() { _, s.unrepaired = s.db.RepairTable(ctx, TableSpec{Table: s.opts.Table}) })
	unfit.unrepaired = s.unrepaired
	return s.unrepaired == nil
}
