//go:build unix

package torture

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Figures are what a run came to.
type Figures struct {
	Took, Judging time.Duration
	// Operations are the acquires, renewals and releases that were answered.
	Operations int
	// Counts are all operations by kind and result, such as "acquire ok".
	Counts map[string]int
	// Unanswered operations ended with the process, or with an error that says nothing.
	Unanswered int
	// Processes were started in all.
	Processes                                                        int
	Kills, Stops, Restarts, Crashes, Cuts, Stalls, Slowed, Exhausted int
	// Audited is how many changes the database recorded, Takeovers how many leases were taken after
	// they had expired.
	Audited, Takeovers int
	// Violations are what is wrong.
	Violations []error
	Stderr     string
}

func (f *Figures) count(h *history, records []record) {
	f.Counts = map[string]int{}
	workers := map[int]bool{}
	for _, o := range h.ops {
		workers[o.Worker] = true
		if o.answered == 0 || o.Result == unknown {
			f.Unanswered++
			continue
		}
		f.Counts[string(o.Kind)+" "+string(o.Result)]++
	}
	f.Operations, f.Processes, f.Audited = h.done, len(workers), len(records)
	holder := map[string]string{}
	for _, r := range records {
		switch r.what {
		case "grant":
			if before := holder[r.lock]; before != "" && before != r.id {
				f.Takeovers++
			}
			holder[r.lock] = r.id
		case "delete":
			holder[r.lock] = ""
		}
	}
}

// Print writes the figures as a table.
func (f *Figures) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) } // errors show at Flush
	p("Lock torture: %d operations (acquire, renew, release) in %s, %.0f a second, by %d processes", f.Operations, f.Took.Round(time.Second),
		float64(f.Operations)/f.Took.Seconds(), f.Processes)
	p("")
	p("OPERATION\tOK\tHELD\tLOST\tREFUSED")
	for _, k := range []kind{acquire, renew, release, breakIt, write} {
		of := func(r result) string { return fmt.Sprint(f.Counts[string(k)+" "+string(r)]) }
		p("%s\t%s\t%s\t%s\t%s", k, of(ok), of(held), of(lost), of(refused))
	}
	p("unanswered\t%d", f.Unanswered)
	p("")
	p("FAULT\tTIMES")
	for _, row := range []struct {
		name string
		n    int
	}{
		{"process killed (kill -9)", f.Kills}, {"process stopped (SIGSTOP), up to twice the lease", f.Stops},
		{"database restarted", f.Restarts}, {"database crashed", f.Crashes}, {"connections cut", f.Cuts},
		{"connections stalled", f.Stalls}, {"connections slowed", f.Slowed}, {"connections used up", f.Exhausted},
	} {
		p("%s\t%d", row.name, row.n)
	}
	p("")
	p("Changes recorded in the database\t%d", f.Audited)
	p("Leases taken over after they had expired\t%d", f.Takeovers)
	p("Judged in\t%s", f.Judging.Round(time.Millisecond))
	p("Violations\t%d", len(f.Violations))
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the figures: %w", err)
	}
	for _, v := range f.Violations[:min(len(f.Violations), 20)] {
		if _, err := fmt.Fprintln(w, "VIOLATION:", v); err != nil {
			return err
		}
	}
	return nil
}
