package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

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

Exit codes: 0 also if there are locks; 1 if something could not be asked, after showing all else.`,
		Example: `  groundwork locks list
  groundwork locks list --dir environments/dev/infra --format json
  groundwork locks list --env prod`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, store, err := f.entries(cmd.Context(), a)
			defer closeStore(store)
			if len(entries) == 0 && err != nil {
				return err
			}
			doc := LocksDocument{FormatVersion: FormatVersion, Locks: []LockDocument{}}
			for _, e := range entries {
				doc.Locks = append(doc.Locks, lockDocument(e))
			}
			if showErr := a.show(doc, func(w io.Writer) error { return locksTable(w, entries) }); showErr != nil {
				return showErr
			}
			return err
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func locksTable(w io.Writer, entries []lockview.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(w, "Nobody holds a lock.")
		return err
	}
	var rows [][]string
	next := ""
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
		rows = append(rows, []string{e.Kind, e.Name, e.Who, e.Operation, age, left, e.ID})
		if e.Next != "" && (next == "" || e.Expired) {
			next = e.Next
		}
	}
	if err := table(w, []string{"KIND", "LOCK", "HOLDER", "OPERATION", "AGE", "LEFT", "ID"}, rows); err != nil {
		return err
	}
	if next != "" {
		if _, err := fmt.Fprintln(w, "\n"+next); err != nil {
			return err
		}
	}
	return nil
}
