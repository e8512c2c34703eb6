package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
)

// LockChangeDocument is what acquire, release and break print.
type LockChangeDocument struct {
	FormatVersion string `json:"format_version"`
	// Done is acquired, released or broken.
	Done string       `json:"done"`
	Lock LockDocument `json:"lock"`
}

// NoLockError means that nobody holds a lock of that ID.
type NoLockError struct{ ID string }

// Error implements error.
func (e *NoLockError) Error() string { return "nobody holds a lock with the ID or name " + quote(e.ID) }

func (a *App) locksBreakCommand() *cobra.Command {
	var f locksFlags
	var force, yes bool
	var reason string
	cmd := &cobra.Command{
		Use:   "break ID",
		Short: "Remove a lock whose holder is dead",
		Long: `break removes one lock, by the ID or name that locks list shows: a lease that has expired, or with
--force any lock, and exactly as it was seen just before. If it has changed hands meanwhile, nothing is
broken. A lock on a local file cannot be broken while its process lives.

Who broke what is recorded where the lock was: as an object under .groundwork/broken-locks/ in the
bucket or beside the local state, as an item in the DynamoDB table, as a row in Pulumi's table, or for
all else in PostgreSQL as a line in its log.

Nothing stops a holder that is still alive: make sure that it is dead.

Exit codes: 1 if it changed hands or failed; 10 if there is no such lock; 11 if it has not expired and
--force is not given.`,
		Example: `  groundwork locks break pulumi:shop/dev
  groundwork locks break 4ee16c10-3c17-4c4b-a93a-e1f7a42e1e58 --force --reason "the runner was evicted"`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, store, err := f.find(cmd, a, args[0])
			defer closeStore(store)
			if err != nil {
				return err
			}
			if !e.Expired && !force {
				return &lockview.LiveError{Entry: e}
			}
			if !yes && !a.confirm("Break the "+kindOf(e)+" on "+e.Name+", held by "+e.Who+"?") {
				return &ExitError{Code: CodeError, Err: errors.New("nothing was broken: it was not confirmed; answer yes, or give --yes")}
			}
			if err := e.Break(cmd.Context(), store, force, lease.Info{Operation: "break", Info: reason}); err != nil {
				return err
			}
			return a.showChange("broken", e)
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&force, "force", false, "also break a lock that has not expired, exactly as it is seen")
	fs.BoolVar(&yes, "yes", false, "do not ask")
	fs.StringVar(&reason, "reason", "", "why, for the record")
	f.add(fs)
	return cmd
}

// find finds one lock by its ID or name.
func (f *locksFlags) find(cmd *cobra.Command, a *App, id string) (lockview.Entry, lease.Store, error) {
	entries, store, err := f.entries(cmd.Context(), a)
	var found []lockview.Entry
	for _, e := range entries {
		if e.ID == id || e.Kind == lockview.KindLease && e.Name == id {
			found = append(found, e)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], store, nil // whatever else could not be asked
	case len(found) > 1:
		// Terraform gives one ID to its lock file and its DynamoDB item.
		return lockview.Entry{}, store, fmt.Errorf("%d locks have the ID %q: %s and %s; break them one after the other with the backend's own settings", len(found), id, found[0].Place, found[1].Place)
	case err != nil:
		return lockview.Entry{}, store, err
	}
	return lockview.Entry{}, store, &ExitError{Code: CodeNotFound, Err: &HintError{Err: &NoLockError{ID: id}, Hint: "See which there are: groundwork locks list"}}
}

// confirm asks on standard error, and takes nothing but yes.
func (a *App) confirm(question string) bool {
	_, _ = fmt.Fprintf(a.Stderr, "%s Only yes will be taken: ", question)
	line, err := bufio.NewReader(a.Stdin).ReadString('\n')
	if err != nil {
		_, _ = fmt.Fprintln(a.Stderr)
	}
	return strings.TrimSpace(line) == "yes"
}

// kindOf is what people call it.
func kindOf(e lockview.Entry) string {
	if e.Kind == lockview.KindLease {
		return "lease"
	}
	return e.Kind + " lock"
}

func (a *App) showChange(done string, e lockview.Entry) error {
	e.Next = ""
	return a.show(LockChangeDocument{FormatVersion, done, lockDocument(e)}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "The %s on %s, held by %s, is %s.\n", kindOf(e), e.Name, e.Who, done)
		return err
	})
}
