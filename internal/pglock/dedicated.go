package pglock

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Dedicated is one connection of its own, for locks that last as long as it does. It must not lead
// through a pooler that gives every transaction another one.
type Dedicated struct {
	// Conn is the connection; it is not safe for concurrent use.
	Conn     *pgx.Conn
	client   *Client
	database string
}

// Dedicated opens a connection to a database; empty means the maintenance database. The server lists
// it under the application's name, or the client's own if that is empty. The caller closes it.
func (c *Client) Dedicated(ctx context.Context, database, application string) (*Dedicated, error) {
	cfg, err := c.settings.connConfig(database)
	if err != nil {
		return nil, err
	}
	if application == "" {
		application = c.application
	}
	cfg.RuntimeParams["application_name"] = truncate(application, MaxName)
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, c.wrap("connect", database, true, err)
	}
	return &Dedicated{Conn: conn, client: c, database: cfg.Database}, nil
}

// Database is the one that the session is connected to.
func (s *Dedicated) Database() string { return s.database }

// Wrap turns an error of the connection into a *CallError; nil stays nil.
func (s *Dedicated) Wrap(op string, err error) error {
	return s.client.wrap(op, s.database, false, err)
}

// Close ends the session, and with it its locks.
func (s *Dedicated) Close(ctx context.Context) error { return s.Conn.Close(ctx) }
