package pglock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// changeLock is the key of the advisory transaction lock that keeps changes of lock tables of one
// database apart. Terraform's pg backend uses small and negative keys.
const changeLock = 0x67726f756e64776b

const attempts = 3

// step is one statement of a change.
type step struct {
	// what it adds, for reports: such as "column holder".
	what string
	sql  string
	// remedy is the SQL that gives the right to do it.
	remedy string
}

// TableResult is what a change of a lock table did.
type TableResult struct {
	Table Table
	// Created tells that groundwork made the table, now or in a run that was interrupted. Otherwise
	// it was there and is adopted.
	Created bool
	// Changes are what was added or taken away, such as "column holder".
	Changes []string
}

// CreateTable makes a lock table, or finishes what an interrupted run began, or adopts a table that
// exists. It is one transaction: a connection that is cut off leaves either everything or nothing,
// and in both cases the same call goes on from there.
func (db *DB) CreateTable(ctx context.Context, spec TableSpec) (TableResult, error) {
	return db.change(ctx, "create table", spec, func(tx pgx.Tx, s *tableState) error {
		return db.mayTake(ctx, tx, spec, s)
	})
}

// RepairTable adds what a lock table lacks: columns, an index, the waiters, the fences, grants. A
// table that is gone is ErrNotFound, and one that has other columns is a ShapeError.
func (db *DB) RepairTable(ctx context.Context, spec TableSpec) (TableResult, error) {
	return db.change(ctx, "repair table", spec, func(_ pgx.Tx, s *tableState) error {
		if !s.main.exists {
			return db.absent("repair table "+spec.String(), "the table does not exist")
		}
		return nil
	})
}

func (db *DB) change(ctx context.Context, verb string, spec TableSpec, may func(pgx.Tx, *tableState) error) (TableResult, error) {
	if err := spec.check(); err != nil {
		return TableResult{}, err
	}
	spec.Table = spec.withDefaults()
	op := verb + " " + spec.String()
	var result TableResult
	var err error
	for range attempts {
		err = db.inTx(ctx, op, changing, func(tx pgx.Tx) (err error) {
			result, err = db.converge(ctx, tx, op, spec, may)
			return err
		})
		if !repeatable(err) {
			break
		}
	}
	return result, err
}

// repeatable tells that somebody without the lock was in the way, and that the next look may find
// what they did.
func repeatable(err error) bool {
	var call *CallError
	if !errors.As(err, &call) {
		return false
	}
	return call.Code == "40P01" || call.Code == "40001" || errors.Is(err, ErrExists)
}

// converge looks, decides, adds what is missing, and looks again.
func (db *DB) converge(ctx context.Context, tx pgx.Tx, op string, spec TableSpec, may func(pgx.Tx, *tableState) error) (TableResult, error) {
	if err := exclusive(ctx, tx); err != nil {
		return TableResult{}, err
	}
	roles := slices.Concat(spec.Grants, spec.Revoke)
	state, err := readState(ctx, tx, spec.Table, roles)
	if err != nil {
		return TableResult{}, err
	}
	if err := db.checkState(op, spec, state); err != nil {
		return TableResult{}, err
	}
	if err := may(tx, state); err != nil {
		return TableResult{}, err
	}
	result := TableResult{Table: spec.Table, Created: !state.main.exists || state.main.comment == markTable}
	// Grants are planned by what there is, so they come in the second round.
	for range 2 {
		steps, err := state.steps(ctx, tx, spec)
		if err != nil {
			return TableResult{}, err
		}
		if len(steps) == 0 {
			return result, nil
		}
		if done, err := run(ctx, tx, steps); err != nil {
			failed := steps[min(done, len(steps)-1)]
			return TableResult{}, db.remedy(strings.TrimSuffix(op+", "+failed.what, ", "), err, failed.remedy)
		}
		for _, s := range steps {
			if s.what != "" {
				result.Changes = append(result.Changes, s.what)
			}
		}
		if state, err = readState(ctx, tx, spec.Table, roles); err != nil {
			return TableResult{}, err
		}
	}
	return result, db.settled(ctx, tx, op, spec, state)
}

