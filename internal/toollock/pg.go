package toollock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

// PGStates says where a pg backend keeps its states.
type PGStates struct {
	// Database is the maintenance database of the client when empty.
	Database string
	// Schema and Table are terraform_remote_state and states when empty; only OpenTofu has others
	// for the table.
	Schema, Table string
}

func (s PGStates) schema() string { return cmp.Or(s.Schema, "terraform_remote_state") }
func (s PGStates) table() string  { return cmp.Or(s.Table, "states") }
func (s PGStates) sql() string    { return pgx.Identifier{s.schema(), s.table()}.Sanitize() }

// terraformCreation is the lock that Terraform, and OpenTofu before 1.10, take while a state has no
// row yet.
const terraformCreation = -1

// creationLocks are those that keep others from making a row: Terraform knows one for the whole
// database, OpenTofu since 1.10 one for each table. groundwork takes both, and so keeps both tools
// out.
func (s PGStates) creationLocks() []int64 {
	hash := fnv.New32()
	_, _ = hash.Write([]byte(s.schema() + "\x00" + s.table())) // it never fails
	return []int64{terraformCreation, -int64(hash.Sum32())}
}

// PG is the lock of the pg backend: an advisory lock of a database session on the number of the
// state's row, or on a fixed one while the state has no row.
//
// It protects one state from runs of Terraform, OpenTofu and groundwork. The numbers are those of
// the whole database, so two backends in one database can also keep each other out without need.
// It ends with the session, however the holder dies, at the latest when the server notices that the
// connection is dead. It holds nothing through a pooler that gives every transaction another
// session, and is lost in a failover, which the tools do not notice. The database does not know who
// the holder is beyond the session: user, address and application_name (PGAPPNAME). So `terraform
// force-unlock` cannot help: `groundwork locks break ID --force` ends the session. A tool that lives
// on connects again and writes without a lock: end it first.
type PG struct {
	client *pglock.Client
	states PGStates
	name   string
}

// NewPG is the lock of a workspace; empty means the default one.
func NewPG(client *pglock.Client, states PGStates, workspace string) *PG {
	return &PG{client: client, states: states, name: cmp.Or(workspace, "default")}
}

// Kind implements Place.
func (p *PG) Kind() Kind { return KindPG }

// String implements Place.
func (p *PG) String() string { return p.url(p.states.Database) }

// url has no user and no password.
func (p *PG) url(database string) string {
	target := p.client.Target(database)
	return fmt.Sprintf("postgres://%s:%s/%s/%s.%s/%s", target.Host, target.Port, target.Database, p.states.schema(), p.states.table(), p.name)
}

// application is how the session of a holder is listed. Terraform's own sessions have none unless
// PGAPPNAME gives one.
const application = "groundwork lock"

// Acquire implements Place. The lock lasts as long as its connection.
func (p *PG) Acquire(ctx context.Context, info lease.Info) (*Grant, error) {
	info = complete(info, p.String())
	name := strings.TrimSpace(fmt.Sprintf("%s %.8s %s %s", application, info.ID, info.Operation, info.Who))
	session, err := p.client.Dedicated(ctx, p.states.Database, name)
	if err != nil {
		return nil, err
	}
	number, err := p.take(ctx, session)
	if err == nil && number == 0 {
		var held []Lock
		if held, err = p.inspect(ctx, session); err == nil {
			if len(held) == 0 {
				held = []Lock{p.lock()} // given back just now: the caller may try again
			}
			err = &HeldError{Locks: held}
		}
	}
	if err != nil {
		return nil, errors.Join(err, session.Close(context.WithoutCancel(ctx)))
	}
	l := p.lock()
	l.Info, l.Since, l.PID, l.version = info, info.Created, int(session.Conn.PgConn().PID()), fmt.Sprint(number)
	grant := &Grant{Lock: l, release: func(ctx context.Context) error {
		var still bool
		err := session.Conn.QueryRow(ctx, "SELECT pg_catalog.pg_advisory_unlock($1)", number).Scan(&still)
		if closeErr := session.Close(ctx); err == nil && !still {
			err = lost(l)
		} else if err == nil {
			err = closeErr
		} else {
			err = errors.Join(lost(l), session.Wrap("release the lock of "+p.name, err))
		}
		return err
	}}
	return grant.keep(), nil
}

