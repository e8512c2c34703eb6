package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

// report is all that was measured. The names in its JSON are stable.
type report struct {
	FormatVersion string        `json:"format_version"`
	Latency       time.Duration `json:"latency_ns"`
	Machine       string        `json:"machine"`
	Buckets       []bucketRow   `json:"buckets"`
	Locks         []lockRow     `json:"locks"`
	Handovers     []handoverRow `json:"lock_handovers"`
	Starts        []startRow    `json:"starts"`
	Binaries      []binaryRow   `json:"binaries"`
}

// bucketRow is the median run of one contender at one job.
type bucketRow struct {
	Job       string `json:"job"`
	Contender string `json:"contender"`
	Buckets   int    `json:"buckets"`
	Runs      int    `json:"runs"`
	Requests  int    `json:"requests"`
	// RoundTrips is the longest chain of requests of which each waited for the one before.
	RoundTrips int           `json:"round_trips"`
	Took       time.Duration `json:"took_ns"`
	// Ratio compares the time with the bare calls at the same job.
	Ratio float64 `json:"times_bare"`
}

type startRow struct {
	Program string        `json:"program"`
	Until   string        `json:"until"`
	Median  time.Duration `json:"median_ns"`
	Fastest time.Duration `json:"fastest_ns"`
	Slowest time.Duration `json:"slowest_ns"`
}

type binaryRow struct {
	Program string `json:"program"`
	Bytes   int64  `json:"bytes"`
}

func machine() string {
	return fmt.Sprintf("%s/%s, %s, %s", runtime.GOOS, runtime.GOARCH, count(runtime.NumCPU(), "core"), runtime.Version())
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// add adds the median of the samples, if there are any.
func (r *report) add(job, contender string, n int, samples []sample) {
	if len(samples) == 0 {
		return
	}
	m := median(samples)
	row := bucketRow{
		Job: job, Contender: contender, Buckets: n, Runs: len(samples), Requests: m.requests, RoundTrips: m.rounds, Took: m.took, Ratio: 1,
	}
	for _, b := range r.Buckets {
		if b.Contender == bareSDK && b.Job == job && b.Buckets == n && b.Took > 0 {
			row.Ratio = float64(m.took) / float64(b.Took)
		}
	}
	r.Buckets = append(r.Buckets, row)
}

func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) } // errors show at Flush
	p("Measured on %s. MinIO on the same machine; every request is delayed by %s.", r.Machine, r.Latency)
	p("A round trip is a request, or several at once, that had to wait for the one before; with many")
	p("buckets it counts the longest chain. The bare calls send the settings and no more. groundwork")
	p("also reads everything back, and its probe races small writes to prove that locks hold. On MinIO")
	p("it sends settings one after the other, since MinIO loses parallel changes; to services that bear")
	p("it they go in one round. %s at a time, which is Terraform's own default.", count(parallel, "bucket"))
	p("")
	p("JOB\tBUCKETS\tHOW\tREQUESTS\tROUND TRIPS\tTIME\tTIMES BARE")
	for _, b := range r.Buckets {
		p("%s\t%d\t%s\t%d\t%d\t%s\t%.1f", b.Job, b.Buckets, b.Contender, b.Requests, b.RoundTrips, seconds(b.Took), b.Ratio)
	}
	p("")
	r.printLocks(p)
	p("PROGRAM\tUNTIL\tMEDIAN\tFASTEST\tSLOWEST")
	for _, s := range r.Starts {
		p("%s\t%s\t%s\t%s\t%s", s.Program, s.Until, millis(s.Median), millis(s.Fastest), millis(s.Slowest))
	}
	p("")
	p("PROGRAM\tSIZE")
	for _, b := range r.Binaries {
		p("%s\t%.1f MB", b.Program, float64(b.Bytes)/1e6)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the tables: %w", err)
	}
	return nil
}

func (r *report) printLocks(p func(format string, args ...any)) {
	if len(r.Locks) == 0 {
		return
	}
	p("Locks on PostgreSQL on the same machine, which does not wait for its disk (fsync = off), so that the")
	p("way there and back counts. A statement and its answer are each delayed by what DELAYED says.")
	p("")
	p("LOCK\tDELAYED\tRUNS\tSTATEMENTS\tTIME\tTIMES BARE")
	for _, l := range r.Locks {
		p("%s\t%s\t%d\t%.1f\t%s\t%.1f", l.Contender, l.Delay, l.Runs, l.Statements, millis(l.Took), l.Ratio)
	}
	p("")
	p("Handed over, from one that calls release to the next that has it; waiters in 10 pools of connections.")
	p("WAITERS\tRUNS\tSTATEMENTS\tMEDIAN\t90 %%\tSLOWEST")
	for _, h := range r.Handovers {
		p("%d\t%d\t%.1f\t%s\t%s\t%s", h.Waiters, h.Runs, h.Statements, millis(h.Median), millis(h.P90), millis(h.Slowest))
	}
	p("")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (r *report) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the numbers: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the numbers: %w", err)
	}
	return nil
}
