package cli

import (
	"context"
	"errors"
	"io"
	"os/signal"

	"github.com/spf13/cobra"
)

// App is one run of the command line: what it knows of the world outside.
type App struct {
	// Version of groundwork, "dev" for a build that is no release.
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	// Getenv reads the environment.
	Getenv func(string) string

	format  Format
	verbose bool
}

// ownSignals marks a command that decides for itself what an interrupt means.
const ownSignals = "own-signals"

// Run executes the command that args name and returns the exit code of the process.
func (a *App) Run(ctx context.Context, args []string) int {
	root := a.Command()
	root.SetArgs(args)
	a.format = formatAhead(args)
	err := root.ExecuteContext(ctx)
	return a.finish(err)
}

// Command is the tree of all commands, also for the generated documentation.
func (a *App) Command() *cobra.Command {
	root := &cobra.Command{
		Use:   "groundwork",
		Short: "Look after the place where infrastructure state lives",
		Long: `groundwork looks after the place where infrastructure state lives: the locks on it, and the runs
that change it.

Exit codes:
` + codesText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Annotations[ownSignals] == "" {
				// The process ends soon after, and the signals with it.
				ctx, _ := signal.NotifyContext(cmd.Context(), stopSignals()...)
				cmd.SetContext(ctx)
			}
			return nil
		},
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	a.format = FormatTable
	root.PersistentFlags().Var(&a.format, "format", "how to show results: table, json or yaml")
	root.PersistentFlags().BoolVar(&a.verbose, "verbose", false, "say more about what is done, on standard error")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &UsageError{Command: cmd.CommandPath(), Problem: err.Error()}
	})
	group(root)
	root.AddCommand(a.execCommand(), a.locksCommand(), a.versionCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// group makes a command that only has subcommands show its help, and refuse what is none of them.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		problem := "there is no command " + quote(args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			problem += "; did you mean " + quote(near[0]) + "?"
		}
		return &UsageError{Command: cmd.CommandPath(), Problem: problem}
	}
	cmd.SuggestionsMinimumDistance = 2
}

// arguments turns cobra's complaint about arguments into one about the usage.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if usage := (*UsageError)(nil); err == nil || errors.As(err, &usage) {
			return err
		}
		return &UsageError{Command: cmd.CommandPath(), Problem: err.Error()}
	}
}
