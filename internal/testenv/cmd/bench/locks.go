package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// What taking a lock is compared with: two statements that do nothing, and two that leave and remove
// a row.
const (
	bareSelects = "pgx, SELECT 1 twice"
	bareRow     = "pgx, INSERT and DELETE a row"
	leaseTaken  = "groundwork, acquire and release"
)

// lockRow is the median of one contender.
type lockRow struct {
	Contender string `json:"contender"`
	// Delay is what every statement and every answer is delayed by.
	Delay      time.Duration `json:"delay_ns"`
	Runs       int           `json:"runs"`
	Statements float64       `json:"statements"`
	Took       time.Duration `json:"took_ns"`
	// Ratio compares the time with two statements that do nothing.
	Ratio float64 `json:"times_bare"`
}

// handoverRow is how long a lock is nobody's between two holders, of which the second waited.
type handoverRow struct {
	Waiters int           `json:"waiters"`
	Runs    int           `json:"runs"`
	Median  time.Duration `json:"median_ns"`
	P90     time.Duration `json:"p90_ns"`
	Slowest time.Duration `json:"slowest_ns"`
	// Statements is how many all waiters together sent for one hand-over, looks and heartbeats included.
	Statements float64 `json:"statements"`
}

// lockLab is a PostgreSQL with a lock table, and a way to it that can be slow.
type lockLab struct {
	server *postgres.Server
	proxy  *tcpproxy.Proxy
	client *pglock.Client
	close  func() error
}

const lockDatabase = "bench"

