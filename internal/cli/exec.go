package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/leaserun"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
)

// execFlags are those of exec.
type execFlags struct {
	store    storeFlags
	name     string
	scope    choice
	timeout  seconds
	duration seconds
	onLost   choice
	signals  choice
	// table are the flags that name the lock table, as other commands take them.
	table string
}

// reminders come this often while somebody waits for a lock.
const reminders = time.Minute

// minLease leaves time for a renewal to fail and be tried again.
const minLease = time.Second

func (a *App) execCommand() *cobra.Command {
	f := execFlags{
		scope:    choice{value: string(location.ScopeStack), among: []string{string(location.ScopeStack), string(location.ScopeBackend)}},
		timeout:  seconds(lease.DefaultTimeout),
		duration: seconds(lease.DefaultDuration),
		onLost:   choice{value: string(leaserun.Interrupt), among: []string{string(leaserun.Interrupt), string(leaserun.Warn), string(leaserun.Kill)}},
		signals:  choice{value: string(leaserun.Pass), among: []string{string(leaserun.Pass), string(leaserun.Leave)}},
	}
	cmd := &cobra.Command{
		Use:   "exec [flags] -- CMD [ARG...]",
		Short: "Run a command while holding a lock",
		Long: `exec waits for a lock, runs CMD while it holds it, and gives it back when CMD has ended. While it
waits it says who holds the lock. CMD keeps its terminal, its input, its signals and its exit code.

Without --lock the lock is named after what CMD works on: project and stack for Pulumi (--stack and
-C of CMD count), bucket, key and workspace for Terraform and OpenTofu (-chdir counts). All who work on
one state have to use the same scope: a lock on a stack and one on the backend are different locks.

The lease is renewed while CMD runs. If it is lost all the same, because the database was away for
longer than --lease or because somebody broke the lock, --on-lost decides: interrupt does what Ctrl-C
would and lets CMD finish writing; warn only says so; kill ends CMD and what it has started at once.

Signals are passed on to CMD, except those of a terminal, which reach it by themselves. Where somebody
signals every process of a job, as GitLab's runner does in containers, and systemd, give --signals leave:
Terraform and Pulumi stop in the middle of their work at the second signal.

` + storeHelp + `

Exit codes: that of CMD, or 128+n if signal n ended it; 127 if there is no such command, 126 if it
cannot be run; 11 if the lock could not be had in time; 130 if it was interrupted before CMD ran; 3 if
the command line or the configuration cannot be meant; 10 if there is no such lock table or database;
1 if anything else failed before CMD ran.`,
		Example: `  groundwork exec -- pulumi up --stack dev --yes
  groundwork exec --lock-scope backend -- pulumi up --stack staging --yes
  groundwork exec --lock-timeout 15m -- terraform -chdir=environments/dev/infra apply
  groundwork exec --lock nightly --on-lost kill -- ./nightly.sh`,
		Args: arguments(func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("there is no command to run: write it behind --, as in groundwork exec -- terraform apply")
			}
			return nil
		}),
		Annotations: map[string]string{ownSignals: "yes"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.complete(cmd, a.Getenv); err != nil {
				return err
			}
			return a.exec(cmd.Context(), f, args)
		},
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false)
	fs.StringVar(&f.name, "lock", "", "name of the lock (what CMD works on)")
	fs.Var(&f.scope, "lock-scope", "how much the lock covers: stack (one stack or workspace) or backend (all of a bucket or database) (PULUMI_LOCK_SCOPE)")
	fs.Var(&f.timeout, "lock-timeout", "how long to wait for the lock; 0 does not wait (PULUMI_LOCK_TIMEOUT, in seconds)")
	fs.Var(&f.duration, "lease", "how long the lock lasts when this process cannot renew it any more")
	fs.Var(&f.onLost, "on-lost", "what to do when the lock is lost while CMD runs: interrupt, warn or kill")
	fs.Var(&f.signals, "signals", "pass signals on to CMD, or leave them to a sender that signals every process itself: pass or leave")
	f.store.add(fs)
	return cmd
}

