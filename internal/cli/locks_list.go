package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
)

func (a *App) locksListCommand() *cobra.Command {
	var f locksFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show who holds which lock, since when, and for how long",
		Long: `list shows leases and tool locks: who holds each, for which operation, since when, and how long it
lasts. A tool lock has no end: its holder gives it back, or somebody breaks it. Terraform's http backend
cannot be asked, nor can Pulumi's own service and the backends of other clouds.

What a holder wrote that a terminal would obey is shown as an escape, such as \x1b. A lock whose holder
cannot be told has a problem, which says why.

Exit codes: 0 also if there are locks; 1 if something could not be asked, after showing all else; 3 if
there is nothing to ask.`,
		Example: `  groundwork locks list
  groundwork locks list --dir environments/dev/infra --format json
  groundwork locks list --env prod`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			seen, err := f.look(cmd.Context(), a)
			defer closeStore(seen.store)
			if !seen.asked {
				return err
			}
			doc := LocksDocument{FormatVersion: FormatVersion, Locks: []LockDocument{}, Warnings: seen.warnings}
			for _, e := range seen.entries {
				doc.Locks = append(doc.Locks, lockDocument(e))
			}
			showErr := a.show(doc, func(w io.Writer) error {
				for _, text := range seen.warnings {
					_, _ = fmt.Fprintf(a.Stderr, "groundwork: warning: %s\n", text)
				}
				return locksTable(w, a.width(), seen.entries, err == nil)
			})
			if showErr != nil {
				return showErr
			}
			return err
		},
	}
	f.add(cmd.Flags())
	return cmd
}

// locksTable shows locks to people. Not everything could be asked where it is not the whole.
func locksTable(w io.Writer, width int, entries []lockview.Entry, whole bool) error {
	if len(entries) == 0 {
		text := "Nobody holds a lock."
		if !whole {
			text = "Nobody holds a lock where it could be asked."
		}
		_, err := fmt.Fprintln(w, text)
		return err
	}
	var rows [][]string
	next := ""
	var notes []string
	for _, e := range entries {
		age, left := "unknown", "no end"
		if !e.Since.IsZero() {
			age = max(0, time.Since(e.Since)).Round(time.Second).String()
		}
		switch {
		case e.Expired:
			left = "expired"
		case !e.Endless:
			left = e.Left.Round(time.Second).String()
		}
		row := []string{e.Kind, e.Name, e.Who, e.Operation, age, left, e.ID}
		for i := range row {
			row[i] = lease.Printable(row[i]) // names are what others chose, too
		}
		rows = append(rows, row)
		if e.Problem != "" {
			notes = append(notes, lease.Printable(e.Place+": "+e.Problem))
		}
		if e.Next != "" && (next == "" || e.Expired) {
			next = e.Next
		}
	}
	if err := table(w, width, []string{"KIND", "LOCK", "HOLDER", "OPERATION", "AGE", "LEFT", "ID"}, rows); err != nil {
		return err
	}
	if next != "" {
		notes = append(notes, next)
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(w, "\n"+note); err != nil {
			return err
		}
	}
	return nil
}
