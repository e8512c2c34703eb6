package pglock

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Database is a database as the server shows it.
type Database struct {
	Name, Owner string
	// Encoding is PostgreSQL's own name of it, such as UTF8.
	Encoding string
	// Collation is the locale that texts are sorted by.
	Collation string
	// Template marks a database that others are copied from.
	Template bool
	// Closed tells that the database takes no connections.
	Closed bool
	// Broken tells that a drop was interrupted: the database can only be dropped again.
	Broken bool
}

// DatabaseSpec says how a database should be.
type DatabaseSpec struct {
	Name string
	// Owner is the role that it belongs to; empty means the user that creates it.
	Owner string
	// Encoding is any of PostgreSQL's names of it; empty means the server's default.
	Encoding string
	// Adopt takes over a database that exists, whatever it holds. Owner and encoding must fit, or be
	// left out.
	Adopt bool
}

// DatabaseResult is what CreateDatabase found or made.
type DatabaseResult struct {
	Database
	// Created tells that groundwork made it, now or in a run that was interrupted.
	Created bool
}

// ExistsError is something that is there already and is not taken over without being told to.
type ExistsError struct {
	// What is "database" or "table", and Name its name.
	What, Name string
	// Reason is why it is not taken for the remains of an interrupted run.
	Reason string
	Target Target
	// Final tells that adopting it is not possible either.
	Final bool
}

// Error implements error.
func (e *ExistsError) Error() string {
	return fmt.Sprintf("the %s %q exists already (%s): %s", e.What, e.Name, e.Target, e.Reason)
}

// Is matches ErrExists.
func (e *ExistsError) Is(target error) bool { return target == ErrExists }

// InspectDatabase reads what the server knows about a database, by way of the maintenance database.
// One that does not exist is ErrNotFound.
func (c *Client) InspectDatabase(ctx context.Context, name string) (Database, error) {
	if err := CheckName("database", name); err != nil {
		return Database{}, err
	}
	var database Database
	err := c.maintain(ctx, func(db *DB) (err error) {
		database, err = db.inspectDatabase(ctx, name)
		return err
	})
	return database, err
}

func (db *DB) inspectDatabase(ctx context.Context, name string) (Database, error) {
	const query = `SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
		coalesce(d.datcollate, ''), d.datistemplate, NOT d.datallowconn, d.datconnlimit = -2
		FROM pg_catalog.pg_database AS d WHERE d.datname = $1`
	var d Database
	err := db.pool.QueryRow(ctx, query, name).Scan(
		&d.Name, &d.Owner, &d.Encoding, &d.Collation, &d.Template, &d.Closed, &d.Broken)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, db.absent("inspect database "+ident(name), fmt.Sprintf("the server has no database %q", name))
	}
	return d, db.wrap("inspect database "+ident(name), err)
}

// absent is an ErrNotFound that the server did not say itself.
func (db *DB) absent(op, text string) error {
	err := errors.New(text)
	return &CallError{Op: op, Target: db.Target(), kind: ErrNotFound, err: err, cause: err, settings: db.client.settings}
}

// CreateDatabase makes a database, or finishes what an interrupted run began: one that fits and
// holds nothing is completed. One that holds anything needs Adopt. It connects through the
// maintenance database, needs the right to create databases and no other.
func (c *Client) CreateDatabase(ctx context.Context, spec DatabaseSpec) (DatabaseResult, error) {
	if err := spec.check(); err != nil {
		return DatabaseResult{}, err
	}
	var result DatabaseResult
	err := c.maintain(ctx, func(db *DB) (err error) {
		result, err = db.createDatabase(ctx, spec)
		return err
	})
	return result, err
}

func (spec DatabaseSpec) check() error {
	if err := CheckName("database", spec.Name); err != nil {
		return err
	}
	if spec.Owner != "" {
		return CheckRole(spec.Owner)
	}
	return nil
}

