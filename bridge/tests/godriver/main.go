// Command godriver runs a Go program through Pulumi's Automation API, which needs no language host:
//
//	godriver OPERATION PROJECT STACK PROGRAM
//
// The tests build it together with the programs, whose main functions they turn into ones that
// register. The last line says how many resources had which change.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

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
	if len(args) != 4 {
		return fmt.Errorf("usage: godriver OPERATION PROJECT STACK PROGRAM, and not %q", args)
	}
	program, ok := programs[args[3]]
	if !ok {
		return fmt.Errorf("there is no program %q", args[3])
	}
	s, err := auto.UpsertStackInlineSource(ctx, args[2], args[1], program, auto.WorkDir("."))
	if err != nil {
		return err
	}
	changes := map[string]int{}
	if args[0] == "preview" {
		result, err := s.Preview(ctx, optpreview.ProgressStreams(os.Stderr))
		if err != nil {
			return err
		}
		for op, n := range result.ChangeSummary {
			changes[string(op)] = n
		}
	} else {
		result, err := s.Up(ctx, optup.ProgressStreams(os.Stderr))
		if err != nil {
			return err
		}
		if result.Summary.ResourceChanges != nil {
			changes = *result.Summary.ResourceChanges
		}
	}
	return json.NewEncoder(os.Stdout).Encode(changes)
}