// take returns the number that was locked, or 0 if somebody else has the lock.
func (p *PG) take(ctx context.Context, session *pglock.Dedicated) (int64, error) {
	op := "lock the state " + p.name + " in " + p.states.sql()
	var id int64
	err := session.Conn.QueryRow(ctx, "SELECT id FROM "+p.states.sql()+" WHERE name = $1", p.name).Scan(&id)
	missing := errors.Is(err, pgx.ErrNoRows) || errors.Is(session.Wrap(op, err), pglock.ErrNotFound)
	if err != nil && !missing {
		return 0, session.Wrap(op, err)
	}
	try := func(number int64) (got bool, err error) {
		err = session.Conn.QueryRow(ctx, "SELECT pg_catalog.pg_try_advisory_lock($1)", number).Scan(&got)
		return got, session.Wrap(op, err)
	}
	if !missing {
		if got, err := try(id); err != nil || !got {
			return 0, err
		}
	}
	// Who makes a row holds a creation lock, whatever the row's number will be.
	for _, number := range p.states.creationLocks() {
		if got, err := try(number); err != nil || !got {
			return 0, err
		}
	}
	if missing {
		return terraformCreation, nil
	}
	for _, number := range p.states.creationLocks() {
		if _, err := session.Conn.Exec(ctx, "SELECT pg_catalog.pg_advisory_unlock($1)", number); err != nil {
			return 0, session.Wrap(op, err)
		}
	}
	return id, nil
}

func (p *PG) lock() Lock {
	return Lock{Kind: KindPG, Place: p.String(), Protects: p.String(), at: p}
}

// Inspect implements Place.
func (p *PG) Inspect(ctx context.Context) ([]Lock, error) {
	session, err := p.client.Dedicated(ctx, p.states.Database, "")
	if err != nil {
		return nil, err
	}
	locks, err := p.inspect(ctx, session)
	return locks, errors.Join(err, session.Close(context.WithoutCancel(ctx)))
}

func (p *PG) inspect(ctx context.Context, session *pglock.Dedicated) ([]Lock, error) {
	all, err := pgLocks(ctx, p.client, p.states, session)
	var mine []Lock
	for _, l := range all {
		if place, ok := l.at.(*PG); ok && (place.name == p.name || place.name == creating) {
			mine = append(mine, l)
		}
	}
	return mine, err
}

// creating stands for the workspace of a creation lock, which the database does not know.
const creating = "(a new workspace)"

// All shows the locks on all states of the backend.
func (p *PG) All(ctx context.Context) ([]Lock, error) { return PGLocks(ctx, p.client, p.states) }

// PGLocks lists the locks on the states of a pg backend.
func PGLocks(ctx context.Context, client *pglock.Client, states PGStates) ([]Lock, error) {
	session, err := client.Dedicated(ctx, states.Database, "")
	if err != nil {
		return nil, err
	}
	locks, err := pgLocks(ctx, client, states, session)
	return locks, errors.Join(err, session.Close(context.WithoutCancel(ctx)))
}

// heldLocks are the advisory locks of the database by their number. The columns about a session of
// somebody else are NULL for those who may not see them.
const heldLocks = `SELECT ((l.classid::bigint << 32) | l.objid::bigint) AS number, l.pid,
	coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(host(a.client_addr), ''),
	coalesce(extract(epoch FROM a.backend_start), 0)::float8, coalesce((extract(epoch FROM a.backend_start) * 1000000)::bigint::text, '')
	FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
	WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
	AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
	AND l.pid <> pg_backend_pid() ORDER BY 1 DESC, 2`