func newLockLab(ctx context.Context) (_ *lockLab, err error) {
	l := &lockLab{}
	l.close = func() error {
		var errs []error
		if l.proxy != nil {
			errs = append(errs, l.proxy.Close())
		}
		if l.server != nil {
			errs = append(errs, l.server.Stop())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.server, err = postgres.Start(ctx, postgres.Options{NoTLS: true}); err != nil {
		return nil, err
	}
	if l.proxy, err = tcpproxy.Start(tcpproxy.Options{Upstream: l.server.Addr()}); err != nil {
		return nil, err
	}
	config := pglock.Config{
		Host: l.proxy.Host(), Port: l.proxy.Port(), User: postgres.Superuser, Password: l.server.Password, SSLMode: "disable",
	}
	settings, err := config.Resolve(func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	if l.client, err = pglock.New(settings); err != nil {
		return nil, err
	}
	if _, err := l.client.CreateDatabase(ctx, pglock.DatabaseSpec{Name: lockDatabase}); err != nil {
		return nil, err
	}
	db, err := l.client.Connect(ctx, lockDatabase)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	_, err = db.CreateTable(ctx, pglock.TableSpec{})
	return l, err
}

// bare is a connection by the same way, with pgx alone.
func (l *lockLab) bare(ctx context.Context) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", l.proxy.Host(), l.proxy.Port(), postgres.Superuser, lockDatabase))
	if err != nil {
		return nil, err
	}
	cfg.Password = l.server.Password
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	return pgx.ConnectConfig(ctx, cfg)
}

func (l *lockLab) store(ctx context.Context) (*pglock.LeaseStore, error) {
	return l.client.Leases(ctx, lockDatabase, pglock.LeaseOptions{})
}

// cycle takes a lock and gives it back, or does as much on a bare connection.
type cycle struct {
	name string
	do   func() error
}

func contenders(ctx context.Context, conn *pgx.Conn, store *pglock.LeaseStore) []cycle {
	twice := func(first, second string, args ...any) func() error {
		return func() error {
			if _, err := conn.Exec(ctx, first, args...); err != nil {
				return err
			}
			_, err := conn.Exec(ctx, second, args...)
			return err
		}
	}
	return []cycle{
		{bareSelects, twice("SELECT 1", "SELECT 1")},
		{bareRow, twice("INSERT INTO bare VALUES ($1, clock_timestamp())", "DELETE FROM bare WHERE id = $1", "dev")},
		{leaseTaken, func() error {
			grant, err := store.Acquire(ctx, lease.Request{Name: "dev"}, lease.Wait{})
			if err != nil {
				return err
			}
			return store.Release(ctx, grant)
		}},
	}
}

// cycles measures taking a lock and giving it back that nobody else wants; the contenders take turns.
func (l *lockLab) cycles(ctx context.Context, delay time.Duration, n int) (rows []lockRow, err error) {
	conn, err := l.bare(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	store, err := l.store(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, err := conn.Exec(ctx, "CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, at timestamptz)"); err != nil {
		return nil, err
	}
	all := contenders(ctx, conn, store)
	l.proxy.SetLatency(delay)
	defer l.proxy.SetLatency(0)
	took := map[string][]time.Duration{}
	before := store.Statements()
	for range n {
		for _, one := range all {
			start := time.Now()
			if err := one.do(); err != nil {
				return nil, fmt.Errorf("%s: %w", one.name, err)
			}
			took[one.name] = append(took[one.name], time.Since(start))
		}
	}
	for _, one := range all {
		row := lockRow{Contender: one.name, Delay: delay, Runs: n, Statements: 2, Took: middle(took[one.name], 50)}
		if one.name == leaseTaken {
			row.Statements = float64(store.Statements()-before) / float64(n)
		}
		row.Ratio = float64(row.Took) / float64(middle(took[bareSelects], 50))
		rows = append(rows, row)
	}
	return rows, nil
}

// middle is a percentile.
func middle(samples []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

// handover lets so many wait for a lock that goes from one to the next until all have had it.
func (l *lockLab) handover(ctx context.Context, waiters, rounds int) (handoverRow, error) {
	var stores []*pglock.LeaseStore
	defer func() {
		for _, s := range stores {
			_ = s.Close()
		}
	}()
	for range min(waiters, 10) + 1 { // the last is the first holder's
		store, err := l.store(ctx)
		if err != nil {
			return handoverRow{}, err
		}
		stores = append(stores, store)
	}
	var gaps []time.Duration
	var sent int64
	for range rounds {
		more, n, err := handoverRound(ctx, stores, waiters)
		if err != nil {
			return handoverRow{}, err
		}
		gaps, sent = append(gaps, more...), sent+n
	}
	return handoverRow{
		Waiters: waiters, Runs: len(gaps), Median: middle(gaps, 50), P90: middle(gaps, 90), Slowest: slices.Max(gaps),
		Statements: float64(sent) / float64(len(gaps)),
	}, nil
}

// turn is when somebody had the lock.
type turn struct {
	fence      int64
	got, ended time.Time
}

// handedOver is the lock that goes round.
const handedOver = "handed over"

func handoverRound(ctx context.Context, stores []*pglock.LeaseStore, waiters int) (gaps []time.Duration, sent int64, err error) {
	first := stores[len(stores)-1]
	grant, err := first.Acquire(ctx, lease.Request{Name: handedOver}, lease.Wait{})
	if err != nil {
		return nil, 0, err
	}
	turns := make(chan turn, waiters+1)
	failed := make(chan error, waiters)
	var all sync.WaitGroup
	for i := range waiters {
		store := stores[i%(len(stores)-1)]
		all.Go(func() { failed <- takeTurn(ctx, store, turns) })
	}
	if err := queued(ctx, first, waiters); err != nil {
		return nil, 0, err
	}
	before := statements(stores)
	turns <- turn{fence: grant.Fence, ended: time.Now()}
	if err := first.Release(ctx, grant); err != nil {
		return nil, 0, err
	}
	all.Wait()
	close(turns)
	close(failed)
	for err := range failed {
		if err != nil {
			return nil, 0, err
		}
	}
	return between(turns), statements(stores) - before, nil
}

// takeTurn waits for the lock and gives it back at once.
func takeTurn(ctx context.Context, store *pglock.LeaseStore, turns chan<- turn) error {
	grant, err := store.Acquire(ctx, lease.Request{Name: handedOver}, lease.Wait{Timeout: time.Minute})
	if err != nil {
		return err
	}
	t := turn{fence: grant.Fence, got: time.Now()}
	t.ended = time.Now()
	err = store.Release(ctx, grant)
	turns <- t
	return err
}

// queued returns when so many wait for the lock.
func queued(ctx context.Context, store *pglock.LeaseStore, waiters int) error {
	for {
		held, err := store.List(ctx)
		if err != nil {
			return err
		}
		if len(held) == 1 && held[0].Waiting == waiters {
			time.Sleep(100 * time.Millisecond) // until all listen
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

func statements(stores []*pglock.LeaseStore) (n int64) {
	for _, s := range stores {
		n += s.Statements()
	}
	return n
}

// between is how long the lock was nobody's after each turn but the last.
func between(turns <-chan turn) (gaps []time.Duration) {
	var order []turn
	for t := range turns {
		order = append(order, t)
	}
	slices.SortFunc(order, func(a, b turn) int { return cmp.Compare(a.fence, b.fence) })
	for i, t := range order[1:] {
		gaps = append(gaps, t.got.Sub(order[i].ended))
	}
	return gaps
}

// locks measures leases on PostgreSQL.
func locks(ctx context.Context, r *report, runs int, note func(string, ...any)) (err error) {
	note("starting PostgreSQL and taking locks")
	l, err := newLockLab(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	for _, delay := range []time.Duration{0, 5 * time.Millisecond} {
		n := runs
		if delay > 0 {
			n = max(runs/10, 5)
		}
		rows, err := l.cycles(ctx, delay, n)
		if err != nil {
			return err
		}
		r.Locks = append(r.Locks, rows...)
	}
	for _, waiters := range []int{1, 10, 100} {
		note("handing a lock over with %s", count(waiters, "waiter"))
		row, err := l.handover(ctx, waiters, max(runs/10/waiters, 1))
		if err != nil {
			return err
		}
		r.Handovers = append(r.Handovers, row)
	}
	return nil
}
