package provider

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

const (
	databaseResource = "groundwork_lock_database"
	tableResource    = "groundwork_state_lock_table"
)

// pgProto is a provider that reaches a server at an address, which may be a proxy's.
func pgProto(ctx context.Context, t *testing.T, host string, port int, role postgres.Role) *protoProvider {
	t.Helper()
	return newProtoProvider(ctx, t, attrs{
		"postgres_host": host, "postgres_port": port, "postgres_user": role.Name, "postgres_password": role.Password,
		"postgres_sslmode": "disable", "postgres_connect_timeout": 20,
	}, nil)
}

// pgRun applies a lock database and a table in it, or destroys both.
type pgRun struct {
	provider        *protoProvider
	name            string
	database, table tftypes.Value
}

func (r *pgRun) apply(ctx context.Context, t *testing.T) string {
	var failed string
	if r.database, failed = r.provider.apply(ctx, t, databaseResource, r.database, attrs{"name": r.name}); failed != "" {
		return failed
	}
	r.table, failed = r.provider.apply(ctx, t, tableResource, r.table, r.tableConfig())
	return failed
}

func (r *pgRun) tableConfig() attrs {
	return attrs{"postgres": attrs{"database": r.name, "schema": "public", "table": "pulumi_state_locks"}}
}

func (r *pgRun) destroy(ctx context.Context, t *testing.T) string {
	var failed string
	if !r.table.IsNull() {
		if r.table, failed = r.provider.apply(ctx, t, tableResource, r.table, nil); failed != "" {
			return failed
		}
	}
	if !r.database.IsNull() {
		r.database, failed = r.provider.apply(ctx, t, databaseResource, r.database, nil)
	}
	return failed
}

func newPGRun(t *testing.T, p *protoProvider, name string) *pgRun {
	t.Helper()
	return &pgRun{provider: p, name: name, database: p.null(t, databaseResource), table: p.null(t, tableResource)}
}

// TestFaultsLockTable cuts the connection at every statement of an apply and of a destroy, before
// the server has seen it and after it has done it; one more run has to finish.
func TestFaultsLockTable(t *testing.T) {
	ctx, s := t.Context(), testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	proxy := testenv.TCPProxy(t, s.Addr())
	p := pgProto(ctx, t, proxy.Host(), proxy.Port(), admin)
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			run := newPGRun(t, p, fmt.Sprintf("%s_%t_%d", testenv.PostgresName(t)[:30], after, n))
			cut := func(at int) {
				proxy.Reset()
				if after {
					proxy.CutAfter(at)
				} else {
					proxy.CutBefore(at)
				}
			}
			cut(n)
			failed := run.apply(ctx, t)
			fired := proxy.Fired()
			proxy.Reset()
			if again := run.apply(ctx, t); again != "" {
				t.Fatalf("turn %d, after %t: %s\nand the run after that: %s", n, after, failed, again)
			}
			p.settled(ctx, t, databaseResource, run.database, attrs{"name": run.name})
			p.settled(ctx, t, tableResource, run.table, run.tableConfig())
			cut(n)
			failed = run.destroy(ctx, t)
			fired = fired || proxy.Fired()
			proxy.Reset()
			if again := run.destroy(ctx, t); again != "" {
				t.Fatalf("destroy, turn %d, after %t: %s\nand the run after that: %s", n, after, failed, again)
			}
			if left, err := query(t, s, "postgres", "SELECT count(*)::text FROM pg_database WHERE datname = $1", run.name); err != nil || left != "0" {
				t.Fatalf("turn %d: the database is left (%s, %v)", n, left, err)
			}
			if !fired {
				t.Logf("cut after the answer %t: %d turns", after, n-1)
				break
			}
		}
	}
}

// TestLockTableServerRestarts restarts the server while applies run.
func TestLockTableServerRestarts(t *testing.T) {
	ctx, s := t.Context(), testenv.StartPostgres(t, postgres.Options{})
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	p := pgProto(ctx, t, s.Host, s.Port, admin)
	for round := range 4 {
		run := newPGRun(t, p, fmt.Sprintf("restarted_%d", round))
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Restart(context.WithoutCancel(ctx)); err != nil {
				t.Error(err)
			}
		})
		failed := run.apply(ctx, t)
		wg.Wait()
		if failed != "" {
			t.Logf("round %d: %s", round, failed)
			if failed = run.apply(ctx, t); failed != "" {
				t.Fatalf("round %d, after the restart: %s", round, failed)
			}
		}
		p.settled(ctx, t, tableResource, run.table, run.tableConfig())
	}
}

// TestConcurrentLockTables applies one configuration from two places at once.
func TestConcurrentLockTables(t *testing.T) {
	ctx, s := t.Context(), testenv.Postgres(t)
	admin := testenv.PostgresRole(t, s, "CREATEDB")
	for round := range 5 {
		name := fmt.Sprintf("%s_%d", testenv.PostgresName(t)[:40], round)
		var wg sync.WaitGroup
		runs := []*pgRun{}
		for range 2 {
			runs = append(runs, newPGRun(t, pgProto(ctx, t, s.Host, s.Port, admin), name))
		}
		for i, run := range runs {
			wg.Go(func() {
				if failed := run.apply(ctx, t); failed != "" {
					t.Logf("round %d, run %d: %s", round, i, failed)
					if failed = run.apply(ctx, t); failed != "" {
						t.Errorf("round %d, run %d, again: %s", round, i, failed)
					}
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for _, run := range runs {
			run.provider.settled(ctx, t, tableResource, run.table, run.tableConfig())
		}
		if failed := runs[0].destroy(ctx, t); failed != "" {
			t.Fatal(failed)
		}
	}
}
