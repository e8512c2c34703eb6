package pglock

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// linger is how long the connection for notifications is kept when nobody waits any more.
const linger = 10 * time.Second

// listener keeps one connection per store that hears whose turn it is, while anybody waits. A
// notification names the ticket of the first in line; the others sleep on.
type listener struct {
	store *LeaseStore

	mu      sync.Mutex
	joined  int
	waiting map[int64]waiter
	stop    context.CancelFunc // nil while it does not run
	idle    *time.Timer
	hearing bool
	deaf    bool // LISTEN does not work on this way to the database
	closed  bool
	running sync.WaitGroup
}

// waiter is one who waits in this process.
type waiter struct {
	id   string
	wake chan struct{}
}

func newListener(s *LeaseStore) *listener {
	return &listener{store: s, waiting: map[int64]waiter{}, deaf: s.opts.PollOnly}
}

// join makes sure that the listener runs until leave is called.
func (l *listener) join() (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joined++
	if l.idle != nil {
		l.idle.Stop()
		l.idle = nil
	}
	if l.stop == nil && !l.deaf && !l.closed {
		ctx, cancel := context.WithCancel(context.Background())
		l.stop = cancel
		l.running.Go(func() { l.run(ctx) })
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.joined--; l.joined == 0 && l.stop != nil {
			l.idle = time.AfterFunc(linger, l.rest)
		}
	}
}

// rest ends the connection that nobody needs.
func (l *listener) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined == 0 && l.stop != nil {
		l.stop()
		l.stop, l.idle, l.hearing = nil, nil, false // or who comes next would rely on a connection that is gone
	}
}

func (l *listener) close() {
	l.mu.Lock()
	l.closed = true
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	if l.idle != nil {
		l.idle.Stop()
	}
	l.mu.Unlock()
	l.running.Wait()
}

// expect returns a channel that gets something when it is the ticket's turn, or may be.
func (l *listener) expect(id string, ticket int64) chan struct{} {
	wake := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[ticket] = waiter{id: id, wake: wake}
	return wake
}

func (l *listener) forget(wake chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ticket, w := range l.waiting {
		if w.wake == wake {
			delete(l.waiting, ticket)
		}
	}
}

// hears tells whether notifications arrive.
func (l *listener) hears() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hearing
}

// run connects again for as long as it is wanted.
func (l *listener) run(ctx context.Context) {
	pause := 50 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		deaf := l.listen(ctx)
		l.mu.Lock()
		if ctx.Err() == nil { // another one may run already
			l.hearing = false
			l.deaf = l.deaf || deaf
		}
		l.mu.Unlock()
		if deaf {
			return
		}
		if time.Since(began) > 10*time.Second {
			pause = 50 * time.Millisecond
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// listen hears until the connection breaks. It reports that there is no point in trying again.
func (l *listener) listen(ctx context.Context) (deaf bool) {
	conn, err := pgx.ConnectConfig(ctx, l.store.db.pool.Config().ConnConfig)
	if err != nil {
		return false
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	// A pooler answers with a number of its own when it greets. Behind one LISTEN would stay with a
	// connection that the next transaction of somebody else gets. And where this role may not notify,
	// nobody who has the same one will tell.
	var pid int64
	var told bool
	const ask = "SELECT pg_catalog.pg_backend_pid(), pg_catalog.has_function_privilege('pg_catalog.pg_notify(text, text)', 'EXECUTE')"
	if err := conn.QueryRow(ctx, ask).Scan(&pid, &told); err != nil {
		return !transient(l.store.explain("listen", err))
	}
	if uint32(pid) != conn.PgConn().PID() || !told { // #nosec G115 -- a process id
		return true
	}
	if _, err := conn.Exec(ctx, l.store.sql().listen); err != nil {
		return !transient(l.store.explain("listen", err))
	}
	l.mu.Lock()
	l.hearing = ctx.Err() == nil
	l.wakeAll() // for what was told while nobody heard it
	l.mu.Unlock()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return false
		}
		ticket, err := strconv.ParseInt(n.Payload, 10, 64)
		if err != nil {
			continue // somebody else's
		}
		l.mu.Lock()
		poke(l.waiting[ticket].wake)
		l.mu.Unlock()
	}
}

// wakeAll lets everybody look. The caller holds the mutex.
func (l *listener) wakeAll() {
	for _, w := range l.waiting {
		poke(w.wake)
	}
}

// released wakes the first of this process who waits for a lock, where the database cannot.
func (l *listener) released(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hearing {
		return
	}
	var first int64
	for ticket, w := range l.waiting {
		if w.id == id && (first == 0 || ticket < first) {
			first = ticket
		}
	}
	poke(l.waiting[first].wake)
}

func poke(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default: // it has not looked yet since the last time, or is not here
	}
}
