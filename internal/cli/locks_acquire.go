package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// acquireFlags are those of acquire.
type acquireFlags struct {
	locksFlags

	name, operation   string
	scope             choice
	timeout, duration seconds
	tool, hold        bool
	table             string // the flags that name the lock table
}

func (a *App) locksAcquireCommand() *cobra.Command {
	f := acquireFlags{
		scope:   choice{value: string(location.ScopeStack), among: []string{string(location.ScopeStack), string(location.ScopeBackend)}},
		timeout: seconds(0), duration: seconds(lease.DefaultDuration),
	}
	cmd := &cobra.Command{
		Use:   "acquire",
		Short: "Take a lock and keep it",
		Long: `acquire takes a lease, or with --tool the lock that Terraform, OpenTofu or Pulumi would take on the
state in --dir, so that they are kept out: for maintenance by hand, or around steps of a pipeline.

A lease that is not renewed ends after --lease. A tool lock stays until groundwork locks release. The
locks of local files and of the pg backend end with the process that holds them: they need --hold, with
which acquire keeps any lock, renews a lease, and gives the lock back when it is interrupted.

To run one command under a lock, use groundwork exec: it cannot forget to give the lock back.

Exit codes: 11 if somebody else holds the lock; 130 if interrupted while waiting; 0 if interrupted while
holding, after the lock was given back; 1 if the lock was lost.`,
		Example: `  groundwork locks acquire --lock maintenance --lease 1h
  groundwork locks acquire --tool --dir environments/prod/infra --operation "restore by hand"
  groundwork locks acquire --tool --hold`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd, a.Getenv); err != nil {
				return err
			}
			if f.tool {
				return a.acquireTool(cmd.Context(), f)
			}
			return a.acquireLease(cmd.Context(), f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.name, "lock", "", "name of the lease (what is in --dir)")
	fs.Var(&f.scope, "lock-scope", "how much the lease covers: stack or backend (PULUMI_LOCK_SCOPE)")
	fs.Var(&f.timeout, "lock-timeout", "how long to wait while somebody else holds the lock")
	fs.Var(&f.duration, "lease", "how long the lease lasts")
	fs.StringVar(&f.operation, "operation", "held by hand", "what others see as the reason")
	fs.BoolVar(&f.tool, "tool", false, "take the tool's own lock on the state")
	fs.BoolVar(&f.hold, "hold", false, "keep it until this command is interrupted")
	f.add(fs)
	return cmd
}

// complete takes from the environment what is not on the command line, as exec does, so that both name
// a lock alike, and refuses what cannot be meant.
func (f *acquireFlags) complete(cmd *cobra.Command, getenv func(string) string) error {
	if err := fromEnvironment(cmd, getenv, "lock-scope", "PULUMI_LOCK_SCOPE"); err != nil {
		return err
	}
	f.table = f.store.given(cmd.Flags())
	problem := ""
	switch {
	case f.tool && cmd.Flags().Changed("lock"):
		problem = "--lock names a lease, and --tool takes the tool's own lock: leave one of them out"
	case cmd.Flags().Changed("lock") && f.name == "":
		problem = "the name in --lock is empty: give one, or leave --lock out for the name of what is in --dir"
	case f.duration == 0:
		problem = "a lease of 0 is over when it begins: give --lease a time, such as 5m"
	default:
		return nil
	}
	return &UsageError{Command: cmd.CommandPath(), Problem: problem}
}

// one is the only state that the flags mean. For the lock of a whole backend no stack has to be known.
func (f *locksFlags) one(a *App, scope location.Scope) (location.Location, error) {
	found, err := f.locations(a, scope == location.ScopeStack)
	const name = "and one is needed: name it with --dir, --env and --phase, --workspace, or --stack"
	switch {
	case err != nil && len(found) > 0:
		return location.Location{}, fmt.Errorf("several states are meant, %s: %w", name, err)
	case err != nil:
		return location.Location{}, err
	case len(found) != 1:
		return location.Location{}, &UsageError{Problem: fmt.Sprintf("%d states are meant, %s", len(found), name)}
	}
	for _, w := range found[0].Warnings {
		_, _ = fmt.Fprintf(a.Stderr, "groundwork: warning: %s: %s\n", found[0].Dir, w)
	}
	return found[0], nil
}

