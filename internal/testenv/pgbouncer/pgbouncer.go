// Package pgbouncer puts PgBouncer in transaction mode in front of a PostgreSQL server of package
// postgres: the way in where a session is not one, so that prepared statements, session locks and
// LISTEN do not work.
//
// It asks the server itself for passwords, so every role of the server can come in, and every
// database of the server is reachable.
package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// Server is a running PgBouncer.
type Server struct {
	// Host is 127.0.0.1.
	Host string
	Port int

	dir      string
	process  *proc.Process
	stopOnce sync.Once
	stopErr  error
}

// NotInstalledError says that there is no PgBouncer on this machine, and how to get one.
type NotInstalledError struct{}

// Error implements error.
func (e *NotInstalledError) Error() string {
	install := "install it with your package manager"
	switch runtime.GOOS {
	case "linux":
		install = "apt-get install pgbouncer (dnf install pgbouncer on Fedora and Red Hat)"
	case "darwin":
		install = "brew install pgbouncer"
	}
	return "PgBouncer is not installed: " + install
}

// find looks on PATH and where packages put programs for administrators, which PATH may lack.
func find() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer", "/usr/local/bin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &NotInstalledError{}
}

// Start starts PgBouncer in front of a server and waits until it leads there. The context bounds
// that; it runs until Stop.
func Start(ctx context.Context, upstream *postgres.Server) (*Server, error) {
	path, err := find()
	if err != nil {
		return nil, err
	}
	sys, give, err := postgres.RunAs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "groundwork-pgb-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for PgBouncer: %w", err)
	}
	s := &Server{Host: "127.0.0.1", dir: dir}
	users := filepath.Join(dir, "users.txt")
	if err := os.WriteFile(users, fmt.Appendf(nil, "%q %q\n", postgres.Superuser, upstream.Password), 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	server := proc.Server{
		Name: "PgBouncer", Path: path, Dir: dir, Sys: sys,
		Env: proc.CleanEnv(dir), Secrets: []string{upstream.Password},
		Args: func(port int) []string {
			// A file that cannot be written shows when PgBouncer does not find it.
			ini := filepath.Join(dir, strconv.Itoa(port)+".ini")
			_ = os.WriteFile(ini, []byte(configuration(upstream, users, port)), 0o600)
			_ = give(dir, users, ini)
			return []string{ini}
		},
		Ready: func(ctx context.Context, port int) error { return ready(ctx, port, upstream.Password) },
	}
	if s.process, err = server.Start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.Port = s.process.Port()
	return s, nil
}

func configuration(upstream *postgres.Server, users string, port int) string {
	lines := []string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%d", upstream.Host, upstream.Port),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1", "listen_port = " + strconv.Itoa(port), "unix_socket_dir =",
		"pool_mode = transaction", "max_client_conn = 100", "default_pool_size = 10",
		"auth_type = scram-sha-256", "auth_file = " + users, "auth_user = " + postgres.Superuser,
		"auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename=$1",
		"server_round_robin = 1", // a session's transactions go to different connections
		"log_connections = 0", "log_disconnections = 0",
	}
	if upstream.CAFile != "" {
		lines = append(lines, "server_tls_sslmode = verify-full", "server_tls_ca_file = "+upstream.CAFile)
	}
	return strings.Join(lines, "\n") + "\n"
}

// ready is true once a statement gets through to the server behind, with its random password.
func ready(ctx context.Context, port int, password string) error {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable", port, postgres.Superuser))
	if err != nil {
		return err
	}
	cfg.Password, cfg.Fallbacks, cfg.ConnectTimeout = password, nil, 10*time.Second
	cfg.RuntimeParams = nil // none of the caller's
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "SELECT 1")
	return errors.Join(err, conn.Close(ctx))
}

// Addr returns host:port of PgBouncer.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Log returns the end of what PgBouncer printed.
func (s *Server) Log() string { return s.process.Log() }

// Stop ends PgBouncer. It is safe to call more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { s.stopErr = errors.Join(s.process.Stop(), os.RemoveAll(s.dir)) })
	return s.stopErr
}
