//go:build unix

// Command locktorture runs the torture of leases and prints what it came to:
//
//	go run ./internal/testenv/cmd/locktorture
//
// It exits with 1 when a lock did not hold, or when too little happened to tell.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/torture"
)

func main() {
	if torture.IsWorker() {
		os.Exit(torture.Worker())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx)
	stop()
	os.Exit(code)
}

func run(ctx context.Context) int {
	short := flag.Bool("short", os.Getenv("SHORT") != "", "a minute or so instead of 100,000 operations (SHORT=1)")
	operations := flag.Int("operations", 100_000, "acquires, renewals and releases to be answered")
	limit := flag.Duration("limit", 30*time.Minute, "when to end in any case")
	workers := flag.Int("workers", 12, "processes at any time")
	flag.Parse()
	least := *operations
	if *short {
		// The time is what is given; how much happens in it depends on the machine.
		*limit, least = 45*time.Second, 500
	}
	figures, err := torture.Run(ctx, torture.Options{Operations: *operations, Limit: *limit, Workers: *workers, Progress: os.Stderr})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "lock-torture:", err)
		return 1
	}
	if err := figures.Print(os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "lock-torture:", err)
		return 1
	}
	if figures.Stderr != "" {
		_, _ = fmt.Fprintln(os.Stderr, "The workers said:", figures.Stderr)
	}
	switch {
	case len(figures.Violations) > 0:
		return 1
	case figures.Operations < least:
		_, _ = fmt.Fprintf(os.Stderr, "lock-torture: only %d operations of at least %d\n", figures.Operations, least)
		return 1
	}
	return 0
}
