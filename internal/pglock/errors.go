package pglock

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"reflect"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// The kinds of failure that callers act on. Test with errors.Is.
var (
	// ErrRefused means that nothing listens at the address.
	ErrRefused = errors.New("connection refused")
	// ErrUnreachable means that there is no way to the address.
	ErrUnreachable = errors.New("not reachable")
	// ErrTimeout means that the server did not answer in time.
	ErrTimeout = errors.New("timed out")
	// ErrUnknownHost means that the host name has no address.
	ErrUnknownHost = errors.New("unknown host")
	// ErrPassword means that the server does not take the password, or does not know the user.
	ErrPassword = errors.New("password refused")
	// ErrNotAdmitted means that the server's access rules keep this user out.
	ErrNotAdmitted = errors.New("not admitted by the server's access rules")
	// ErrNoTLS means that TLS was asked for and the server does not speak it.
	ErrNoTLS = errors.New("the server does not offer TLS")
	// ErrUnknownAuthority means that the server's certificate is signed by somebody unknown.
	ErrUnknownAuthority = errors.New("certificate of an unknown authority")
	// ErrHostMismatch means that the server's certificate is for another host.
	ErrHostMismatch = errors.New("certificate for another host")
	// ErrCertificate means that the server's certificate is not valid for another reason.
	ErrCertificate = errors.New("invalid certificate")
	// ErrClientCertificate means that the server does not take the client's certificate, or lacks it.
	ErrClientCertificate = errors.New("client certificate refused")
	// ErrTooManyConnections means that the server has no place for another connection.
	ErrTooManyConnections = errors.New("too many connections")
	// ErrNotReady means that the server is starting or stopping.
	ErrNotReady = errors.New("the server is starting or stopping")
	// ErrLost means that the connection broke: what was asked may have been done.
	ErrLost = errors.New("connection lost")
	// ErrNotFound means that the database, schema, table or role does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists means that something of that name exists and is not what was asked for.
	ErrExists = errors.New("already exists")
	// ErrDenied means that the user lacks a right.
	ErrDenied = errors.New("permission denied")
	// ErrInUse means that sessions or other objects use it.
	ErrInUse = errors.New("in use")
	// ErrReadOnly means that the server takes no writes.
	ErrReadOnly = errors.New("read only")
)

// Target says which server, database and user an error is about.
type Target struct {
	Host, Port, Database, User string
}

// String names them in one line.
func (t Target) String() string {
	return fmt.Sprintf("host %s, port %s, database %q, user %q", t.Host, t.Port, t.Database, t.User)
}

// CallError is a connection or a statement that failed, with all that the reader needs to find out
// why. It never holds a password.
type CallError struct {
	// Op is what was done, such as "connect" or "create table public.pulumi_state_locks".
	Op string
	Target
	// Code is the server's SQLSTATE; empty when it never answered.
	Code string
	// Remedy is the SQL that gives a missing right, or empty.
	Remedy string

	kind error
	err  error
	// cause is the part of err that gave the kind: of several hosts, each failed in its own way.
	cause error
	// settings say where each was found, for hints about a wrong one.
	settings  Settings
	clientTLS bool
	// connecting tells that there was no connection yet.
	connecting bool
	// maintenance tells that the database is the one that others are created from.
	maintenance bool
}

// Error says what failed, on what, and why.
func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): ", e.Op, e.Target)
	var pg *pgconn.PgError
	switch {
	case errors.As(e.err, &pg):
		b.WriteString(pg.Message)
		if pg.Detail != "" {
			b.WriteString(": " + pg.Detail)
		}
		fmt.Fprintf(&b, " (SQLSTATE %s)", pg.Code)
	case errors.Is(e.err, context.Canceled):
		b.WriteString("it was interrupted")
	case e.kind != nil:
		b.WriteString(e.kind.Error())
		if cause := plainCause(e.cause); cause != e.kind.Error() {
			b.WriteString(": " + cause)
		}
	default:
		b.WriteString(plainCause(e.cause))
	}
	return b.String()
}

// Unwrap gives the driver's error.
func (e *CallError) Unwrap() error { return e.err }

// Is matches the failure's kind.
func (e *CallError) Is(target error) bool { return e.kind != nil && target == e.kind }