func (db *DB) createDatabase(ctx context.Context, spec DatabaseSpec) (DatabaseResult, error) {
	for range 2 {
		found, err := db.inspectDatabase(ctx, spec.Name)
		if err == nil {
			return db.takeDatabase(ctx, spec, found)
		}
		if !errors.Is(err, ErrNotFound) {
			return DatabaseResult{}, err
		}
		err = db.makeDatabase(ctx, spec)
		if err == nil {
			made, err := db.inspectDatabase(ctx, spec.Name)
			return DatabaseResult{Database: made, Created: true}, err
		}
		if !errors.Is(err, ErrExists) {
			return DatabaseResult{}, err
		}
		// Somebody else made it between the two statements.
	}
	return DatabaseResult{}, db.absent("create database "+ident(spec.Name), "it exists and does not exist: somebody creates and drops it at the same time")
}

// makeDatabase copies template0 and not template1: what people put into template1 has no place in
// a lock database, and template1 cannot be copied while anybody is connected to it.
func (db *DB) makeDatabase(ctx context.Context, spec DatabaseSpec) error {
	op := "create database " + ident(spec.Name)
	rights, err := db.rights(ctx, spec.Owner)
	if err != nil {
		return err
	}
	if err := rights.mayOwn(db, op, spec.Owner); err != nil {
		return err
	}
	sql := "CREATE DATABASE " + ident(spec.Name) + " TEMPLATE template0"
	if spec.Owner != "" {
		sql += " OWNER " + ident(spec.Owner)
	}
	if spec.Encoding != "" {
		encoding, err := db.encoding(ctx, op, spec.Encoding)
		if err != nil {
			return err
		}
		sql += " ENCODING '" + encoding + "'"
	}
	_, err = db.pool.Exec(ctx, sql)
	err = db.remedy(op, err, "ALTER ROLE "+me+" CREATEDB")
	if call := (*CallError)(nil); spec.Encoding != "" && errors.As(err, &call) && call.Code == "42704" {
		return &ConfigError{Field: "encoding", Problem: fmt.Sprintf("%s is an encoding for clients and not for a database; UTF8 is the usual one", spec.Encoding)}
	}
	return err
}

// encoding asks the server for its own name of an encoding, which is safe in a statement.
func (db *DB) encoding(ctx context.Context, op, name string) (string, error) {
	var encoding string
	err := db.pool.QueryRow(ctx, "SELECT pg_catalog.pg_encoding_to_char(pg_catalog.pg_char_to_encoding($1))", cleanEncoding(name)).Scan(&encoding)
	if err != nil {
		return "", db.wrap(op, err)
	}
	if encoding == "" || strings.ContainsFunc(encoding, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	}) {
		return "", &ConfigError{Field: "encoding", Problem: fmt.Sprintf("the server knows no encoding %q; UTF8 is the usual one", name)}
	}
	return encoding, nil
}

// me and here stand for the user and the database in a remedy. No name can hold a zero byte.
const (
	me   = "\x00u"
	here = "\x00d"
)

func (db *DB) fill(remedy string) string {
	target := db.Target()
	return strings.NewReplacer(me, ident(target.User), here, ident(target.Database)).Replace(remedy)
}

// remedy adds the SQL that gives a missing right.
func (db *DB) remedy(op string, err error, sql string) error {
	err = db.wrap(op, err)
	var call *CallError
	if errors.As(err, &call) && errors.Is(err, ErrDenied) {
		call.Remedy = db.fill(sql)
	}
	return err
}

