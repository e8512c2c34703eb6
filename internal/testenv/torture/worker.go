//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

// workerVariable holds the plan of a process that is to be a worker.
const workerVariable = "GROUNDWORK_TORTURE_WORKER"

// plan is what a worker is told. It travels in the environment, because it holds a password.
type plan struct {
	Worker               int
	Host                 string
	Port                 int
	User, Password       string
	Database             string
	Threads, Locks       int
	Lease                time.Duration
	Broken               Flaw
	Heartbeat, Dead      time.Duration
	Attempt, Poll, Limit time.Duration
}

// IsWorker tells that this process was started to be a worker.
func IsWorker() bool { return os.Getenv(workerVariable) != "" }

// Worker is the main function of such a process. It works until its standard input ends, and writes
// what it does to its standard output.
func Worker() int {
	var p plan
	if err := json.Unmarshal([]byte(os.Getenv(workerVariable)), &p); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "torture: the plan of the worker:", err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	w := &worker{plan: p}
	store, err := w.open(ctx)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "torture:", err)
		return 1
	}
	var all sync.WaitGroup
	for range p.Threads {
		all.Go(func() {
			for ctx.Err() == nil {
				w.round(ctx, store)
			}
		})
	}
	all.Wait()
	return 0
}

type worker struct {
	plan
	guard *pgxpool.Pool
	ops   atomic.Int64

	mu sync.Mutex // over standard output
}

