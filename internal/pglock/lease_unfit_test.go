package pglock

import (
	"errors"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// A table that the first lease cannot mend says why, and what its reader can do about it.
func TestUnfitTablesSayWhy(t *testing.T) {
	db, server, owner := owned(t)
	database := db.Target().Database
	locker := testenv.PostgresRole(t, server, "")
	const made = "(LockID VARCHAR(255) PRIMARY KEY, Data TEXT, LeaseExpires TIMESTAMP WITH TIME ZONE)"
	sql(t, server, database, `CREATE TABLE theirs `+made+`; GRANT SELECT, INSERT, UPDATE, DELETE ON theirs TO `+ident(locker.Name)+`;
		CREATE TABLE ours `+made+`; ALTER TABLE ours OWNER TO `+ident(locker.Name)+`;
		CREATE TABLE naive (LockID VARCHAR(255) PRIMARY KEY, Data TEXT, LeaseExpires TIMESTAMP); CREATE TABLE other (id INT)`)
	for _, c := range []struct {
		table, says, hint string
		kind              error
	}{
		{"theirs", `column "holder" of relation "theirs" does not exist (SQLSTATE 42703); it could not be added: must be owner of table theirs`, "ALTER TABLE \"public\".\"theirs\" OWNER TO", ErrDenied},
		{"ours", "; it could not be added: permission denied for schema public", `GRANT CREATE, USAGE ON SCHEMA "public" TO ` + ident(locker.Name), ErrDenied},
		{"naive", `its column "leaseexpires" is timestamp without time zone`, "Change the table as the message says", nil},
		{"other", "it has no column lockid", "Change the table as the message says", nil},
		{"none", `relation "public.none" does not exist`, `CREATE TABLE "public"."none" ` + made, ErrNotFound},
	} {
		client := newClient(t, configFor(server, locker))
		s := leases(t, client, database, LeaseOptions{Table: Table{Name: c.table}, Repair: true})
		for range 2 { // the second try does not mend again, and knows as much
			_, err := s.Acquire(t.Context(), named("x"), lease.Wait{})
			if err == nil || errors.Is(err, ErrNotFound) != errors.Is(c.kind, ErrNotFound) || errors.Is(err, ErrDenied) != errors.Is(c.kind, ErrDenied) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.table, err)
				continue
			}
			wantHint(t, err, c.hint, locker.Password, owner.Password)
		}
	}
}
