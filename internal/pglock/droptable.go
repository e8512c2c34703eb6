package pglock

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// NotOursError is a table that groundwork neither made nor adopted, and therefore does not drop.
type NotOursError struct {
	Table  Table
	Target Target
}

// Error implements error.
func (e *NotOursError) Error() string {
	return fmt.Sprintf("the table %s (%s) was neither made nor adopted by groundwork", e.Table, e.Target)
}

// DropTable drops a lock table with its waiters and its fences, and its schema if groundwork made
// that and nothing else is in it. A live lease is a LiveLeaseError. A table that is gone is dropped
// already.
func (db *DB) DropTable(ctx context.Context, table Table) error {
	if err := table.Check(); err != nil {
		return err
	}
	table = table.withDefaults()
	op := "drop table " + table.String()
	return db.inTx(ctx, op, changing, func(tx pgx.Tx) error {
		if err := exclusive(ctx, tx); err != nil {
			return err
		}
		s, err := readState(ctx, tx, table, nil)
		if err != nil {
			return err
		}
		if s.main.exists {
			if err := db.mayDrop(ctx, tx, s); err != nil {
				return err
			}
		}
		steps := s.dropSteps()
		if done, err := run(ctx, tx, steps); err != nil {
			failed := steps[min(done, len(steps)-1)]
			return db.remedy(op+", "+failed.sql, err, failed.remedy)
		}
		return db.dropSchema(ctx, tx, s)
	})
}

// mayDrop keeps everybody else out of the table and then looks for leases: none can begin between
// the look and the drop.
func (db *DB) mayDrop(ctx context.Context, tx pgx.Tx, s *tableState) error {
	if s.main.kind != "r" || !s.managed() {
		return &NotOursError{Table: s.table, Target: db.Target()}
	}
	owner := fmt.Sprintf("ALTER TABLE %s OWNER TO "+me, s.table.sql())
	if _, err := tx.Exec(ctx, "LOCK TABLE "+s.table.sql()+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return db.remedy("lock table "+s.table.sql()+" before it is dropped", err, owner)
	}
	live, err := liveLeases(ctx, tx, s.table)
	if err != nil {
		return db.remedy("look for live leases in "+s.table.sql(), err, owner)
	}
	if len(live) > 0 {
		return &LiveLeaseError{Table: s.table, Target: db.Target(), Leases: live}
	}
	return nil
}

// dropSteps drops what is there. Nothing is dropped by CASCADE: what others have built on the table
// is theirs.
func (s *tableState) dropSteps() []step {
	var steps []step
	add := func(kind, name string) {
		steps = append(steps, step{sql: fmt.Sprintf("DROP %s %s", kind, name), remedy: fmt.Sprintf("ALTER %s %s OWNER TO "+me, kind, name)})
	}
	if s.main.exists {
		add("TABLE", s.table.sql())
	}
	if s.waiters.comment == markWaiters {
		add("TABLE", s.table.waitersSQL())
	}
	if s.fence.comment == markFence {
		add("SEQUENCE", s.table.fenceSQL())
	}
	return steps
}

func (db *DB) dropSchema(ctx context.Context, tx pgx.Tx, s *tableState) error {
	if s.schemaComment != markSchema {
		return nil
	}
	// A schema of another owner stays: the table is what was to be dropped.
	const query = `SELECT pg_has_role(n.nspowner, 'MEMBER') AND NOT EXISTS (SELECT FROM pg_depend AS d
		WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid) FROM pg_namespace AS n WHERE n.nspname = $1`
	var drop bool
	if err := tx.QueryRow(ctx, query, s.table.Schema).Scan(&drop); err != nil || !drop {
		return err
	}
	sql := "DROP SCHEMA " + ident(s.table.Schema)
	_, err := tx.Exec(ctx, sql)
	return db.remedy(sql, err, fmt.Sprintf("ALTER SCHEMA %s OWNER TO "+me, ident(s.table.Schema)))
}
