package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	locks        = "locks"
	lockDatabase = "pulumi_state_lock"
)

// makeLocks makes what people used to make by hand with three commands.
func (q *quickstart) makeLocks(ctx context.Context) error {
	if q.database == nil {
		return nil
	}
	q.begin("A lock table on PostgreSQL, for what has no lock of its own",
		"The server is there; the database, the table and its index are not.")
	if _, err := q.succeed(ctx, locks, "init"); err != nil {
		return err
	}
	output, err := q.succeed(ctx, locks, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	if err := q.show(output, "Apply complete!", "table ="); err != nil {
		return err
	}
	return q.watchLocks(ctx)
}

// watchLocks runs the statement that people watch their lock tables with, as they have written it.
func (q *quickstart) watchLocks(ctx context.Context) error {
	const statement = "SELECT * FROM pulumi_state_locks WHERE LeaseExpires < NOW();"
	conn, err := q.database.Connect(ctx, lockDatabase)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	expired, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	if len(expired) > 0 {
		return fmt.Errorf("%s: %d rows in a table that was made just now", statement, len(expired))
	}
	q.out.item("%s", statement)
	q.out.text("The statement that finds stuck locks works on it, and finds none.")
	return nil
}
