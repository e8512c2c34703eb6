package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// The defaults of locksFlags.
const (
	here            = "."
	allEnvironments = "all"
)

// locksFlags say which locks are meant.
type locksFlags struct {
	store      storeFlags
	dir        string
	env, phase string
	workspace  string
	stack      string
	backend    []string
}

func (f *locksFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.dir, "dir", here, "directory of a configuration or a Pulumi project, or one above environments/")
	fs.StringVar(&f.env, "env", allEnvironments, "one environment, or all")
	fs.StringVar(&f.phase, "phase", "", "one phase of an environment, of any name (without it: infra and coder)")
	fs.StringVar(&f.workspace, "workspace", "", "workspace of Terraform (acquire: the selected one; all others: all)")
	fs.StringVar(&f.stack, "stack", "", "stack of Pulumi (acquire: the selected one; all others: all)")
	fs.StringArrayVar(&f.backend, "backend-config", nil, "completes a partial backend, as for terraform init; may be repeated")
	f.store.add(fs)
}

func (a *App) locksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "locks",
		Short: "Show, take, give back and break locks",
		Long: `locks works on locks of every kind: the leases of a lock table, which groundwork exec takes, and the
locks that the tools themselves hold on states (lock files, DynamoDB items, Pulumi's lock files, local
locks, advisory locks of the pg backend).

Where states are follows from --dir: the backends of the configuration and of the Pulumi project in it,
and of all environments in its folder environments. The locks of all workspaces and stacks there are
shown, unless --workspace or --stack names one. Leases are shown when a lock table is configured.

As JSON and YAML, list shows locks, and warnings about configurations that may not say where the states
really are; acquire, release and break show done (acquired, released or broken), lock, and also, which is
the same lock in other places. Each lock has an id and a kind (lease, lockfile, dynamodb, pulumi, local
or pg), the name of what is locked, its place, environment and phase, the holder with operation and pid,
since and age_seconds, left_seconds and whether it is expired, the fence of a lease and how many are
waiting for it, the problem that keeps the holder unknown, and what to do next. What is not known is left
out.

` + storeHelp,
	}
	group(cmd)
	cmd.AddCommand(a.locksListCommand(), a.locksAcquireCommand(), a.locksReleaseCommand(), a.locksBreakCommand())
	return cmd
}

// locations are the states that the flags mean; none where the directory holds no configuration. For
// one state a stack has to be known, and its project.
func (f *locksFlags) locations(a *App, oneState bool) ([]location.Location, error) {
	o := location.Options{
		Dir: f.dir, Getenv: a.Getenv, Workspace: f.workspace, Stack: f.stack, BackendConfig: f.backend, NeedStack: oneState || f.stack != "",
	}
	if f.stack != "" {
		o.Tool = location.Pulumi
		return location.FindAll(o)
	}
	if f.workspace != "" {
		o.Tool = location.Terraform
	}
	only := location.Filter{Environment: f.env, Phase: f.phase}
	if only.Environment == allEnvironments {
		only.Environment = ""
	}
	root := filepath.Join(f.dir, "environments")
	if only == (location.Filter{}) && !isDir(root) {
		found, err := location.FindAll(o)
		if isNothing(err) && a.Getenv("PULUMI_BACKEND_URL") != "" {
			o.Tool = location.Pulumi // whose backend has locks without a project
			return location.FindAll(o)
		}
		return found, err
	}
	found, err := location.Environments(root, only, o)
	if only != (location.Filter{}) {
		return found, err
	}
	// A project or a configuration may stand beside the environments.
	beside, besideErr := location.FindHere(o)
	if isNothing(err) && (len(beside) > 0 || besideErr != nil) {
		err = nil // environments may as well hold nothing but values
	}
	return append(found, beside...), errors.Join(err, besideErr)
}

// isNothing tells a directory without any configuration from one whose configuration is broken.
func isNothing(err error) bool {
	var unknown *location.Error
	return errors.As(err, &unknown) && unknown.Nothing
}

func isDir(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir()
}

func (a *App) lockWorld() lockview.World {
	return lockview.World{Getenv: a.Getenv, Version: a.Version}
}

// seenLocks is what is seen of the locks that the flags mean.
type seenLocks struct {
	entries []lockview.Entry
	// store is nil without a lock table, and closed by the caller.
	store lease.Store
	// asked tells that there was something to ask.
	asked    bool
	warnings []string
}

