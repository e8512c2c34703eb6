//go:build unix

package torture

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if IsWorker() {
		os.Exit(Worker())
	}
	// The histories of the stores that are wrong are not worth keeping.
	dir, err := os.MkdirTemp("", "groundwork-torture-")
	if err != nil {
		panic(err)
	}
	_ = os.Chmod(dir, 0o755) // PostgreSQL runs as somebody else
	_ = os.Setenv("TMPDIR", dir)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// A store that is wrong is found out, in each of the ways in which it can be: otherwise the torture
// would prove nothing.
func TestFlawsAreFound(t *testing.T) {
	for flaw, want := range map[Flaw]string{
		Steals: "certain of it", OldFences: "not that of a lock", SaysReleased: "not that of a lock", Revives: "not that of a lock",
	} {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			operations := 0
			for range 5 { // whether a short run meets the occasion is up to chance
				figures, err := Run(t.Context(), Options{Operations: 1500, Limit: time.Minute, Workers: 4, Gentle: true, Broken: flaw})
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range figures.Violations {
					if strings.Contains(v.Error(), want) {
						return
					}
				}
				operations += figures.Operations
			}
			t.Errorf("%d operations show no violation that is %q", operations, want)
		})
	}
}

func TestNoFlawIsFoundWhereThereIsNone(t *testing.T) {
	figures, err := Run(t.Context(), Options{Operations: 1500, Limit: time.Minute, Workers: 4, Gentle: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(figures.Violations) > 0 || figures.Operations < 100 || figures.Counts["acquire ok"] == 0 || figures.Counts["write ok"] == 0 {
		t.Errorf("got %+v", figures)
	}
	var out bytes.Buffer
	if err := figures.Print(&out); err != nil || !strings.Contains(out.String(), "Violations") {
		t.Errorf("%v: %s", err, out.String())
	}
}

const second = int64(time.Second)

// seen is an operation that was answered.
func seen(k kind, r result, fence, from, to int64) op {
	return op{event: event{Kind: k, Result: r, Fence: fence, Lock: "a"}, called: from, answered: to}
}

func TestLinearizable(t *testing.T) {
	tests := map[string]struct {
		ops  []op
		want bool
	}{
		"in turn": {want: true, ops: []op{
			seen(acquire, ok, 1, 0, 1), seen(write, ok, 1, 2, 3), seen(renew, ok, 1, 4, 5), seen(acquire, held, 1, 4, 6), seen(release, ok, 1, 7, 8),
			seen(acquire, ok, 2, 9, 10), seen(write, ok, 2, 13, 14), seen(write, refused, 1, 15, 16),
		}},
		"takeover": {want: true, ops: []op{
			seen(acquire, ok, 1, 0, 1), seen(acquire, ok, 2, 2, 3), seen(renew, lost, 1, 4, 5), seen(write, ok, 2, 6, 7), seen(write, refused, 1, 8, 9),
			seen(release, lost, 1, 10, 11), seen(breakIt, ok, 2, 12, 13), seen(release, lost, 2, 14, 15), seen(breakIt, lost, 2, 14, 15),
		}},
		"at once, in some order": {want: true, ops: []op{
			seen(acquire, ok, 2, 0, 10), seen(acquire, ok, 1, 0, 10), seen(write, ok, 1, 0, 10), seen(renew, lost, 1, 5, 10),
		}},
		"a fence that is replaced": {want: true, ops: []op{
			seen(acquire, ok, 2, 0, 1), seen(release, ok, 2, 2, 3), seen(claim, ok, 1, 4, 5), seen(acquire, held, 1, 6, 7), seen(acquire, ok, 3, 4, 9),
		}},
		"a write with an old fence":     {ops: []op{seen(acquire, ok, 1, 0, 1), seen(acquire, ok, 2, 2, 3), seen(write, ok, 2, 4, 5), seen(write, ok, 1, 6, 7)}},
		"a write refused for nothing":   {ops: []op{seen(acquire, ok, 1, 0, 1), seen(write, refused, 1, 2, 3)}},
		"an old fence":                  {ops: []op{seen(acquire, ok, 2, 0, 1), seen(acquire, ok, 1, 2, 3)}},
		"the same fence":                {ops: []op{seen(acquire, ok, 2, 0, 1), seen(release, ok, 2, 2, 3), seen(acquire, ok, 2, 4, 5)}},
		"renewed after the loss":        {ops: []op{seen(acquire, ok, 1, 0, 1), seen(acquire, ok, 2, 2, 3), seen(renew, ok, 1, 4, 5)}},
		"released twice":                {ops: []op{seen(acquire, ok, 1, 0, 1), seen(release, ok, 1, 2, 3), seen(release, ok, 1, 4, 5)}},
		"lost for nothing":              {ops: []op{seen(acquire, ok, 1, 0, 1), seen(renew, lost, 1, 2, 3)}},
		"held by nobody":                {ops: []op{seen(acquire, held, 1, 0, 1), seen(acquire, ok, 1, 2, 3)}},
		"broken what somebody else has": {ops: []op{seen(acquire, ok, 1, 0, 1), seen(acquire, ok, 2, 2, 3), seen(breakIt, ok, 1, 4, 5)}},
	}
	for name, tc := range tests {
		if err := linearizable("a", tc.ops, time.Minute); (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckAudit(t *testing.T) {
	line := func(what, id string, fence, at, expires int64) record {
		return record{lock: "a", what: what, id: id, fence: fence, at: at * second, expires: expires * second}
	}
	tests := map[string]struct {
		records []record
		want    string
	}{
		"in turn": {records: []record{
			line("grant", "x", 1, 0, 10), line("number", "x", 2, 1, 10), line("renew", "x", 2, 5, 15), line("delete", "x", 2, 6, 15),
			line("grant", "y", 3, 7, 17), line("write", "", 3, 8, 0), line("grant", "z", 4, 17, 27), line("write", "", 4, 18, 0),
		}},
		"two holders":             {records: []record{line("grant", "x", 1, 0, 10), line("grant", "y", 2, 9, 19)}, want: "two holders at once"},
		"two holders after renew": {records: []record{line("grant", "x", 1, 0, 10), line("renew", "x", 1, 9, 19), line("grant", "y", 2, 12, 22)}, want: "two holders at once"},
		"an old fence, unused": {records: []record{
			line("grant", "x", 2, 0, 10), line("delete", "x", 2, 1, 10), line("grant", "y", 1, 2, 12), line("number", "y", 3, 2, 12), line("renew", "y", 3, 3, 13),
		}},
		"an old fence, used": {records: []record{line("grant", "x", 2, 0, 10), line("delete", "x", 2, 1, 10), line("grant", "y", 1, 2, 12), line("renew", "y", 1, 3, 13)}, want: "used after 2"},
		"another old fence":  {records: []record{line("grant", "x", 3, 0, 10), line("delete", "x", 3, 1, 10), line("grant", "y", 1, 2, 12), line("number", "y", 2, 2, 12)}, want: "after 3"},
		"an old write":       {records: []record{line("grant", "x", 1, 0, 10), line("write", "", 2, 1, 0), line("write", "", 1, 2, 0)}, want: "is accepted after"},
		"another renews":     {records: []record{line("grant", "x", 1, 0, 10), line("renew", "x", 2, 1, 11)}, want: "renewed while"},
		"another releases":   {records: []record{line("grant", "x", 1, 0, 10), line("delete", "x", 2, 1, 11)}, want: "released while"},
	}
	for name, tc := range tests {
		found := checkAudit(tc.records)
		if (len(found) > 0) != (tc.want != "") || len(found) > 0 && !strings.Contains(found[0].Error(), tc.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

func TestCheckCertainty(t *testing.T) {
	by := func(worker int, o op, deadline int64) op {
		o.Worker, o.Deadline = worker, deadline
		return o
	}
	tests := map[string]struct {
		ops  []op
		died map[int]int64
		want string
	}{
		"one after the other": {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(1, seen(release, ok, 1, 5, 6), 0), by(2, seen(acquire, ok, 2, 4, 7), 14)}},
		"expired":             {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(2, seen(acquire, ok, 2, 9, 11), 19)}},
		"killed":              {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(2, seen(acquire, ok, 2, 3, 4), 13)}, died: map[int]int64{1: 2}},
		"both":                {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(2, seen(acquire, ok, 2, 3, 4), 13)}, want: "at once"},
		"both, after renew":   {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(1, seen(renew, ok, 1, 8, 9), 18), by(2, seen(acquire, ok, 2, 11, 12), 21)}, want: "at once"},
		"both, not in turn":   {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 30), by(2, seen(acquire, ok, 2, 40, 41), 42), by(3, seen(acquire, ok, 3, 2, 3), 12)}, want: "at once"},
		"refused":             {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(1, seen(write, refused, 1, 2, 3), 0)}, want: "refused while"},
		"refused later":       {ops: []op{by(1, seen(acquire, ok, 1, 0, 1), 10), by(1, seen(write, refused, 1, 9, 11), 0)}},
	}
	for name, tc := range tests {
		found := checkCertainty("a", tc.ops, tc.died)
		if (len(found) > 0) != (tc.want != "") || len(found) > 0 && !strings.Contains(found[0].Error(), tc.want) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// What was never answered counts for what the audit says that it did.
func TestSettle(t *testing.T) {
	h := newHistory()
	lines := []event{
		{Worker: 1, Op: 1, Call: true, Kind: acquire, Lock: "a", ID: "x", At: 0}, // granted, and nobody heard of it
		{Worker: 2, Op: 1, Call: true, Kind: acquire, Lock: "a", ID: "y", At: 0}, // nothing
		{Worker: 3, Op: 1, Call: true, Kind: acquire, Lock: "a", ID: "z", At: 20 * second},
		{Worker: 3, Op: 1, Result: ok, Fence: 5, At: 21 * second, Deadline: 40 * second},
		{Worker: 3, Op: 2, Call: true, Kind: release, Lock: "a", Fence: 5, At: 22 * second},
		{Worker: 3, Op: 3, Call: true, Kind: renew, Lock: "a", Fence: 5, At: 22 * second},
	}
	for _, e := range lines {
		h.add(e)
	}
	records := []record{
		{lock: "a", what: "grant", id: "x", fence: 1, at: second, expires: 10 * second},
		{lock: "a", what: "grant", id: "z", fence: 4, at: 20 * second, expires: 40 * second},
		{lock: "a", what: "number", id: "z", fence: 5, at: 20 * second, expires: 40 * second},
		{lock: "a", what: "delete", id: "z", fence: 5, at: 23 * second, expires: 40 * second},
	}
	got := map[string]int{}
	for _, o := range settle(h, records, 0) {
		got[string(o.Kind)+" "+string(o.Result)]++
	}
	if got["acquire ok"] != 1 || got["claim ok"] != 2 || got["release ok"] != 1 || len(got) != 3 {
		t.Errorf("got %v", got)
	}
	if found := check(h, records, 0, time.Minute); len(found) > 0 {
		t.Error(found)
	}
	h.add(event{Worker: 9, Op: 9})
	if found := check(h, records, 0, time.Minute); len(found) != 1 {
		t.Errorf("an answer without a call: %v", found)
	}
}

// A lock is removed once: a release that is not sure of it gives way to a break, and two breaks do not.
func TestSettleRemovals(t *testing.T) {
	records := []record{
		{lock: "a", what: "grant", id: "x", fence: 1, at: 0, expires: 9 * second},
		{lock: "a", what: "delete", id: "x", fence: 1, at: 10 * second},
	}
	for name, tc := range map[string]struct {
		ends       []kind
		violations int
	}{
		"release":                {[]kind{release}, 0},
		"break":                  {[]kind{breakIt}, 0},
		"release and break":      {[]kind{release, breakIt}, 0},
		"two that claim a break": {[]kind{breakIt, breakIt}, 1},
	} {
		h := newHistory()
		h.add(event{Worker: 1, Op: 1, Call: true, Kind: acquire, Lock: "a", ID: "x"})
		h.add(event{Worker: 1, Op: 1, Result: ok, Fence: 1, At: second, Deadline: 9 * second})
		for i, k := range tc.ends {
			h.add(event{Worker: 2 + i, Op: 1, Call: true, Kind: k, Lock: "a", Fence: 1, At: 9 * second})
		}
		for i := range tc.ends {
			h.add(event{Worker: 2 + i, Op: 1, Result: ok, At: 11 * second})
		}
		if found := check(h, records, 0, time.Minute); len(found) != tc.violations {
			t.Errorf("%s: %v", name, found)
		}
	}
}
