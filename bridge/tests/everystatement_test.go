package tests

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// A provider of its own, since a connection does not say which resource it is for.
const locksOfMany = `  reach%[1]d:
    type: pulumi:providers:groundwork
    properties: {postgresHost: %[2]s, postgresPort: %[3]d, postgresSslmode: disable}
  locks%[1]d:
    type: groundwork:LockDatabase
    properties: {name: %[4]s}
    options: {provider: "${reach%[1]d}"}
  table%[1]d:
    type: groundwork:StateLockTable
    properties:
      postgres: {database: "${locks%[1]d.name}"}
    options: {provider: "${reach%[1]d}"}
`

// relations are what is in a database: tables, indexes, sequences.
const relations = `SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), 'nothing') FROM pg_class WHERE relnamespace = 'public'::regnamespace`

// numberedLocks are a database and a table whose connection is cut at the n-th turn.
type numberedLocks struct {
	n        int
	database string
	proxy    *tcpproxy.Proxy
}

// manyLocks writes a program with so many of them, each with a connection of its own.
func (s *stage) manyLocks(count int) []numberedLocks {
	s.t.Helper()
	var program strings.Builder
	program.WriteString("name: cuts" + inYAML)
	all := make([]numberedLocks, count)
	for i := range all {
		l := numberedLocks{n: i + 1, database: s.database + "_" + strconv.Itoa(i+1), proxy: testenv.TCPProxy(s.t, s.pg.Addr())}
		fmt.Fprintf(&program, locksOfMany, l.n, l.proxy.Host(), l.proxy.Port(), l.database)
		all[i] = l
	}
	s.write("Pulumi.yaml", program.String())
	return all
}

// The connection is cut at each statement of a create in turn, of a database and of the table in it:
// before the server hears of the statement, and after it has done it. The next up finishes what is
// there.
func TestLocksCutAtEachStatement(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*tcpproxy.Proxy, int){
		"before": (*tcpproxy.Proxy).CutBefore, "after": (*tcpproxy.Proxy).CutAfter,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "name: cuts"+inYAML)
			s.pg, s.database = testenv.Postgres(t), testenv.PostgresName(t)
			admin := testenv.PostgresRole(t, s.pg, "CREATEDB")
			s.cli.Env = append(s.cli.Env, "PGUSER="+admin.Name, "PGPASSWORD="+admin.Password)

			one := s.manyLocks(1)[0]
			s.up()
			turns, whole := one.proxy.Turns(), s.query(one.database, relations)
			s.destroy()

			all := s.manyLocks(turns)
			for _, l := range all {
				cut(l.proxy, l.n)
			}
			report, err := s.cli.Up(t.Context(), stack, "--continue-on-error", "--parallel", "8")
			_ = s.refused(report, err)
			failures, failed := strings.Join(report.Diagnostics, "\n"), 0
			for _, l := range all {
				_, made := report.Step("table" + strconv.Itoa(l.n))
				if !made && !l.proxy.Fired() { // the end of a connection has no answer that could be cut
					t.Errorf("not made, though nothing was cut at turn %d of %d", l.n, turns)
				}
				l.proxy.Reset()
				if !made {
					failed++
					if at := fmt.Sprintf("port %d, ", l.proxy.Port()); !strings.Contains(failures, at+"database ") {
						t.Errorf("cut at turn %d: not made, and no error says %q", l.n, at)
					}
				}
			}
			if failed < turns/2 { // where a connection is opened or closed, another try goes unnoticed
				t.Errorf("only %d of %d cuts failed", failed, turns)
			}
			t.Logf("cut at each of %d turns, of which %d failed", turns, failed)

			s.up("--parallel", "8")
			s.unchanged("after the second try", s.preview("--refresh"))
			for _, l := range all {
				if got := s.query(l.database, relations); got != whole {
					t.Errorf("turn %d: the database holds %s, and undisturbed %s", l.n, got, whole)
				}
			}
			s.destroy()
			if n := s.query("postgres", "SELECT count(*)::text FROM pg_database WHERE datname LIKE $1", s.database+"%"); n != "0" {
				t.Errorf("%s databases are left", n)
			}
		})
	}
}
