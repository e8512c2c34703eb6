package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Connect opens a connection as Superuser, for tests that arrange and check what the code under
// test must do with a connection of its own. The caller closes it.
func (s *Server) Connect(ctx context.Context, database string) (*pgx.Conn, error) {
	return s.connect(ctx, s.Port, database)
}

func (s *Server) connect(ctx context.Context, port int, database string) (*pgx.Conn, error) {
	// Nothing but the port comes from the outside, so the text needs no quoting.
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s sslmode=disable", s.Host, port, Superuser))
	if err != nil {
		return nil, err
	}
	cfg.Password, cfg.Database = s.Password, database
	cfg.RuntimeParams = map[string]string{"application_name": "groundwork test"} // none of the caller's
	cfg.Fallbacks, cfg.ConnectTimeout = nil, 10*time.Second
	return pgx.ConnectConfig(ctx, cfg)
}

// ready is true once the server takes its own random password.
func (s *Server) ready(ctx context.Context, port int) error {
	conn, err := s.connect(ctx, port, "postgres")
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Exec runs one or more statements as Superuser in a database.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	conn, err := s.Connect(ctx, database)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

// Role is a role of the server with its password.
type Role struct {
	Name, Password string
}

// CreateRole makes a role that can log in, with a password of its own. The attributes and the
// groups to be in are SQL, such as "CREATEDB IN ROLE groundwork_tls".
func (s *Server) CreateRole(ctx context.Context, name, attributes string) (Role, error) {
	role := Role{Name: name, Password: password()}
	sql := fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s' %s", pgx.Identifier{name}.Sanitize(), role.Password, attributes)
	if err := s.Exec(ctx, "postgres", sql); err != nil {
		return Role{}, fmt.Errorf("creating the role %s: %w", name, err)
	}
	return role, nil
}

// CreateDatabase makes a database that belongs to a role.
func (s *Server) CreateDatabase(ctx context.Context, name, owner string) error {
	sql := fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE template0",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{owner}.Sanitize())
	if err := s.Exec(ctx, "postgres", sql); err != nil {
		return fmt.Errorf("creating the database %s: %w", name, err)
	}
	return nil
}
