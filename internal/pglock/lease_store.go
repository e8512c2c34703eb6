package pglock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// LeaseOptions say how leases are taken in a lock table. The zero value is right for nearly
// everybody; who shares a table should share Dead.
type LeaseOptions struct {
	Table Table
	// Repair adds to the table what it lacks, at the first statement that needs it: a table that was
	// made by hand has three columns. It takes the right to alter the table.
	Repair bool
	// Heartbeat is how often a waiter says that it is alive, and looks; 2 s if zero.
	Heartbeat time.Duration
	// Dead is how long after its last heartbeat a waiter is passed over; 10 s if zero.
	Dead time.Duration
	// Poll is how often the first of those who wait looks where notifications do not come; 200 ms if
	// zero.
	Poll time.Duration
	// Attempt bounds one statement, after which another connection is tried; 10 s if zero.
	Attempt time.Duration
	// Patience is how long a call goes on over lost connections where nothing else bounds it; 5 s if
	// zero.
	Patience time.Duration
	// PollOnly leaves LISTEN alone.
	PollOnly bool
}

func (o LeaseOptions) withDefaults() LeaseOptions {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	o.Table = o.Table.withDefaults()
	set(&o.Heartbeat, 2*time.Second)
	set(&o.Dead, 10*time.Second)
	set(&o.Poll, 200*time.Millisecond)
	set(&o.Attempt, 10*time.Second)
	set(&o.Patience, 5*time.Second)
	return o
}

// LeaseStore hands out the leases of one lock table. It implements lease.Store.
type LeaseStore struct {
	db    *DB
	opts  LeaseOptions
	news  *listener
	loud  leaseSQL
	quiet leaseSQL
	mute  atomic.Bool // the database has no NOTIFY
	// Repair is tried once; unrepaired is why it failed.
	repairs    sync.Once
	unrepaired error
	// statements counts what was sent, for tests and measurements.
	statements atomic.Int64
}

var _ lease.Store = (*LeaseStore)(nil)

// Leases opens the leases of a lock table in a database. The caller closes them.
func (c *Client) Leases(ctx context.Context, database string, opts LeaseOptions) (*LeaseStore, error) {
	opts = opts.withDefaults()
	if err := opts.Table.Check(); err != nil {
		return nil, err
	}
	db, err := c.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	s := &LeaseStore{
		db: db, opts: opts,
		loud:  newLeaseSQL(opts.Table, opts.Dead.Seconds(), true),
		quiet: newLeaseSQL(opts.Table, opts.Dead.Seconds(), false),
	}
	s.news = newListener(s)
	return s, nil
}

// Close ends the connections. Leases stay until they are released or expire.
func (s *LeaseStore) Close() error {
	s.news.close()
	s.db.Close()
	return nil
}

// Statements is how many statements were sent so far.
func (s *LeaseStore) Statements() int64 { return s.statements.Load() }

// Target says which server, database and user this is.
func (s *LeaseStore) Target() Target { return s.db.Target() }

// Table is the lock table.
func (s *LeaseStore) Table() Table { return s.opts.Table }

func (s *LeaseStore) sql() *leaseSQL {
	if s.mute.Load() {
		return &s.quiet
	}
	return &s.loud
}

// LockID is what stands in the column lockid for a name: the name itself, or where that is longer
// than the column its beginning and its SHA-256.
func LockID(name string) string {
	if utf8.RuneCountInString(name) <= lockIDLength {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	suffix := "#sha256-" + hex.EncodeToString(sum[:])
	return string([]rune(name)[:lockIDLength-len(suffix)]) + suffix
}

// lockID refuses what PostgreSQL cannot store.
func lockID(name string) (string, error) {
	problem := ""
	switch {
	case name == "":
		problem = "is empty"
	case strings.ContainsRune(name, 0):
		problem = "holds a zero byte, which PostgreSQL cannot store"
	case !utf8.ValidString(name):
		problem = "is not valid UTF-8"
	default:
		return LockID(name), nil
	}
	return "", &NameError{What: "lock", Name: name, Problem: problem}
}

// List shows every lock of the table by name, expired ones included. Of a table that was made by
// hand it reads the three columns that are there.
func (s *LeaseStore) List(ctx context.Context) ([]lease.Held, error) {
	var found []lease.Held
	op := "list the locks of " + s.opts.Table.String()
	read := func(sql string) func(context.Context, bool) error {
		return func(ctx context.Context, _ bool) error {
			rows, err := s.query(ctx, sql)
			if err != nil {
				return err
			}
			found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (lease.Held, error) {
				var h heldRow
				var waiting int64
				err := row.Scan(append(h.targets(), &waiting)...)
				held := h.held()
				held.Waiting = int(waiting)
				return held, err
			})
			return err
		}
	}
	err := s.persist(ctx, op, s.patience(), read(s.sql().list))
	var shape *NoLockTableError
	if errors.As(err, &shape) && shape.mayBePlain {
		if plain := s.persist(ctx, op, s.patience(), read(s.sql().listPlain)); plain == nil {
			err = nil
		}
	}
	return found, err
}

func (s *LeaseStore) patience() time.Time { return time.Now().Add(s.opts.Patience) }

// look reads one lock, whoever holds it and whether or not it has expired.
func (s *LeaseStore) look(ctx context.Context, id string) (*lease.Held, error) {
	var h heldRow
	err := s.queryRow(ctx, s.sql().look, h.targets(), id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	held := h.held()
	return &held, err
}

// heldRow is what heldColumns read.
type heldRow struct {
	id, data, holder, operation string
	fence, acquired, expires    int64
	left                        float64
	endless                     bool
}

func (h *heldRow) targets() []any {
	return []any{&h.id, &h.data, &h.holder, &h.operation, &h.fence, &h.acquired, &h.expires, &h.left, &h.endless}
}

func (h *heldRow) held() lease.Held {
	info, name := lease.Decode(h.data)
	if LockID(name) != h.id {
		name = h.id // it says something else than the table
	}
	if h.holder != "" {
		info.Who = h.holder
	}
	if h.operation != "" {
		info.Operation = h.operation
	}
	held := lease.Held{Name: name, Fence: h.fence, Info: info.Printable(), Data: h.data, Endless: h.endless, Left: fromSeconds(h.left)}
	if h.acquired != 0 {
		held.Acquired = time.UnixMicro(h.acquired).UTC()
	}
	if h.expires != 0 && !h.endless {
		held.Expires = time.UnixMicro(h.expires).UTC()
	}
	return held
}

// endOf is how removeSQL knows the end of a lock that has no fence.
func endOf(h lease.Held) int64 {
	if h.Expires.IsZero() {
		return 0
	}
	return h.Expires.UnixMicro()
}

// seconds is a duration as the database takes it, in whole microseconds and never shorter than asked
// for.
func seconds(d time.Duration) float64 {
	return math.Ceil(float64(d)/float64(time.Microsecond)) / 1e6
}
