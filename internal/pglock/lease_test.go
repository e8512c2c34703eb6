package pglock

import (
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease/leasetest"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// leases opens a store that shares nothing with others but the table.
func leases(t *testing.T, client *Client, database string, opts LeaseOptions) *LeaseStore {
	t.Helper()
	store, err := client.Leases(t.Context(), database, opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, Hint(err))
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// The role of the suite may lock and nothing else.
func TestLeaseStore(t *testing.T) {
	db, server, _ := owned(t)
	locker := testenv.PostgresRole(t, server, "")
	table := Table{Schema: "Some Locks", Name: `it's "here"`}
	create(t, db, TableSpec{Table: table, Grants: []string{locker.Name}})
	direct := configFor(server, locker)
	pooled := direct
	pooled.Port = testenv.PgBouncer(t).Port
	encrypted := direct
	encrypted.SSLMode, encrypted.SSLRootCert = "verify-full", server.CAFile
	encrypted.Host = "localhost"
	for name, config := range map[string]Config{"Direct": direct, "PgBouncer": pooled, "TLS": encrypted} {
		client := newClient(t, config)
		t.Run(name, func(t *testing.T) {
			leasetest.Run(t, leasetest.Target{Open: func(t *testing.T) lease.Store {
				return leases(t, client, db.Target().Database, LeaseOptions{Table: table})
			}})
		})
	}
}