func (a *App) acquireTool(ctx context.Context, f acquireFlags) error {
	l, err := f.one(a, location.ScopeStack)
	if err != nil {
		return err
	}
	places, err := a.lockWorld().Places(ctx, l)
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return &UsageError{Problem: "the backend in " + l.Dir + " does not lock: set use_lockfile or dynamodb_table in it, or take a lease"}
	}
	for _, p := range places {
		if !p.Kind().Durable() && !f.hold {
			return &UsageError{Problem: fmt.Sprintf("a %s lock ends with the process that holds it: give --hold, or use groundwork exec", p.Kind())}
		}
	}
	info := lease.Info{Operation: f.operation, Info: runInfo(a.Getenv), Version: a.Version}
	grant, err := toollock.AcquireAll(ctx, places, info, time.Duration(f.timeout), func(locks []toollock.Lock) {
		_, _ = fmt.Fprintf(a.Stderr, "groundwork: waiting for %s: held by %s\n", locks[0].Protects, locks[0].Holder())
	})
	if err != nil {
		return err
	}
	var entries []lockview.Entry
	for _, l := range append([]toollock.Lock{grant.Lock}, grant.Also...) {
		entries = append(entries, lockview.OfTool(l))
	}
	if err := a.showAcquired(entries, f.hold); err != nil || !f.hold {
		return err
	}
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	return grant.Release(ctx)
}

func (a *App) acquireLease(ctx context.Context, f acquireFlags) error {
	name := f.name
	if name == "" {
		scope := location.Scope(f.scope.value)
		l, err := f.one(a, scope)
		if err == nil {
			name, err = l.LockName(scope)
		}
		if err != nil {
			return &HintError{Err: err, Hint: "Name the lease with --lock NAME."}
		}
	}
	store, err := f.store.open(ctx, a)
	if err != nil {
		return fmt.Errorf("open the lock table: %w", err)
	}
	defer closeStore(store)
	notices := a.newNotices(name, f.timeout)
	defer notices.waited()
	grant, err := store.Acquire(ctx, lease.Request{Name: name, Duration: time.Duration(f.duration), Info: lease.Info{
		Operation: f.operation, Info: runInfo(a.Getenv), Version: a.Version, Path: name}},
		lease.Wait{Timeout: time.Duration(f.timeout), OnWait: notices.wait})
	if err != nil {
		return timeoutError(err, name, f.table, fmt.Sprintf("--lock-timeout %s", doubled(f.timeout)))
	}
	notices.acquired(grant)
	shown := lockview.OfLease(lease.Held{Name: name, Fence: grant.Fence, Info: grant.Info, Acquired: time.Now(), Left: time.Until(grant.Deadline())})
	if err := a.showAcquired([]lockview.Entry{shown}, f.hold); err != nil || !f.hold {
		return err
	}
	return holdLease(ctx, store, grant)
}

// showAcquired shows what was taken, and to people how to give it back.
func (a *App) showAcquired(entries []lockview.Entry, hold bool) error {
	if err := a.showChange("acquired", entries); err != nil || a.format != FormatTable {
		return err
	}
	text := "Give it back: groundwork locks release " + entries[0].ID
	if hold {
		text = "It is given back when this command is interrupted."
	}
	_, err := fmt.Fprintln(a.Stdout, text)
	return err
}

// releaseTime bounds giving a lock back when the command was interrupted.
const releaseTime = 15 * time.Second

// holdLease renews a lease until it is interrupted, and gives it back.
func holdLease(ctx context.Context, store lease.Store, grant lease.Grant) error {
	k := lease.Keep(store, grant, lease.KeepOptions{})
	select {
	case <-k.Lost():
		k.Stop()
		return k.Err()
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	return k.Release(ctx)
}

func (a *App) locksReleaseCommand() *cobra.Command {
	var f locksFlags
	cmd := &cobra.Command{
		Use:   "release ID",
		Short: "Give back a lock that locks acquire took",
		Long: `release gives back a lock by the ID that locks acquire printed: exactly this one, in both places where
the backend locks in two, and no other that somebody has taken since. An ID that you did not get from
acquire is somebody else's lock: see locks break. The record that break keeps is kept for a tool lock as
well.

Exit codes: 10 if nobody holds a lock with this ID: it expired and was taken, or was broken; 1 if it
failed, or if no such lock was found and something could not be asked.`,
		Example: `  groundwork locks release 4ee16c10-3c17-4c4b-a93a-e1f7a42e1e58`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, store, err := f.find(cmd, a, args[0])
			defer closeStore(store)
			if err != nil {
				return err
			}
			if e := found[0]; e.ID != args[0] {
				return &UsageError{Command: cmd.CommandPath(), Problem: "a name does not tell whose lock it is: give the ID that locks acquire printed, " + quote(e.ID) + " if it is yours"}
			}
			return a.change("released", found, func(e lockview.Entry) error {
				if e.Kind == lockview.KindLease {
					return store.Release(cmd.Context(), lease.Grant{Name: e.Name, Fence: e.Fence, Sent: time.Now(), Duration: e.Left})
				}
				return e.Break(cmd.Context(), store, true, lease.Info{Operation: "release", Info: "released by its ID"})
			})
		},
	}
	f.add(cmd.Flags())
	return cmd
}
