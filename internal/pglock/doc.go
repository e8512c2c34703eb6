// Package pglock makes, adopts, inspects and drops lock databases and lock tables on PostgreSQL.
//
// A lock table is one row per lock: the columns lockid, data and leaseexpires that people already
// have (a lease without an end has leaseexpires NULL), and groundwork's own holder, operation,
// acquired_at and fence. Beside it stand a table of tickets for those who wait and a sequence of
// fences, on which leases are built.
//
//	settings, err := pglock.Config{URL: url}.Resolve(os.Getenv)
//	client, err := pglock.New(settings)
//	database, err := client.CreateDatabase(ctx, pglock.DatabaseSpec{Name: "pulumi_state_lock"})
//	db, err := client.Connect(ctx, "pulumi_state_lock")
//	defer db.Close()
//	result, err := db.CreateTable(ctx, pglock.TableSpec{Grants: []string{"pulumi"}})
//
// Everything works through a pooler that gives a session a new server connection for every
// transaction, and nothing needs a superuser. What changes a table is one transaction that adds
// what is missing, so that it can be cut off anywhere and repeated.
package pglock