// plainCause is the innermost sentence: the driver's own chain repeats address, user and database.
func plainCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// responsible finds the one of several joined errors that has the kind.
func responsible(err, kind error, connecting bool) error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		joined, ok := inner.(interface{ Unwrap() []error }) //nolint:errorlint // walking the chain
		if !ok {
			continue
		}
		errs := joined.Unwrap()
		for _, one := range errs {
			if classify(one, connecting) == kind { //nolint:errorlint // kinds are compared as such
				return responsible(one, kind, connecting)
			}
		}
		if len(errs) > 0 {
			return errs[0]
		}
	}
	return err
}

// classify names the kind of a failure by its SQLSTATE and types.
func classify(err error, connecting bool) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return byState(pg, connecting)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return nil // the caller gave up: nothing is known about the server
	case errors.Is(err, errTLSNotOffered):
		return ErrNoTLS
	}
	if kind := byCertificate(err); kind != nil {
		return kind
	}
	return byNetwork(err, connecting)
}

func byState(pg *pgconn.PgError, connecting bool) error {
	switch pg.Code {
	case protocolViolation:
		if connecting {
			return ErrNotAdmitted // PgBouncer, which tells a wrong password from nothing else
		}
		return nil
	case "28P01":
		return ErrPassword
	case "28000":
		return ErrNotAdmitted
	case "53300":
		return ErrTooManyConnections
	case "57P03":
		return ErrNotReady
	case "57P01", "57P02", "57P05", "08006", "08003", "25P03":
		if connecting {
			return ErrNotReady
		}
		return ErrLost
	case "57014", "55P03":
		return ErrTimeout
	case "3D000", "3F000", "42P01", "42704":
		return ErrNotFound
	case "42P04", "42P06", "42P07", "42710", "23505":
		return ErrExists
	case "42501":
		return ErrDenied
	case "55006", "2BP01", "0LP01":
		return ErrInUse
	case "25006":
		return ErrReadOnly
	}
	return nil
}

func byCertificate(err error) error {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &authority):
		return ErrUnknownAuthority
	case errors.As(err, &host):
		return ErrHostMismatch
	case errors.As(err, &invalid), errors.As(err, &verify):
		return ErrCertificate
	case isCertificateAlert(err):
		return ErrClientCertificate
	}
	return nil
}

// isCertificateAlert recognises that the server ended the TLS session over the client's
// certificate. crypto/tls keeps the type of a received alert to itself: it is a number.
func isCertificateAlert(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return false
	}
	alert := reflect.ValueOf(op.Err)
	if alert.Kind() != reflect.Uint8 {
		return false
	}
	switch alert.Uint() {
	case 42, 43, 44, 45, 46, 48, 116: // bad, unsupported, revoked, expired, unknown, unknown authority, required
		return true
	}
	return false
}

func byNetwork(err error, connecting bool) error {
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return ErrUnknownHost
	case isRefused(err), connecting && errors.Is(err, fs.ErrNotExist): // a socket that is not there
		return ErrRefused
	case isUnreachable(err):
		return ErrUnreachable
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err), errors.As(err, &netErr) && netErr.Timeout():
		return ErrTimeout
	case isLost(err):
		return ErrLost
	}
	return nil
}

func isLost(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, syscall.EPIPE) || errors.As(err, &op)
}

// wrap turns an error of the driver into a *CallError; nil and errors of this package stay as they
// are.
func (c *Client) wrap(op, database string, connecting bool, err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	// pgx's own error holds the whole configuration, with the password.
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		err = connect.Unwrap()
	}
	kind := classify(err, connecting)
	e := &CallError{
		Op: op, Target: c.Target(database), kind: kind, err: err, cause: responsible(err, kind, connecting),
		settings: c.settings, clientTLS: c.hasClientCertificate(), connecting: connecting,
	}
	e.maintenance = database == "" || database == c.settings.MaintenanceDatabase() && database != c.settings.LockDatabase()
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		e.Code = pg.Code
	}
	return e
}

func isOurs(err error) bool {
	var (
		call    *CallError
		name    *NameError
		config  *ConfigError
		exists  *ExistsError
		shape   *ShapeError
		live    *LiveLeaseError
		foreign *ForeignContentError
		use     *InUseError
		others  *NotOursError
		nothing *NoLockTableError
	)
	return errors.As(err, &call) || errors.As(err, &name) || errors.As(err, &config) || errors.As(err, &exists) ||
		errors.As(err, &shape) || errors.As(err, &live) || errors.As(err, &foreign) || errors.As(err, &use) || errors.As(err, &others) ||
		errors.As(err, &nothing)
}
