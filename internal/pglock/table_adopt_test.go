package pglock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table that people made by hand is adopted with its rows, and everything that they do to it
// works as before.
func TestAdoptTheSeedsTable(t *testing.T) {
	db, server, role := owned(t)
	database := db.Target().Database
	as := func(statement string) {
		t.Helper()
		if _, err := db.pool.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for statement := range strings.SplitSeq(strings.TrimSpace(seedCreate), ";\n") {
		as(statement)
	}
	as(seedRows)
	// The version of a row changes with everything that touches it.
	const rows = "SELECT format('%s %s %s %s %s', xmin, ctid, lockid, data, leaseexpires) FROM pulumi_state_locks ORDER BY lockid"
	before := query(t, server, database, rows)

	_, err := db.CreateTable(t.Context(), TableSpec{})
	var exists *ExistsError
	if !errors.As(err, &exists) || !strings.Contains(err.Error(), "groundwork did not make it") {
		t.Fatalf("taken without being told to: %v", err)
	}
	wantHint(t, err, "adopt_existing", role.Password)
	if o := observe(t, db, Table{}); o.Managed || len(o.Problems) > 0 || !o.Drifted() {
		t.Errorf("before: %+v", o)
	}
	if got := query(t, server, database, columns, "pulumi_state_locks"); len(got) != 3 {
		t.Errorf("a refused create changed it: %v", got)
	}
	if live, err := db.LiveLeases(t.Context(), Table{}); err != nil || len(live) != 2 {
		t.Errorf("without groundwork's columns the live leases are %v, %v", live, err)
	}
	if err := db.DropTable(t.Context(), Table{}); !errors.As(err, new(*NotOursError)) {
		t.Errorf("somebody's table: %v", err)
	} else {
		wantHint(t, err, "Adopt")
	}

	result := create(t, db, TableSpec{Adopt: true})
	if result.Created {
		t.Error("an adopted table counts as made")
	}
	want := []string{"column holder", "column operation", "column acquired_at", "column fence"}
	if !slices.Equal(result.Changes[:4], want) || slices.ContainsFunc(result.Changes, func(c string) bool { return strings.Contains(c, "idx_pulumi_lock_expires") }) {
		t.Errorf("changes %q", result.Changes)
	}
	if after := query(t, server, database, rows); !slices.Equal(before, after) {
		t.Errorf("rows were touched:\n%v\n%v", before, after)
	}
	if o := observe(t, db, Table{}); o.Drifted() || !o.Managed || o.Created {
		t.Errorf("after: %+v", o)
	}
	if comments := query(t, server, database, "SELECT coalesce(obj_description('pulumi_state_locks'::regclass), 'none')"); comments[0] != "none" {
		t.Errorf("its comment became %q", comments[0])
	}
	if again := create(t, db, TableSpec{Adopt: true}); len(again.Changes) > 0 {
		t.Errorf("adopted twice: %v", again.Changes)
	}
	if _, err := db.CreateTable(t.Context(), TableSpec{}); !errors.Is(err, ErrExists) {
		t.Errorf("a table that was adopted before: %v", err)
	}
	seedsOwnSQL(t, db, as)
}

// seedsOwnSQL runs what people run, on a table with groundwork's columns.
func seedsOwnSQL(t *testing.T, db *DB, as func(string)) {
	t.Helper()
	for statement := range strings.SplitSeq(strings.TrimSpace(seedCreate), ";\n") {
		as(statement)
	}
	as("INSERT INTO pulumi_state_locks (LockID, Data, LeaseExpires) VALUES ('theirs', 'x', now() + interval '1 minute')")
	count := func(text string) (n int) {
		t.Helper()
		rows, err := db.pool.Query(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			n++
		}
		if rows.Err() != nil {
			t.Fatalf("%s: %v", text, rows.Err())
		}
		return n
	}
	if stuck, all := count(seedStuck), count(seedStatus); stuck != 1 || all != 4 {
		t.Errorf("%d stuck of %d, want 1 of 4", stuck, all)
	}
	as(seedRelease)
	if stuck, all := count(seedStuck), count(seedStatus); stuck != 0 || all != 3 {
		t.Errorf("%d stuck of %d after the release, want 0 of 3", stuck, all)
	}
	live, err := db.LiveLeases(t.Context(), Table{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range live {
		got = append(got, fmt.Sprintf("%s %s %v %v %v", l.LockID, l.Data, l.Endless, l.Left > 0, l.AcquiredAt.IsZero()))
	}
	if diff := cmp.Diff([]string{"endless  true false true", "held now false true true", "theirs x false true true"}, got); diff != "" {
		t.Error(diff)
	}
	var inUse *LiveLeaseError
	if err := db.DropTable(t.Context(), Table{}); !errors.As(err, &inUse) || len(inUse.Leases) != 3 {
		t.Errorf("dropped over live leases: %v", err)
	}
	as("DELETE FROM pulumi_state_locks")
	if err := db.DropTable(t.Context(), Table{}); err != nil {
		t.Error(err)
	}
}
