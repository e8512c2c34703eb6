package cli

import (
	"bufio"
	"cmp"
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
	// Also is what belongs to the same lock: Terraform and OpenTofu lock a state in two places where
	// the backend says so, under one ID.
	Also []LockDocument `json:"also,omitempty"`
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
		Use:   "break ID|PLACE|NAME",
		Short: "Remove a lock whose holder is dead",
		Long: `break removes one lock, by the ID that locks list shows, by its place, or for a lease by its name: one
that has expired, or with --force any lock, and exactly as it was seen just before. If it has changed
hands meanwhile, nothing is broken. A state that Terraform or OpenTofu has locked in two places, in a
lock file and in a DynamoDB table, has one ID for both, and both are removed. A lock on a local file
cannot be broken while its process lives.

Who broke what is recorded where the lock was: as an object under .groundwork/broken-locks/ in the
bucket or beside the local state, as an item in the DynamoDB table, as a row in Pulumi's table, or for
all else in PostgreSQL as a line in its log. Where the answer to the removal of a DynamoDB lock was
lost, the record says "uncertain": true, since the holder may have given the lock back itself.

Nothing stops a holder that is still alive: make sure that it is dead.

Exit codes: 10 if there is no such lock; 11 if it has not expired and --force is not given; 1 if it
changed hands, if it failed, or if no such lock was found and something could not be asked.`,
		Example: `  groundwork locks break pulumi:shop/dev
  groundwork locks break 4ee16c10-3c17-4c4b-a93a-e1f7a42e1e58 --force --reason "the runner was evicted"`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, store, err := f.find(cmd, a, args[0])
			defer closeStore(store)
			if err != nil {
				return err
			}
			for _, e := range found {
				if !e.Expired && !force {
					return &lockview.LiveError{Entry: e}
				}
			}
			if !yes && !a.confirm("Break "+nameOf(found)+", held by "+found[0].Who+"?") {
				return &ExitError{Code: CodeError, Err: errors.New("nothing was broken: it was not confirmed; answer yes, or give --yes")}
			}
			return a.change("broken", found, func(e lockview.Entry) error {
				return e.Break(cmd.Context(), store, force, lease.Info{Operation: "break", Info: reason})
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&force, "force", false, "also break a lock that has not expired, exactly as it is seen")
	fs.BoolVar(&yes, "yes", false, "do not ask")
	fs.StringVar(&reason, "reason", "", "why, for the record")
	f.add(fs)
	return cmd
}

// AmbiguousError means that several locks have the ID that was given.
type AmbiguousError struct {
	ID    string
	Locks []lockview.Entry
}

// Error implements error.
func (e *AmbiguousError) Error() string {
	var places []string
	for _, l := range e.Locks {
		places = append(places, lease.Printable(cmp.Or(l.Place, "the lease "+quote(l.Name))))
	}
	return fmt.Sprintf("%d locks have the ID %s, and nothing was done: %s", len(e.Locks), quote(e.ID), strings.Join(places, ", "))
}

// find finds a lock by its ID, its place, or the name of a lease. It is several entries only where a
// tool has locked one state in several places under one ID.
func (f *locksFlags) find(cmd *cobra.Command, a *App, id string) ([]lockview.Entry, lease.Store, error) {
	seen, err := f.look(cmd.Context(), a)
	var found []lockview.Entry
	for _, e := range seen.entries {
		if e.ID == id || e.Place == id && id != "" || e.Kind == lockview.KindLease && e.Name == id {
			found = append(found, e)
		}
	}
	for _, e := range found {
		if e.Name != found[0].Name || (e.Kind == lockview.KindLease) != (found[0].Kind == lockview.KindLease) {
			return nil, seen.store, &HintError{Err: &AmbiguousError{id, found}, Hint: "Give the place of the one that is meant, or the name of a lease, instead of the ID."}
		}
	}
	switch {
	case len(found) > 0:
		if err != nil && found[0].Kind != lockview.KindLease {
			_, _ = fmt.Fprintf(a.Stderr, "groundwork: warning: the same lock may be in a place that could not be asked: %v\n", err)
		}
		return found, seen.store, nil
	case err != nil:
		return nil, seen.store, err
	}
	return nil, seen.store, &ExitError{Code: CodeNotFound, Err: &HintError{Err: &NoLockError{ID: id}, Hint: "See which there are: groundwork locks list"}}
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

// nameOf is what people call a lock that may be in several places.
func nameOf(entries []lockview.Entry) string {
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, "the "+kindOf(e))
	}
	return strings.Join(kinds, " and ") + " on " + lease.Printable(entries[0].Name)
}

// change does something to each entry of a lock, and shows what was done also if the rest fails.
func (a *App) change(done string, entries []lockview.Entry, do func(lockview.Entry) error) error {
	for i, e := range entries {
		if err := do(e); err != nil {
			if i > 0 {
				err = errors.Join(err, a.showChange(done, entries[:i]))
			}
			return err
		}
	}
	return a.showChange(done, entries)
}

func (a *App) showChange(done string, entries []lockview.Entry) error {
	doc := LockChangeDocument{FormatVersion: FormatVersion, Done: done}
	for i, e := range entries {
		e.Next = ""
		if i == 0 {
			doc.Lock = lockDocument(e)
			continue
		}
		doc.Also = append(doc.Also, lockDocument(e))
	}
	return a.show(doc, func(w io.Writer) error {
		verb := "is"
		if len(entries) > 1 {
			verb = "are"
		}
		text := nameOf(entries)
		_, err := fmt.Fprintf(w, "%s, held by %s, %s %s.\n", strings.ToUpper(text[:1])+text[1:], entries[0].Who, verb, done)
		return err
	})
}
