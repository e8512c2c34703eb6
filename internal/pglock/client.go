package pglock

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxConns   = 4
	startPause = 200 * time.Millisecond
)

// Client reaches one PostgreSQL server. It holds no connection: Connect opens them.
type Client struct {
	settings Settings
	// application is what the server lists its sessions under. The end is chance, so that sessions
	// of this client are told from those of another run.
	application string
}

// New checks settings and makes a client; it connects to nothing.
func New(settings Settings) (*Client, error) {
	cfg, err := settings.connConfig("")
	if err != nil {
		return nil, err
	}
	name := cfg.RuntimeParams["application_name"]
	if name == "" {
		name = "groundwork"
	}
	mark := " " + strings.ToLower(rand.Text()[:10])
	return &Client{settings: settings, application: truncate(name, MaxName-len(mark)) + mark}, nil
}

func truncate(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// Format implements fmt.Formatter, so that no verb prints a secret.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.Target("").String()) }

// Target says which server, database and user the client stands for; an empty database is the
// maintenance database.
func (c *Client) Target(database string) Target {
	cfg, err := c.settings.connConfig(database)
	if err != nil {
		return Target{Database: database}
	}
	hosts, ports := []string{cfg.Host}, []string{strconv.Itoa(int(cfg.Port))}
	for _, fallback := range cfg.Fallbacks {
		port := strconv.Itoa(int(fallback.Port))
		if !slices.Contains(hosts, fallback.Host) || !slices.Contains(ports, port) {
			hosts, ports = append(hosts, fallback.Host), append(ports, port)
		}
	}
	return Target{
		Host: strings.Join(hosts, ","), Port: strings.Join(slices.Compact(ports), ","),
		Database: cfg.Database, User: cfg.User,
	}
}

// hasClientCertificate tells whether a certificate was given that the server may ask for. pgx reads one
// that is in a file when it connects, and does not show it before.
func (c *Client) hasClientCertificate() bool {
	cfg, err := c.settings.connConfig("")
	return err == nil && cfg.TLSConfig != nil && c.settings.text("sslcert") != ""
}

// DB is a small pool of connections to one database. The caller closes it.
type DB struct {
	client   *Client
	pool     *pgxpool.Pool
	database string
	server   ServerInfo
}

// ServerInfo is what a connection shows of its server.
type ServerInfo struct {
	// Version is the server's version number, such as 150018 for 15.18.
	Version int
	// Encrypted tells that the connection uses TLS, and Verified that the server's certificate was
	// checked against an authority. A connection by Unix socket is neither.
	Encrypted, Verified bool
	// Local tells that the connection does not leave the machine.
	Local bool
}

// placeholder makes a pool configuration, which pgx wants to have made itself. It gives all that the
// environment could give wrongly; a socket needs no TLS files.
const placeholder = "host=/ port=1 user=x connect_timeout=1 target_session_attrs=any min_protocol_version=3.0 " +
	"max_protocol_version=3.0 channel_binding=prefer sslcertmode=allow require_auth=''"

// Connect opens a connection to a database; empty means the maintenance database. A server that is
// still starting is waited for, as long as the connect timeout says.
func (c *Client) Connect(ctx context.Context, database string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(placeholder)
	if err != nil {
		return nil, parseError(err)
	}
	if cfg.ConnConfig, err = c.settings.connConfig(database); err != nil {
		return nil, err
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = c.application
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = maxConns, 0, 0
	cfg.MaxConnIdleTime = time.Minute
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, c.wrap("connect", database, true, err)
	}
	db := &DB{client: c, pool: pool, database: cfg.ConnConfig.Database}
	if err := db.greet(ctx, cfg.ConnConfig); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// greet makes the first connection.
func (db *DB) greet(ctx context.Context, cfg *pgx.ConnConfig) error {
	deadline, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	for {
		// Not the deadline: each host of a list has the whole timeout to itself.
		conn, err := db.pool.Acquire(ctx)
		if err == nil {
			db.server = serverInfo(conn.Conn(), cfg)
			conn.Release()
			return nil
		}
		err = db.client.wrap("connect", db.database, true, err)
		if !errors.Is(err, ErrNotReady) {
			return err
		}
		select {
		case <-deadline.Done():
			return err
		case <-time.After(startPause):
		}
	}
}

func serverInfo(conn *pgx.Conn, cfg *pgx.ConnConfig) ServerInfo {
	info := ServerInfo{Version: parseVersion(conn.PgConn().ParameterStatus("server_version"))}
	remote := conn.PgConn().Conn().RemoteAddr()
	info.Local = remote.Network() == "unix" || isLoopback(remote.String())
	if _, ok := conn.PgConn().Conn().(*tls.Conn); ok {
		info.Encrypted = true
		info.Verified = cfg.TLSConfig != nil && (!cfg.TLSConfig.InsecureSkipVerify || cfg.TLSConfig.VerifyPeerCertificate != nil)
	}
	return info
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// parseVersion makes 150018 of "15.18 (Debian 15.18-0+deb12u1)", and 0 of what it does not know.
func parseVersion(text string) int {
	number, _, _ := strings.Cut(text, " ")
	major, minor, _ := strings.Cut(number, ".")
	digits := func(s string) int {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end >= 0 {
			s = s[:end]
		}
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		return n
	}
	return digits(major)*10000 + digits(minor)
}

// Close ends all connections.
func (db *DB) Close() { db.pool.Close() }

// Server tells what the connection shows of its server.
func (db *DB) Server() ServerInfo { return db.server }

// Target says which server, database and user this is.
func (db *DB) Target() Target { return db.client.Target(db.database) }

// Format implements fmt.Formatter, so that no verb prints a secret.
func (db *DB) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, db.Target().String()) }

func (db *DB) wrap(op string, err error) error { return db.client.wrap(op, db.database, false, err) }

// inTx runs fn in one transaction. Names are looked up in pg_catalog alone, whatever the role's
// search_path says: nothing that somebody created can stand in for a function or a type.
func (db *DB) inTx(ctx context.Context, op string, mode pgx.TxOptions, fn func(pgx.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, mode)
	if err != nil {
		return db.wrap(op, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	if err := fn(tx); err != nil {
		return db.wrap(op, err)
	}
	return db.wrap(op+", commit", tx.Commit(ctx))
}

// ownNames makes a transaction look names up in pg_catalog alone.
const ownNames = "; SET LOCAL search_path TO pg_catalog, pg_temp"

// reading is a transaction that sees one moment.
var reading = pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + ownNames}

// changing sees what others have committed as soon as it has the lock that keeps them out. It is
// said, since a role can have another default.
var changing = pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE" + ownNames}

// maintain runs fn on a connection to the maintenance database.
func (c *Client) maintain(ctx context.Context, fn func(*DB) error) error {
	db, err := c.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(db)
}