// open connects, which may take several tries while the database is being tortured.
func (w *worker) open(ctx context.Context) (lease.Store, error) {
	config := pglock.Config{
		Host: w.Host, Port: w.Port, User: w.User, Password: w.Password, SSLMode: "disable", ConnectTimeout: 2 * time.Second,
	}
	settings, err := config.Resolve(func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	client, err := pglock.New(settings)
	if err != nil {
		return nil, err
	}
	guard, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", w.Host, w.Port, w.User, w.Database))
	if err != nil {
		return nil, err
	}
	guard.ConnConfig.Password, guard.ConnConfig.ConnectTimeout = w.Password, 2*time.Second
	guard.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	guard.MaxConns = 1
	if w.guard, err = pgxpool.NewWithConfig(ctx, guard); err != nil {
		return nil, err
	}
	for {
		store, err := client.Leases(ctx, w.Database, pglock.LeaseOptions{
			Heartbeat: w.Heartbeat, Dead: w.Dead, Attempt: w.Attempt, Poll: w.Poll, Patience: w.Limit,
		})
		if err == nil {
			return &recorder{Store: broken(store, w.Broken), worker: w}, nil
		}
		if !nap(ctx, 50*time.Millisecond) {
			return nil, err
		}
	}
}

func nap(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *worker) emit(e event) {
	e.Worker = w.Worker
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

// record runs an operation between two lines.
func (w *worker) record(e event, run func() (event, error)) {
	e.Op, e.Call, e.At = int(w.ops.Add(1)), true, monotonic()
	w.emit(e)
	answer, err := run()
	answer.Op, answer.At = e.Op, monotonic()
	if err != nil {
		answer.Err = err.Error()
	}
	w.emit(answer)
}

// lock picks one; some are wanted by everybody.
func (w *worker) lock() string {
	if rand.IntN(6) == 0 {
		return fmt.Sprintf("lock-%02d", rand.IntN(2))
	}
	return fmt.Sprintf("lock-%02d", rand.IntN(w.Locks))
}

// round takes a lock and does something while it has it.
func (w *worker) round(ctx context.Context, store lease.Store) {
	if rand.IntN(60) == 0 {
		w.sweep(ctx, store)
		return
	}
	waits := []time.Duration{0, w.Lease / 4, 2 * w.Lease, 5 * w.Lease}
	info, err := lease.Info{Who: fmt.Sprintf("worker %d", w.Worker), Operation: "torture"}.Complete()
	if err != nil {
		panic(err)
	}
	grant, err := store.Acquire(ctx, lease.Request{Name: w.lock(), Duration: w.Lease, Info: info}, lease.Wait{Timeout: waits[rand.IntN(len(waits))]})
	if err != nil {
		return
	}
	switch rand.IntN(40) {
	case 0: // a keeper, for longer than the lease
		keeper := lease.Keep(store, grant, lease.KeepOptions{Every: w.Lease / 5})
		for end := time.Now().Add(w.Lease + rand.N(w.Lease)); time.Now().Before(end) && keeper.Err() == nil && nap(ctx, w.Lease/10); {
			w.write(ctx, grant)
		}
		_ = keeper.Release(context.WithoutCancel(ctx))
		return
	case 1: // too long, and then it goes on as if it had not been
		w.write(ctx, grant)
		nap(ctx, w.Lease+rand.N(w.Lease))
		w.write(ctx, grant)
		_, _ = store.Renew(ctx, grant)
		w.write(ctx, grant)
	case 2: // forgotten, as by a process that dies
		return
	default:
		for range rand.IntN(12) {
			if rand.IntN(6) == 0 {
				w.write(ctx, grant)
			}
			next, err := store.Renew(ctx, grant)
			if err != nil {
				break
			}
			grant = next
		}
		w.write(ctx, grant)
	}
	_ = store.Release(context.WithoutCancel(ctx), grant)
}

// sweep breaks what has expired.
func (w *worker) sweep(ctx context.Context, store lease.Store) {
	found, err := store.List(ctx)
	if err != nil {
		return
	}
	for _, h := range found {
		if h.Expired() {
			_ = store.Break(ctx, h, false)
			return
		}
	}
}

// write writes to the guarded resource.
func (w *worker) write(ctx context.Context, g lease.Grant) {
	w.record(event{Kind: write, Lock: g.Name, Fence: g.Fence}, func() (event, error) {
		ctx, cancel := context.WithTimeout(ctx, w.Attempt)
		defer cancel()
		tag, err := w.guard.Exec(ctx, writeSQL, g.Name, g.Fence)
		switch {
		case err != nil:
			return event{Result: unknown}, err
		case tag.RowsAffected() == 0:
			return event{Result: refused}, nil
		}
		return event{Result: ok}, nil
	})
}

// recorder writes down what a store is asked and answers.
type recorder struct {
	lease.Store
	worker *worker
}

func on(g lease.Grant) int64 {
	left := time.Until(g.Deadline())
	return monotonic() + int64(left)
}

func (r *recorder) Acquire(ctx context.Context, q lease.Request, w lease.Wait) (g lease.Grant, err error) {
	r.worker.record(event{Kind: acquire, Lock: q.Name, ID: q.Info.ID}, func() (event, error) {
		g, err = r.Store.Acquire(ctx, q, w)
		var busy *lease.HeldError
		switch {
		case err == nil:
			return event{Result: ok, Fence: g.Fence, Deadline: on(g)}, nil
		case errors.As(err, &busy):
			return event{Result: held, Fence: busy.Holder.Fence}, nil
		}
		return event{Result: unknown}, err
	})
	return g, err
}

func (r *recorder) Renew(ctx context.Context, g lease.Grant) (next lease.Grant, err error) {
	r.worker.record(event{Kind: renew, Lock: g.Name, Fence: g.Fence}, func() (event, error) {
		next, err = r.Store.Renew(ctx, g)
		if err == nil {
			return event{Result: ok, Deadline: on(next)}, nil
		}
		return event{Result: ended(err)}, err
	})
	return next, err
}

func (r *recorder) Release(ctx context.Context, g lease.Grant) (err error) {
	r.worker.record(event{Kind: release, Lock: g.Name, Fence: g.Fence}, func() (event, error) {
		err = r.Store.Release(ctx, g)
		return event{Result: ended(err)}, err
	})
	return err
}

func (r *recorder) Break(ctx context.Context, seen lease.Held, force bool) (err error) {
	r.worker.record(event{Kind: breakIt, Lock: seen.Name, Fence: seen.Fence}, func() (event, error) {
		err = r.Store.Break(ctx, seen, force)
		return event{Result: ended(err)}, err
	})
	return err
}

func ended(err error) result {
	switch {
	case err == nil:
		return ok
	case errors.Is(err, lease.ErrLost), errors.Is(err, lease.ErrChanged):
		return lost
	}
	return unknown
}
