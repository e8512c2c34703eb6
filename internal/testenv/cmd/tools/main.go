// Command tools builds the pinned programs that tests, benchmarks and the quickstart run, so that
// no test has to wait for a compiler:
//
//	go run ./internal/testenv/cmd/tools -all
//	go run ./internal/testenv/cmd/tools minio tofu
//
// It prints a line with name, path, version and time for each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tools", flag.ContinueOnError)
	flags.SetOutput(stderr)
	all := flags.Bool("all", false, "every tool")
	flags.Usage = func() {
		_, _ = fmt.Fprintf(stderr, "usage: tools -all | NAME...\nnames: %s\n", strings.Join(toolchain.Names(), " "))
	}
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	names := flags.Args()
	if *all {
		names = toolchain.Names()
	}
	if len(names) == 0 {
		flags.Usage()
		return 2
	}

	code := 0
	for _, name := range names {
		tool, err := toolchain.Ensure(ctx, name)
		if err != nil {
			_, _ = fmt.Fprintln(stderr, err)
			code = 1
			continue
		}
		did := "found"
		if tool.Built {
			did = "built"
		}
		_, _ = fmt.Fprintf(stdout, "%s %s %s (%s in %s)\n", tool.Name, tool.Path, tool.Version, did, tool.Took.Round(10*time.Millisecond))
	}
	return code
}