// look shows all locks that the flags mean. The error is of what could not be asked; all else is
// returned with it.
func (f *locksFlags) look(ctx context.Context, a *App) (seenLocks, error) {
	var s seenLocks
	var errs []error
	configured := f.store.configured(a.Getenv) || cmp.Or(f.store.dynamodb.table, a.Getenv("GROUNDWORK_DYNAMODB_TABLE")) != ""
	if configured {
		store, err := f.store.open(ctx, a)
		if err != nil {
			errs = append(errs, fmt.Errorf("open the lock table: %w", err))
		} else {
			s.store = store
		}
	}
	found, err := f.locations(a, false)
	switch {
	case err != nil && configured && isNothing(err) && f.dir == here:
		a.logf("no states are looked at: %v", err)
	case err != nil:
		errs = append(errs, err)
	}
	for _, l := range found {
		for _, w := range l.Warnings {
			s.warnings = append(s.warnings, l.Dir+": "+w)
		}
	}
	world := a.lockWorld()
	world.OneState = f.workspace != "" || f.stack != ""
	s.entries, err = world.List(ctx, s.store, found)
	s.asked = s.store != nil || len(found) > 0
	err = errors.Join(append(errs, err)...)
	if err != nil && s.asked && !errors.Is(err, context.Canceled) {
		// What a part of it failed of says nothing about the whole, such as that there is no such lock.
		err = &ExitError{Code: CodeError, Err: err}
	}
	return s, err
}

func closeStore(store lease.Store) {
	if store != nil {
		_ = store.Close() // leases are not touched by that
	}
}

// LockDocument is one lock in JSON and YAML.
type LockDocument struct {
	// ID names this very lock, for release and break. Kind is lease, lockfile, dynamodb, pulumi, local
	// or pg.
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Name is what is locked, Place where the lock is.
	Name        string `json:"name"`
	Place       string `json:"place,omitempty"`
	Environment string `json:"environment,omitempty"`
	Phase       string `json:"phase,omitempty"`
	Holder      string `json:"holder"`
	Operation   string `json:"operation,omitempty"`
	PID         int    `json:"pid,omitempty"`
	// Since is in RFC 3339, AgeSeconds by the clock of this machine; both are left out where it is
	// not known.
	Since      string `json:"since,omitempty"`
	AgeSeconds *int64 `json:"age_seconds,omitempty"`
	// LeftSeconds is left out for a lock without an end. Expired tells that anybody may take it.
	LeftSeconds *int64 `json:"left_seconds,omitempty"`
	Expired     bool   `json:"expired"`
	Fence       int64  `json:"fence,omitempty"`
	Waiting     int    `json:"waiting,omitempty"`
	// Problem says why the holder is not known, as where the lock's content cannot be read.
	Problem string `json:"problem,omitempty"`
	// Next is what to do about it.
	Next string `json:"next,omitempty"`
}

// LocksDocument is what locks list prints.
type LocksDocument struct {
	FormatVersion string         `json:"format_version"`
	Locks         []LockDocument `json:"locks"`
	// Warnings are about configurations that may not say where the states really are.
	Warnings []string `json:"warnings,omitempty"`
}

func lockDocument(e lockview.Entry) LockDocument {
	d := LockDocument{
		ID: e.ID, Kind: e.Kind, Name: e.Name, Place: e.Place, Environment: e.Environment, Phase: e.Phase, Holder: e.Who,
		Operation: e.Operation, PID: e.PID, Expired: e.Expired, Fence: e.Fence, Waiting: e.Waiting, Problem: e.Problem, Next: e.Next,
	}
	if !e.Since.IsZero() {
		age := int64(max(0, time.Since(e.Since)).Seconds())
		d.Since, d.AgeSeconds = e.Since.UTC().Format(time.RFC3339), &age
	}
	if !e.Endless && e.Kind == lockview.KindLease {
		left := int64(e.Left.Seconds())
		d.LeftSeconds = &left
	}
	return d
}

// lockHint gives the next command for a lock that is in the way, lost or another one by now.
func lockHint(err error) string {
	if text := toollock.Hint(err); text != "" {
		return text
	}
	var live *lockview.LiveError
	var held *lease.HeldError
	switch {
	case errors.As(err, &live):
		return "A run that lives goes on writing without its lock. " + live.Entry.Next
	case errors.As(err, &held):
		return "See who waits and for how long: groundwork locks list. A lease that nobody renews ends by itself; before that: " + lockview.OfLease(held.Holder).Next
	case errors.Is(err, lease.ErrLost):
		return "Somebody else may have written meanwhile. Look at the state before you go on: groundwork locks list, then a plan or a preview."
	}
	return ""
}
