package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/layout"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/location"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
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
	fs.StringVar(&f.dir, "dir", ".", "directory of a configuration or a Pulumi project, or one above environments/")
	fs.StringVar(&f.env, "env", "all", "one environment, or all")
	fs.StringVar(&f.phase, "phase", "", "one phase of an environment, such as infra (all)")
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

Where states are follows from --dir: the backend of the configuration or of the Pulumi project in it,
or all environments in its folder environments. The locks of all workspaces and stacks there are
shown, unless --workspace or --stack names one. Leases are shown when a lock table is configured.

` + storeHelp,
	}
	group(cmd)
	cmd.AddCommand(a.locksListCommand(), a.locksAcquireCommand(), a.locksReleaseCommand(), a.locksBreakCommand())
	return cmd
}

// locations are the states that the flags mean; none where the directory holds no configuration.
func (f *locksFlags) locations(a *App) ([]location.Location, error) {
	o := location.Options{Dir: f.dir, Getenv: a.Getenv, Workspace: f.workspace, Stack: f.stack, BackendConfig: f.backend}
	root := filepath.Join(f.dir, "environments")
	if f.env != "all" || f.phase != "" || isDir(root) {
		found, err := location.Environments(root, layout.Options{}, o)
		var out []location.Location
		for _, l := range found {
			if (f.env == "all" || l.Environment == f.env) && (f.phase == "" || l.Phase == f.phase) {
				out = append(out, l)
			}
		}
		if len(out) == 0 && err == nil {
			return nil, &location.Error{Dir: f.dir, Problem: fmt.Sprintf("there is no configuration of environment %q and phase %q in %s", f.env, f.phase, root)}
		}
		return out, err
	}
	l, err := location.Find(o)
	if err != nil {
		return nil, err
	}
	return []location.Location{l}, nil
}

func isDir(path string) bool {
	stat, err := os.Stat(path)
	return err == nil && stat.IsDir()
}

func (a *App) lockWorld() lockview.World {
	return lockview.World{Getenv: a.Getenv, Version: a.Version}
}

// entries shows all locks that the flags mean. The error is of what could not be asked; all else is
// returned with it. The store is nil without a lock table, and closed by the caller.
func (f *locksFlags) entries(ctx context.Context, a *App) ([]lockview.Entry, lease.Store, error) {
	var store lease.Store
	var errs []error
	configured := f.store.configured(a.Getenv) || firstOf(f.store.dynamodb.table, a.Getenv("GROUNDWORK_DYNAMODB_TABLE")) != ""
	if configured {
		var err error
		if store, err = f.store.open(ctx, a); err != nil {
			store = nil
			errs = append(errs, fmt.Errorf("open the lock table: %w", err))
		}
	}
	found, err := f.locations(a)
	var nowhere *location.Error
	if err != nil && (!configured || !errors.As(err, &nowhere)) {
		errs = append(errs, err)
	} else if err != nil {
		a.logf("no states are looked at: %v", err)
	}
	world := a.lockWorld()
	world.OneState = f.workspace != "" || f.stack != ""
	entries, err := world.List(ctx, store, found)
	return entries, store, errors.Join(append(errs, err)...)
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
	// Next is what to do about it.
	Next string `json:"next,omitempty"`
}

// LocksDocument is what locks list prints.
type LocksDocument struct {
	FormatVersion string         `json:"format_version"`
	Locks         []LockDocument `json:"locks"`
}

func lockDocument(e lockview.Entry) LockDocument {
	d := LockDocument{
		ID: e.ID, Kind: e.Kind, Name: e.Name, Place: e.Place, Environment: e.Environment, Phase: e.Phase, Holder: e.Who,
		Operation: e.Operation, PID: e.PID, Expired: e.Expired, Fence: e.Fence, Waiting: e.Waiting, Next: e.Next,
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