// complete takes from the environment what is not on the command line, and refuses what cannot work.
func (f *execFlags) complete(cmd *cobra.Command, getenv func(string) string) error {
	if err := fromEnvironment(cmd, getenv, "lock-timeout", "PULUMI_LOCK_TIMEOUT"); err != nil {
		return err
	}
	if err := fromEnvironment(cmd, getenv, "lock-scope", "PULUMI_LOCK_SCOPE"); err != nil {
		return err
	}
	f.table = f.store.given(cmd.Flags())
	if cmd.Flags().Changed("lock") && f.name == "" {
		return &UsageError{Command: cmd.CommandPath(), Problem: "the name in --lock is empty: give one, or leave --lock out for the name of what CMD works on"}
	}
	if time.Duration(f.duration) < minLease {
		return &UsageError{Command: cmd.CommandPath(), Problem: fmt.Sprintf("a lease of %s is too short to be renewed in time; the shortest is %s", &f.duration, minLease)}
	}
	return nil
}

// exec runs a command under a lock. CMD's own exit code is an *ExitError without a message.
func (a *App) exec(ctx context.Context, f execFlags, args []string) error {
	command := location.ParseCommand(args, location.Options{Getenv: a.Getenv})
	name := f.name
	if name == "" {
		var err error
		if name, err = command.LockName(location.Scope(f.scope.value)); err != nil {
			return &HintError{Err: err, Hint: "Name the lock with --lock NAME, the same name in every run that must not overlap with this one."}
		}
	}
	store, err := f.store.open(ctx, a)
	if err != nil {
		return fmt.Errorf("open the lock table: %w", err)
	}
	defer func() { _ = store.Close() }() // the lease is given back by then
	notices := a.newNotices(name, f.timeout)
	notices.onLost = leaserun.OnLost(f.onLost.value)
	defer notices.waited()
	code, err := leaserun.Run(ctx, leaserun.Options{
		Store: store,
		Request: lease.Request{Name: name, Duration: time.Duration(f.duration), Info: lease.Info{
			Operation: command.Operation, Info: runInfo(a.Getenv), Version: a.Version, Path: name}},
		Timeout: time.Duration(f.timeout), OnLost: notices.onLost, Signals: leaserun.Signals(f.signals.value), Args: args,
		Stdin: fileOr(a.Stdin, nil), Stdout: fileOr(a.Stdout, os.Stdout), Stderr: fileOr(a.Stderr, os.Stderr),
		Events: notices.events(),
	})
	switch {
	case errors.Is(err, lease.ErrHeld):
		longer := doubled(f.timeout)
		return timeoutError(err, name, f.table, fmt.Sprintf("--lock-timeout %s, or PULUMI_LOCK_TIMEOUT=%d", longer, int(longer.Seconds())))
	case err != nil && code != 0:
		return &ExitError{Code: Code(code), Err: err}
	case err != nil:
		return err
	case code != 0:
		return &ExitError{Code: Code(code)}
	}
	return nil
}

// fileOr is the file behind a stream: a program can be handed files only.
func fileOr(stream any, otherwise *os.File) *os.File {
	if f, ok := stream.(*os.File); ok {
		return f
	}
	return otherwise
}

// runInfo says where this runs, for those who wait: the process, and in CI the job.
func runInfo(getenv func(string) string) string {
	text := fmt.Sprintf("pid %d", os.Getpid())
	if server, repo, run := getenv("GITHUB_SERVER_URL"), getenv("GITHUB_REPOSITORY"), getenv("GITHUB_RUN_ID"); run != "" {
		return text + ", " + server + "/" + repo + "/actions/runs/" + run
	}
	for _, variable := range []string{"CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL"} {
		if url := getenv(variable); url != "" {
			return text + ", " + url
		}
	}
	return text
}

// choice is a flag that takes one of several words. It implements pflag.Value.
type choice struct {
	value string
	among []string
}

func (c *choice) String() string { return c.value }

// Set takes one of the words.
func (c *choice) Set(text string) error {
	for _, word := range c.among {
		if text == word {
			c.value = text
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(c.among, ", "))
}

// Type is what the help calls the value.
func (c *choice) Type() string { return "word" }