// settled makes sure that the server did what it was told: a GRANT without the right to grant is no
// error to PostgreSQL.
func (db *DB) settled(ctx context.Context, tx pgx.Tx, op string, spec TableSpec, state *tableState) error {
	left, err := state.steps(ctx, tx, spec)
	if err != nil || len(left) == 0 {
		return err
	}
	err = fmt.Errorf("the server took the statement without an error and did not carry it out: %s", left[0].sql)
	return &CallError{
		Op: op + ", " + left[0].what, Target: db.Target(), kind: ErrDenied, err: err, cause: err,
		settings: db.client.settings, Remedy: db.fill(left[0].remedy),
	}
}

// exclusive keeps other changes out until the transaction ends. After that, waiting for those who
// hold locks would make everybody else wait behind this transaction, so it does not wait long.
func exclusive(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(
		"SET LOCAL lock_timeout TO '60s'; SELECT pg_advisory_xact_lock(%d); SET LOCAL lock_timeout TO '10s'", changeLock))
	return err
}

// checkState refuses what no change can mend.
func (db *DB) checkState(op string, spec TableSpec, state *tableState) error {
	if problems := state.problems(); len(problems) > 0 {
		return &ShapeError{Table: spec.Table, Target: db.Target(), Problems: problems}
	}
	for _, role := range spec.Grants {
		if !state.roles[role].exists {
			return db.absent(op, fmt.Sprintf("the server has no role %q to grant to", role))
		}
	}
	return nil
}

// mayTake decides on a table that exists.
func (db *DB) mayTake(ctx context.Context, tx pgx.Tx, spec TableSpec, s *tableState) error {
	reason := ""
	switch {
	case spec.Adopt:
		return nil
	case s.main.exists && !s.managed():
		reason = "groundwork did not make it"
	case s.main.exists && s.main.comment != markTable:
		reason = "it was there before groundwork adopted it"
	case s.main.exists:
		var rows int64
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM "+spec.sql()).Scan(&rows); err != nil {
			return db.remedy("count the rows of "+spec.String(), err, "GRANT SELECT ON TABLE "+spec.sql()+" TO "+me)
		}
		if rows == 0 {
			return nil // a run was interrupted after it had committed
		}
		reason = fmt.Sprintf("it holds %d rows", rows)
	case s.waiters.exists && s.waiters.comment != markWaiters, s.fence.exists && s.fence.comment != markFence:
		reason = fmt.Sprintf("%s or %s beside it is there already, and groundwork did not make it", spec.waitersSQL(), spec.fenceSQL())
	default:
		return nil
	}
	return &ExistsError{What: "table", Name: spec.String(), Reason: reason, Target: db.Target()}
}

// steps lists what is missing, in the order in which it has to be added.
func (s *tableState) steps(ctx context.Context, tx pgx.Tx, spec TableSpec) ([]step, error) {
	var first int64
	if !s.fence.exists {
		var err error
		if first, err = s.firstFence(ctx, tx); err != nil {
			return nil, err
		}
	}
	steps := s.objectSteps(first)
	if len(steps) == 0 {
		return s.grantSteps(spec), nil
	}
	return steps, nil
}

// objectSteps add the table and what belongs to it; the first fence is given. The index comes last:
// whoever owns the table and may not create in its schema is refused the table beside it first, which
// shows what is missing.
func (s *tableState) objectSteps(first int64) []step {
	return slices.Concat(s.tableSteps(), s.besideSteps(first), s.indexSteps())
}

// tableSteps is about the table itself.
func (s *tableState) tableSteps() []step {
	var steps []step
	schema, table := ident(s.table.Schema), s.table.sql()
	if !s.schemaExists {
		remedy := "GRANT CREATE ON DATABASE " + here + " TO " + me
		steps = append(steps,
			step{what: "schema " + schema, sql: "CREATE SCHEMA " + schema, remedy: remedy},
			step{sql: comment("SCHEMA "+schema, markSchema)})
	}
	mayCreate := fmt.Sprintf("GRANT CREATE, USAGE ON SCHEMA %s TO "+me, schema)
	mayAlter := fmt.Sprintf("ALTER TABLE %s OWNER TO "+me, table)
	if !s.main.exists {
		steps = append(steps,
			step{what: "table " + table, sql: fmt.Sprintf("CREATE TABLE %s (%s)", table, definitions(tableColumns)), remedy: mayCreate},
			step{sql: comment("TABLE "+table, markTable)},
			// Whatever the grants: nobody has used it yet.
			step{sql: "REVOKE ALL ON TABLE " + table + " FROM PUBLIC"})
	} else {
		steps = append(steps, columnSteps(table, s.mainColumns, tableColumns, mayAlter)...)
	}
	return steps
}

