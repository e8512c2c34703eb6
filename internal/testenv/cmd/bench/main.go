// Command bench measures what groundwork costs, side by side with bare calls of the AWS SDK that
// change the same settings, in one run and against one server:
//
//	go run ./internal/testenv/cmd/bench
//
// Locks on PostgreSQL are measured beside bare statements of pgx in the same way.
//
// A real MinIO stands behind a proxy that delays every request, so that requests and round trips
// weigh what they weigh on a network. It prints tables; BENCH_JSON=FILE also writes the numbers as
// JSON. Nothing here fails because something was slow: the numbers are for people to compare.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// jsonVariable names the file that gets the numbers as JSON.
const jsonVariable = "BENCH_JSON"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are how much is measured.
type options struct {
	latency time.Duration
	// counts are the numbers of buckets, and repeats how often each number is measured.
	counts  []int
	repeats map[int]int
	// starts is how often each program is started.
	starts int
	// locks is how often a lock is taken.
	locks int
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	latency := flags.Duration("latency", 30*time.Millisecond, "delay of every request to the server")
	buckets := flags.Int("buckets", 50, "buckets in the measurement of many")
	starts := flags.Int("starts", 15, "starts of each program")
	locks := flags.Int("locks", 300, "locks taken and given back")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *buckets < 2 || *starts < 1 || *locks < 1 || *latency < 0 || flags.NArg() > 0:
		_, _ = fmt.Fprintln(stderr, "bench: at least 2 buckets, 1 start and 1 lock, a latency that is not negative, and no arguments")
		return 2
	}
	o := options{
		latency: *latency, counts: []int{1, *buckets}, repeats: map[int]int{1: 3, *buckets: 1}, starts: *starts, locks: *locks,
	}
	if err := measure(ctx, o, getenv(jsonVariable), stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

func measure(ctx context.Context, o options, jsonFile string, stdout, stderr io.Writer) (err error) {
	note := func(format string, args ...any) { _, _ = fmt.Fprintf(stderr, "bench: "+format+"\n", args...) }
	note("building the provider and starting MinIO")
	l, err := newLab(ctx, o.latency)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()

	r := &report{FormatVersion: "1.0", Latency: o.latency, Machine: machine()}
	for _, n := range o.counts {
		if err := l.buckets(ctx, r, n, o.repeats[n], note); err != nil {
			return err
		}
	}
	if err := locks(ctx, r, o.locks, note); err != nil {
		return err
	}
	note("starting the provider %d times", o.starts)
	if r.Starts, err = l.starts(ctx, o.starts); err != nil {
		return err
	}
	if r.Binaries, err = l.binaries(); err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	if jsonFile == "" {
		return nil
	}
	note("writing %s", jsonFile)
	return r.writeJSON(jsonFile)
}
