//go:build unix

package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pgbouncer"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// Options say how hard it gets.
type Options struct {
	// Operations is how many acquires, renewals and releases have to be answered; the run ends then.
	Operations int
	// Limit ends the run in any case.
	Limit time.Duration
	// Workers is how many processes there are at any time.
	Workers int
	// Gentle leaves the faults out.
	Gentle bool
	Broken Flaw
	// Progress gets a line now and then, if it is set.
	Progress io.Writer
}

const database = "torture"

// arena is a run under way.
type arena struct {
	opts    Options
	server  *postgres.Server
	bouncer *pgbouncer.Server
	proxies []*tcpproxy.Proxy
	role    postgres.Role
	routes  []func() (host string, port int)
	program string
	history *history
	stats   Figures

	mu      sync.Mutex
	workers []*process
	next    int
	readers sync.WaitGroup
	stderr  notes
}

// notes are what all workers print for people.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// process is a worker that runs.
type process struct {
	number int
	cmd    *exec.Cmd
	stdin  io.Closer
	ended  chan struct{}
}

// Run tortures a server of its own and judges what happened.
func Run(ctx context.Context, opts Options) (Figures, error) {
	a := &arena{opts: opts, history: newHistory()}
	var err error
	if a.program, err = os.Executable(); err != nil {
		return Figures{}, err
	}
	defer func() { a.stop() }()
	if err := a.start(ctx); err != nil {
		return Figures{}, err
	}
	wallAhead := time.Now().UnixNano() - monotonic()
	began := time.Now()
	if err := a.torture(ctx); err != nil {
		return Figures{}, err
	}
	a.stats.Took = time.Since(began)
	records, err := audit(ctx, a.server, database)
	if err != nil {
		return Figures{}, err
	}
	judging := time.Now()
	a.stats.Violations = check(a.history, records, wallAhead, 5*time.Minute)
	a.stats.Judging = time.Since(judging)
	a.stats.count(a.history, records)
	a.stats.Stderr = a.stderr.String()
	return a.stats, nil
}

func (a *arena) start(ctx context.Context) (err error) {
	// Its own default is to lose what it answered last in a crash: leases may not.
	if a.server, err = postgres.Start(ctx, postgres.Options{NoTLS: true, Settings: []string{"max_connections = 60"}}); err != nil {
		return err
	}
	if a.role, err = a.server.CreateRole(ctx, "worker", ""); err != nil {
		return err
	}
	if err := a.server.CreateDatabase(ctx, database, postgres.Superuser); err != nil {
		return err
	}
	if err := a.tables(ctx); err != nil {
		return err
	}
	if a.bouncer, err = pgbouncer.Start(ctx, a.server); err != nil {
		return err
	}
	a.routes = []func() (string, int){
		func() (string, int) { return a.server.Host, a.server.Port },
		func() (string, int) { return a.bouncer.Host, a.bouncer.Port },
	}
	for range 2 {
		proxy, err := tcpproxy.Start(tcpproxy.Options{Upstream: a.server.Addr()})
		if err != nil {
			return err
		}
		a.proxies = append(a.proxies, proxy)
		a.routes = append(a.routes, func() (string, int) { return proxy.Host(), proxy.Port() })
	}
	return nil
}

func (a *arena) tables(ctx context.Context) error {
	config := pglock.Config{Host: a.server.Host, Port: a.server.Port, User: postgres.Superuser, Password: a.server.Password, SSLMode: "disable"}
	settings, err := config.Resolve(func(string) string { return "" })
	if err != nil {
		return err
	}
	client, err := pglock.New(settings)
	if err != nil {
		return err
	}
	db, err := client.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.CreateTable(ctx, pglock.TableSpec{Grants: []string{a.role.Name}}); err != nil {
		return err
	}
	rows := fmt.Sprintf("INSERT INTO guarded (lockid, fence) SELECT 'lock-' || lpad(n::text, 2, '0'), 0 FROM generate_series(0, %d) AS n;", lockCount-1)
	return a.server.Exec(ctx, database, auditSQL+rows+"GRANT SELECT, UPDATE ON guarded TO worker; GRANT CONNECT ON DATABASE torture TO worker;"+
		"ALTER DATABASE torture SET synchronous_commit TO off")
}

// What the workers get. Leases are short, so that there is something to see in a minute.
const (
	lockCount = 48
	leaseTime = 1200 * time.Millisecond
)

// spawn starts one more worker.
func (a *arena) spawn() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	number := a.next
	a.next++
	host, port := a.routes[number%len(a.routes)]()
	text, err := json.Marshal(plan{
		Worker: number, Host: host, Port: port, User: a.role.Name, Password: a.role.Password, Database: database,
		Threads: 2 + number%3, Locks: lockCount, Lease: leaseTime, Broken: a.opts.Broken,
		Heartbeat: 100 * time.Millisecond, Dead: 500 * time.Millisecond, Attempt: 600 * time.Millisecond,
		Poll: 20 * time.Millisecond, Limit: 2 * time.Second,
	})
	if err != nil {
		return err
	}
	cmd := exec.Command(a.program)
	cmd.Env = []string{workerVariable + "=" + string(text), "PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "GOMAXPROCS=2"}
	cmd.Stderr = &a.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	p := &process{number: number, cmd: cmd, stdin: stdin, ended: make(chan struct{})}
	a.workers = append(a.workers, p)
	a.readers.Go(func() {
		a.history.read(number, stdout)
		_ = cmd.Wait()
		a.history.dead(number)
		close(p.ended)
	})
	return nil
}

// torture runs the workers and the faults until there is enough.
func (a *arena) torture(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.opts.Limit)
	defer cancel()
	for range a.opts.Workers {
		if err := a.spawn(); err != nil {
			return err
		}
	}
	var faults sync.WaitGroup
	failed := make(chan error, 2)
	if !a.opts.Gentle {
		faults.Go(func() { failed <- a.disturb(ctx) })
		faults.Go(func() { failed <- a.restarts(ctx) })
	}
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	var err error
	last := time.Now()
	for a.history.answered() < a.opts.Operations && ctx.Err() == nil && err == nil {
		select {
		case err = <-failed:
		case <-ticker.C:
		case <-ctx.Done():
		}
		if a.opts.Progress != nil && time.Since(last) > 15*time.Second {
			last = time.Now()
			_, _ = fmt.Fprintf(a.opts.Progress, "lock-torture: %d operations\n", a.history.answered())
		}
	}
	cancel()
	faults.Wait()
	return errors.Join(err, a.finish())
}

// finish lets the workers end by themselves, in peace.
func (a *arena) finish() error {
	for _, proxy := range a.proxies {
		proxy.Resume()
		proxy.SetLatency(0)
	}
	a.mu.Lock()
	workers := a.workers
	a.mu.Unlock()
	for _, p := range workers {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.stdin.Close()
	}
	for _, p := range workers {
		select {
		case <-p.ended:
		case <-time.After(20 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	}
	a.readers.Wait()
	return nil
}

func (a *arena) stop() {
	a.mu.Lock()
	for _, p := range a.workers {
		_ = p.cmd.Process.Kill()
	}
	a.mu.Unlock()
	a.readers.Wait()
	for _, proxy := range a.proxies {
		_ = proxy.Close()
	}
	if a.bouncer != nil {
		_ = a.bouncer.Stop()
	}
	if a.server != nil {
		_ = a.server.Stop()
	}
}
