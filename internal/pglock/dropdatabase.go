package pglock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// DropDatabaseOptions say what a drop may do to others.
type DropDatabaseOptions struct {
	// Disconnect cuts off the sessions that others have in the database.
	Disconnect bool
}

// Session is somebody's connection.
type Session struct {
	PID               int32
	User, Application string
	// Client is the address, and State what it does; both are empty where the user may not see them.
	Client, State string
}

// String writes who it is.
func (s Session) String() string {
	text := fmt.Sprintf("user %q, application %q", s.User, s.Application)
	if s.Client != "" {
		text += ", from " + s.Client
	}
	if s.State != "" {
		text += ", " + s.State
	}
	return text
}

// InUseError is a database that is not dropped because others are connected to it.
type InUseError struct {
	Database string
	Target   Target
	Sessions []Session
}

// Error implements error.
func (e *InUseError) Error() string {
	var names []string
	for _, s := range e.Sessions[:min(len(e.Sessions), shown)] {
		names = append(names, s.String())
	}
	if more := len(e.Sessions) - shown; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("the database %q (%s) has %d other connections: %s",
		e.Database, e.Target, len(e.Sessions), strings.Join(names, "; "))
}

// Is matches ErrInUse.
func (e *InUseError) Is(target error) bool { return target == ErrInUse }

// DropDatabase drops a database that holds nothing but groundwork's own tables, without a live
// lease in any of them. One that does not exist is dropped already.
func (c *Client) DropDatabase(ctx context.Context, name string, opts DropDatabaseOptions) error {
	if err := CheckName("database", name); err != nil {
		return err
	}
	return c.maintain(ctx, func(db *DB) error { return db.dropDatabase(ctx, name, opts) })
}

func (db *DB) dropDatabase(ctx context.Context, name string, opts DropDatabaseOptions) error {
	found, err := db.inspectDatabase(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case name == db.database:
		return &ConfigError{Field: "postgres_maintenance_database", Problem: fmt.Sprintf(
			"%q is the database to be dropped, which cannot be done from within it; name another one that exists", name)}
	case found.Template:
		return &ConfigError{Field: "name", Problem: fmt.Sprintf("%q is a template for other databases and is not dropped", name)}
	}
	// One that is broken has lost its content already.
	if !found.Broken {
		if err := db.droppable(ctx, found); err != nil {
			return err
		}
	}
	if err := db.emptySessions(ctx, name, opts); err != nil {
		return err
	}
	sql := "DROP DATABASE " + ident(name)
	if opts.Disconnect {
		sql += " WITH (FORCE)"
	}
	op := "drop database " + ident(name)
	_, err = db.pool.Exec(ctx, sql)
	err = db.remedy(op, err, fmt.Sprintf("ALTER DATABASE %s OWNER TO "+me, ident(name)))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// droppable refuses a database whose content somebody may miss.
func (db *DB) droppable(ctx context.Context, found Database) error {
	if found.Closed {
		return &ConfigError{Field: "name", Problem: fmt.Sprintf(
			"the database %q takes no connections, so nobody can say what would be lost; first run ALTER DATABASE %s ALLOW_CONNECTIONS true",
			found.Name, ident(found.Name))}
	}
	inside, err := db.client.Connect(ctx, found.Name)
	if err != nil {
		return err
	}
	defer inside.Close()
	content, err := inside.content(ctx)
	if err != nil {
		return err
	}
	if len(content.foreign) > 0 {
		return &ForeignContentError{Database: found.Name, Target: db.Target(), Objects: content.foreign}
	}
	for _, table := range content.tables {
		live, err := inside.LiveLeases(ctx, table)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			return &LiveLeaseError{Table: table, Target: inside.Target(), Leases: live}
		}
	}
	return nil
}

// emptySessions ends what a pooler kept of this client's own connections, and refuses to go on
// while others are connected, unless it is allowed to cut them off.
func (db *DB) emptySessions(ctx context.Context, name string, opts DropDatabaseOptions) error {
	// A session that ends takes a moment to leave the list: others get half a second, and what is
	// our own and ended here gets longer.
	const courtesy, patience = 500 * time.Millisecond, 5 * time.Second
	started := time.Now()
	deadline, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		others, own, err := db.sessions(ctx, name)
		switch {
		case err != nil:
			return err
		case opts.Disconnect, len(others) == 0 && own == 0:
			return nil
		case len(others) > 0 && time.Since(started) > courtesy:
			return &InUseError{Database: name, Target: db.Target(), Sessions: others}
		}
		const end = `SELECT count(pg_catalog.pg_terminate_backend(a.pid)) FROM pg_catalog.pg_stat_activity AS a
			WHERE a.datname = $1 AND a.application_name = $2 AND a.usename = current_user AND a.pid <> pg_catalog.pg_backend_pid()`
		if _, err := db.pool.Exec(ctx, end, name, db.client.application); err != nil {
			return db.wrap("end the own sessions in database "+ident(name), err)
		}
		select {
		case <-deadline.Done():
			return nil // the server says who is still there
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sessions lists the connections to a database. Background workers have no user, and the server
// ends them itself.
func (db *DB) sessions(ctx context.Context, name string) (others []Session, own int, err error) {
	const query = `SELECT a.pid, coalesce(a.usename, '')::text, coalesce(a.application_name, ''),
		coalesce(pg_catalog.host(a.client_addr), ''), coalesce(a.state, ''),
		a.application_name = $2 AND a.usename = current_user
		FROM pg_catalog.pg_stat_activity AS a
		WHERE a.datname = $1 AND a.usesysid IS NOT NULL AND a.pid <> pg_catalog.pg_backend_pid() ORDER BY a.pid`
	rows, err := db.pool.Query(ctx, query, name, db.client.application)
	if err == nil {
		var s Session
		var mine bool
		_, err = pgx.ForEachRow(rows, []any{&s.PID, &s.User, &s.Application, &s.Client, &s.State, &mine}, func() error {
			if mine {
				own++
			} else {
				others = append(others, s)
			}
			return nil
		})
	}
	return others, own, db.wrap("list the sessions in database "+ident(name), err)
}