func pgLocks(ctx context.Context, client *pglock.Client, states PGStates, session *pglock.Dedicated) ([]Lock, error) {
	op := "list the locks of " + states.sql()
	names, err := stateNames(ctx, states, session)
	if err != nil {
		return nil, session.Wrap(op, err)
	}
	for _, number := range states.creationLocks() {
		names[number] = creating
	}
	rows, err := session.Conn.Query(ctx, heldLocks)
	if err != nil {
		return nil, session.Wrap(op, err)
	}
	type holder struct {
		number                    int64
		pid                       int
		user, name, address, text string
		start                     float64
	}
	holders, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h holder, err error) {
		return h, row.Scan(&h.number, &h.pid, &h.user, &h.name, &h.address, &h.start, &h.text)
	})
	if err != nil {
		return nil, session.Wrap(op, err)
	}
	var locks []Lock
	makers := map[int]bool{} // one who makes a state may hold the creation locks of both tools
	for _, h := range holders {
		name, ok := names[h.number]
		if !ok || name == creating && makers[h.pid] {
			continue
		}
		makers[h.pid] = makers[h.pid] || name == creating
		l := NewPG(client, states, name).lock()
		l.PID, l.version = h.pid, fmt.Sprintf("%d %d %s", h.number, h.pid, h.text)
		l.Info.Who = cmp.Or(h.user, "somebody") + "@" + cmp.Or(h.address, "the server's own machine")
		l.Info.Operation = h.name
		l.Info = l.Info.Printable()
		if h.start != 0 {
			l.Since = time.UnixMicro(int64(h.start * 1e6)).UTC()
		}
		locks = append(locks, l)
	}
	return sorted(locks), nil
}

// stateNames are the states of a backend by their row's number; none where there is no table yet.
func stateNames(ctx context.Context, states PGStates, session *pglock.Dedicated) (map[int64]string, error) {
	names := map[int64]string{}
	rows, err := session.Conn.Query(ctx, "SELECT id, name FROM "+states.sql())
	if err == nil {
		var id int64
		var name string
		_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error { names[id] = name; return nil })
	}
	if errors.Is(session.Wrap("", err), pglock.ErrNotFound) {
		return names, nil
	}
	return names, err
}

// Break implements Place: it ends the very session that was seen, if it still holds the lock. The
// record of that goes to the server's log.
func (p *PG) Break(ctx context.Context, seen Lock, by lease.Info) error {
	var number int64
	var pid int
	if _, err := fmt.Sscanf(seen.version, "%d %d", &number, &pid); err != nil {
		return changed(seen)
	}
	_, start, _ := strings.Cut(seen.version, " ")
	_, start, _ = strings.Cut(start, " ")
	session, err := p.client.Dedicated(ctx, p.states.Database, "")
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }() // it holds nothing
	rows, err := session.Conn.Query(ctx, `SELECT pg_catalog.pg_terminate_backend(h.pid) FROM (`+heldLocks+`) AS h(number, pid, u, n, c, e, start)
		WHERE h.number = $1 AND h.pid = $2 AND h.start = $3`, number, pid, start)
	if err == nil {
		var ended []bool
		if ended, err = pgx.CollectRows(rows, pgx.RowTo[bool]); err == nil && len(ended) == 0 {
			return changed(seen)
		}
	}
	if err != nil {
		return session.Wrap("end the session that holds "+seen.Place, err)
	}
	r := newRecord(seen, by)
	return r.result(session.Wrap("record a broken lock in the server's log", p.log(ctx, session, r)))
}

// log needs no table and no right: every role may write a line into the server's log.
func (p *PG) log(ctx context.Context, session *pglock.Dedicated, r Record) error {
	_, err := session.Conn.Exec(ctx, pglock.LogStatement(string(r.encode())))
	return err
}