// indexSteps is about the index that people have made by hand.
func (s *tableState) indexSteps() []step {
	if s.expiryIndexed() {
		return nil
	}
	var steps []step
	table := s.table.sql()
	mayAlter := fmt.Sprintf("ALTER TABLE %s OWNER TO "+me, table)
	if slices.ContainsFunc(s.mainIndexes, func(i indexState) bool { return i.name == s.table.index() }) {
		steps = append(steps, step{sql: "DROP INDEX " + ident(s.table.Schema, s.table.index()), remedy: mayAlter}) // never finished
	}
	steps = append(steps, step{
		what:   "index " + ident(s.table.index()),
		sql:    fmt.Sprintf("CREATE INDEX %s ON %s (leaseexpires)", ident(s.table.index()), table),
		remedy: mayAlter,
	})
	return steps
}

func columnSteps(table string, have []columnState, want []column, remedy string) []step {
	var steps []step
	for _, w := range want {
		if !slices.ContainsFunc(have, func(c columnState) bool { return c.name == w.name }) {
			steps = append(steps, step{
				what: "column " + w.name, sql: fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", table, w.name, w.definition), remedy: remedy,
			})
		}
	}
	return steps
}

// besideSteps is about the waiters and the fences, of which the first is given.
func (s *tableState) besideSteps(first int64) []step {
	var steps []step
	waiters, fence := s.table.waitersSQL(), s.table.fenceSQL()
	mayCreate := fmt.Sprintf("GRANT CREATE, USAGE ON SCHEMA %s TO "+me, ident(s.table.Schema))
	mayAlter := fmt.Sprintf("ALTER TABLE %s OWNER TO "+me, waiters)
	if !s.waiters.exists {
		steps = append(steps, step{
			what: "table " + waiters, sql: fmt.Sprintf("CREATE TABLE %s (%s)", waiters, definitions(waitersColumns)), remedy: mayCreate,
		})
	} else {
		steps = append(steps, columnSteps(waiters, s.waitersColumns, waitersColumns, mayAlter)...)
	}
	if s.waiters.comment != markWaiters {
		steps = append(steps, step{sql: comment("TABLE "+waiters, markWaiters), remedy: mayAlter})
	}
	if !slices.ContainsFunc(s.waitersIndexes, func(i indexState) bool {
		return i.valid && i.plain && len(i.keys) >= 2 && i.keys[0] == "lockid" && i.keys[1] == "ticket"
	}) {
		index := ident(s.table.waitersIndex())
		steps = append(steps, step{
			what: "index " + index, sql: fmt.Sprintf("CREATE INDEX %s ON %s (lockid, ticket)", index, waiters), remedy: mayAlter,
		})
	}
	if !s.fence.exists {
		steps = append(steps, step{
			what: "sequence " + fence, sql: fmt.Sprintf("CREATE SEQUENCE %s AS bigint START WITH %d NO CYCLE", fence, first), remedy: mayCreate,
		})
	}
	if s.fence.comment != markFence {
		steps = append(steps, step{sql: comment("SEQUENCE "+fence, markFence), remedy: fmt.Sprintf("ALTER SEQUENCE %s OWNER TO "+me, fence)})
	}
	return steps
}

// firstFence is where a new sequence begins: what was fenced once may be remembered elsewhere, so a
// fence must never come again, not even after the table and its sequence were dropped. The time in
// milliseconds is ahead of any count of locks.
func (s *tableState) firstFence(ctx context.Context, tx pgx.Tx) (first int64, err error) {
	query := "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
	if slices.ContainsFunc(s.mainColumns, func(c columnState) bool { return c.name == "fence" }) {
		query = "SELECT greatest((" + query + "), (SELECT max(fence) + 1 FROM " + s.table.sql() + "))"
	}
	err = tx.QueryRow(ctx, query).Scan(&first)
	return first, err
}

func comment(on, text string) string {
	return fmt.Sprintf("COMMENT ON %s IS '%s'", on, strings.ReplaceAll(text, "'", "''"))
}