// takeDatabase decides on a database that exists.
func (db *DB) takeDatabase(ctx context.Context, spec DatabaseSpec, found Database) (DatabaseResult, error) {
	refuse := func(final bool, format string, args ...any) (DatabaseResult, error) {
		return DatabaseResult{}, &ExistsError{
			What: "database", Name: spec.Name, Target: db.Target(), Final: final, Reason: fmt.Sprintf(format, args...),
		}
	}
	switch {
	case found.Broken:
		return refuse(true, "a drop of it was interrupted, so that nobody can connect to it; drop it again: DROP DATABASE %s", ident(spec.Name))
	case found.Template:
		return refuse(true, "it is a template for other databases; choose another name")
	case spec.Encoding != "" && !SameEncoding(spec.Encoding, found.Encoding):
		return refuse(true, "its encoding is %s and not %s, and an encoding cannot be changed; leave the encoding out, or choose another name", found.Encoding, spec.Encoding)
	}
	if spec.Adopt {
		return db.adoptDatabase(ctx, spec, found)
	}
	rights, err := db.rights(ctx, found.Owner)
	if err != nil {
		return DatabaseResult{}, err
	}
	wanted := spec.Owner
	if wanted == "" {
		wanted = rights.User
	}
	if found.Owner != wanted {
		return refuse(false, "it belongs to %q and not to %q, so no interrupted run of groundwork made it", found.Owner, wanted)
	}
	if found.Closed {
		return refuse(false, "it takes no connections, so nobody can say what it holds")
	}
	content, err := db.client.databaseContent(ctx, spec.Name)
	switch {
	case err != nil:
		return DatabaseResult{}, err
	case len(content.foreign) > 0:
		return refuse(false, "it holds %s", summary(content.foreign))
	case len(content.tables) > 0:
		return refuse(false, "it holds the lock table %s", content.tables[0])
	}
	return DatabaseResult{Database: found, Created: true}, nil
}

func (db *DB) adoptDatabase(ctx context.Context, spec DatabaseSpec, found Database) (DatabaseResult, error) {
	if spec.Owner != "" && spec.Owner != found.Owner {
		if err := db.alterOwner(ctx, spec.Name, spec.Owner); err != nil {
			return DatabaseResult{}, err
		}
		found.Owner = spec.Owner
	}
	return DatabaseResult{Database: found}, nil
}

// AlterOwner gives a database to another role.
func (c *Client) AlterOwner(ctx context.Context, name, owner string) error {
	if err := (DatabaseSpec{Name: name, Owner: owner}).check(); err != nil {
		return err
	}
	if owner == "" {
		return CheckRole(owner)
	}
	return c.maintain(ctx, func(db *DB) error { return db.alterOwner(ctx, name, owner) })
}

func (db *DB) alterOwner(ctx context.Context, name, owner string) error {
	op := "alter owner of database " + ident(name)
	rights, err := db.rights(ctx, owner)
	if err != nil {
		return err
	}
	if err := rights.mayOwn(db, op, owner); err != nil {
		return err
	}
	sql := fmt.Sprintf("ALTER DATABASE %s OWNER TO %s", ident(name), ident(owner))
	_, err = db.pool.Exec(ctx, sql)
	return db.remedy(op, err, sql)
}

// rights are what the user may do with another role.
type rights struct {
	User      string
	Superuser bool
	// Exists and Member are about the other role: whether there is one, and whether the user may act
	// as it.
	Exists, Member bool
}

// rights asks about the user and another role. Nothing in it needs more than a login.
func (db *DB) rights(ctx context.Context, role string) (rights, error) {
	// Since PostgreSQL 16 being a member is not enough to give something to a role: SET is.
	privilege := "MEMBER"
	if db.server.Version >= 160000 {
		privilege = "SET"
	}
	const query = `SELECT current_user::text, u.rolsuper, o.oid IS NOT NULL,
		o.oid IS NOT NULL AND pg_catalog.pg_has_role(u.oid, o.oid, $2)
		FROM pg_catalog.pg_roles AS u LEFT JOIN pg_catalog.pg_roles AS o ON o.rolname = $1 WHERE u.rolname = current_user`
	var r rights
	err := db.pool.QueryRow(ctx, query, role, privilege).Scan(&r.User, &r.Superuser, &r.Exists, &r.Member)
	return r, db.wrap("read the rights of the user", err)
}

// mayOwn says beforehand what the server would say in fewer words.
func (r rights) mayOwn(db *DB, op, owner string) error {
	switch {
	case owner == "":
		return nil
	case !r.Exists:
		return db.absent(op, fmt.Sprintf("the server has no role %q to be the owner", owner))
	case r.Superuser || r.Member:
		return nil
	}
	err := fmt.Errorf("user %q may not give a database to %q, because it is no member of that role", r.User, owner)
	grant := db.fill(fmt.Sprintf("GRANT %s TO "+me, ident(owner)))
	return &CallError{
		Op: op, Target: db.Target(), kind: ErrDenied, err: err, cause: err, settings: db.client.settings, Remedy: grant,
	}
}
