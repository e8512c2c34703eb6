package pglock

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// MayDropDatabase says whether DropDatabase would refuse for what the database holds, without
// dropping it. One that does not exist may be dropped.
func (c *Client) MayDropDatabase(ctx context.Context, name string) error {
	if err := CheckName("database", name); err != nil {
		return err
	}
	return c.maintain(ctx, func(db *DB) error {
		found, err := db.inspectDatabase(ctx, name)
		switch {
		case errors.Is(err, ErrNotFound):
			return nil
		case err != nil:
			return err
		case found.Broken:
			return nil
		}
		return db.droppable(ctx, found)
	})
}

// MayDropTable says whether DropTable would refuse, without locking or dropping the table. One that
// does not exist may be dropped.
func (db *DB) MayDropTable(ctx context.Context, table Table) error {
	if err := table.Check(); err != nil {
		return err
	}
	table = table.withDefaults()
	return db.inTx(ctx, "look at table "+table.String(), reading, func(tx pgx.Tx) error {
		s, err := readState(ctx, tx, table, nil)
		switch {
		case err != nil:
			return err
		case !s.main.exists:
			return nil
		case s.main.kind != "r" || !s.managed():
			return &NotOursError{Table: table, Target: db.Target()}
		}
		live, err := liveLeases(ctx, tx, table)
		if err == nil && len(live) > 0 {
			err = &LiveLeaseError{Table: table, Target: db.Target(), Leases: live}
		}
		return err
	})
}
