// Command godriver runs Go programs through Pulumi's Automation API, which needs no language host:
//
//	godriver OPERATIONS PROJECT STACK PROGRAM...
//
// The tests build it together with the programs, whose main functions they turn into ones that
// register. Those that are named are one stack together. Operations are separated by commas; each
// ends with a line that says how many resources had which change.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	_ "github.com/pulumi/pulumi/sdk/v3/go/pulumi/config" // programs use it

	_ "github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork" // programs use it
)

// programs are the registered ones, by name.
var programs = map[string]pulumi.RunFunc{}

// register is what `pulumi.Run` becomes in a program.
//
//nolint:unused // the programs are compiled in beside it
func register(name string, program pulumi.RunFunc) { programs[name] = program }

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("usage: godriver OPERATIONS PROJECT STACK PROGRAM..., and not %q", args)
	}
	for _, name := range args[3:] {
		if programs[name] == nil {
			return fmt.Errorf("there is no program %q", name)
		}
	}
	together := func(ctx *pulumi.Context) error {
		for _, name := range args[3:] {
			if err := programs[name](ctx); err != nil {
				return fmt.Errorf("program %s: %w", name, err)
			}
		}
		return nil
	}
	s, err := auto.UpsertStackInlineSource(ctx, args[2], args[1], together, auto.WorkDir("."))
	if err != nil {
		return err
	}
	for _, operation := range strings.Split(args[0], ",") {
		changes, err := operate(ctx, s, operation)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(changes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// operate returns how many resources had which change.
func operate(ctx context.Context, s auto.Stack, operation string) (map[string]int, error) {
	changes := map[string]int{}
	if operation == "preview" {
		result, err := s.Preview(ctx, optpreview.ProgressStreams(os.Stderr))
		for op, n := range result.ChangeSummary {
			changes[string(op)] = n
		}
		return changes, err
	}
	result, err := s.Up(ctx, optup.ProgressStreams(os.Stderr))
	if err == nil && result.Summary.ResourceChanges != nil {
		changes = *result.Summary.ResourceChanges
	}
	return changes, err
}
