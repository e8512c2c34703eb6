//go:build unix

package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// disturb does harm, one thing after the other.
func (a *arena) disturb(ctx context.Context) error {
	for nap(ctx, 100*time.Millisecond+rand.N(200*time.Millisecond)) {
		proxy := a.proxies[rand.IntN(len(a.proxies))]
		switch n := rand.IntN(20); {
		case n < 5:
			if err := a.kill(); err != nil {
				return err
			}
		case n < 9:
			a.freeze(ctx)
		case n < 13:
			proxy.CutAll()
			a.stats.Cuts++
		case n < 16:
			proxy.Stall()
			nap(ctx, 100*time.Millisecond+rand.N(leaseTime))
			proxy.Resume()
			a.stats.Stalls++
		case n < 18:
			proxy.SetLatency(rand.N(40 * time.Millisecond))
			nap(ctx, 500*time.Millisecond)
			proxy.SetLatency(0)
			a.stats.Slowed++
		default:
			a.exhaust(ctx)
		}
	}
	return nil
}

// pick is a worker that runs.
func (a *arena) pick() *process {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range 100 {
		p := a.workers[rand.IntN(len(a.workers))]
		select {
		case <-p.ended:
		default:
			return p
		}
	}
	return nil
}

// kill ends a worker without a warning, and starts another one.
func (a *arena) kill() error {
	p := a.pick()
	if p == nil {
		return fmt.Errorf("no worker is left: %s", a.stderr.String())
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	a.stats.Kills++
	return a.spawn()
}

// freeze stops a worker, for longer than its lease more often than not. It goes on in the background.
func (a *arena) freeze(ctx context.Context) {
	p := a.pick()
	if p == nil || p.cmd.Process.Signal(syscall.SIGSTOP) != nil {
		return
	}
	a.stats.Stops++
	a.readers.Go(func() {
		nap(ctx, leaseTime/2+rand.N(2*leaseTime))
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
	})
}

// exhaust uses up the connections of the server for a moment.
func (a *arena) exhaust(ctx context.Context) {
	cfg, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", a.server.Host, a.server.Port, a.role.Name, database))
	if err != nil {
		return
	}
	cfg.Password, cfg.ConnectTimeout = a.role.Password, 2*time.Second
	var conns []*pgx.Conn
	for {
		conn, err := pgx.ConnectConfig(ctx, cfg)
		if err != nil {
			break
		}
		conns = append(conns, conn)
	}
	nap(ctx, 700*time.Millisecond)
	for _, conn := range conns {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
	a.stats.Exhausted++
}

// restarts ends the database now and then and brings it back: properly, or in the middle of whatever
// it does.
func (a *arena) restarts(ctx context.Context) error {
	for n := 0; nap(ctx, 7*time.Second+rand.N(5*time.Second)); n++ {
		crash := n%2 == 1
		if crash {
			_ = syscall.Kill(a.server.PID(), syscall.SIGQUIT)
		}
		// Not the run's own end: a server that is half started could not be read afterwards.
		if err := a.server.Restart(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("restarting the database: %w", err)
		}
		if crash {
			a.stats.Crashes++
		} else {
			a.stats.Restarts++
		}
	}
	return nil
}
