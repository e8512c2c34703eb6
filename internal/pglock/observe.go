package pglock

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Observed is a lock table as it is, compared with what it should be.
type Observed struct {
	Table Table
	// Exists tells that there is a table, or something else, of that name.
	Exists bool
	// Managed tells that groundwork made or adopted it, Created that it made it.
	Managed, Created bool
	Owner            string
	// Missing is what RepairTable adds, such as "column holder" or "index idx_pulumi_lock_expires".
	Missing []string
	// Problems are what keeps it from being a lock table, and RepairTable from mending it.
	Problems []string
	// Grants compares each of the roles that were asked about.
	Grants []RoleGrant
	// Public is what everybody may do, and Others are the roles with any privilege that were not
	// asked about.
	Public, Others []string

	grantsDrift bool
}

// Drifted tells that RepairTable, with the roles that were asked about as its grants, has something
// to do or cannot do it.
func (o Observed) Drifted() bool {
	return !o.Exists || o.grantsDrift || len(o.Missing)+len(o.Problems) > 0
}

// ObserveTable reads a lock table and the grants of roles; nil roles leave grants out of what
// counts as drift. It needs no right on the table.
func (db *DB) ObserveTable(ctx context.Context, table Table, roles []string) (Observed, error) {
	spec := TableSpec{Table: table.withDefaults(), Grants: roles}
	if err := spec.check(); err != nil {
		return Observed{}, err
	}
	var o Observed
	err := db.inTx(ctx, "inspect table "+table.String(), reading, func(tx pgx.Tx) error {
		s, err := readState(ctx, tx, spec.Table, roles)
		if err != nil {
			return err
		}
		o = observed(s, roles)
		return nil
	})
	return o, err
}

func observed(s *tableState, roles []string) Observed {
	o := Observed{
		Table: s.table, Exists: s.main.exists, Managed: s.main.exists && s.managed(),
		Created: s.main.comment == markTable, Owner: s.main.owner,
	}
	if !o.Exists {
		return o
	}
	o.Problems = s.problems()
	if s.main.kind == "r" {
		o.Missing = s.missing()
	}
	o.Grants, o.Public, o.Others = s.roleGrants(roles), s.public(), s.others(roles)
	o.grantsDrift = len(s.grantSteps(TableSpec{Grants: roles})) > 0
	for _, g := range o.Grants {
		o.grantsDrift = o.grantsDrift || !g.Exists
	}
	return o
}

// missing names what the steps would add.
func (s *tableState) missing() []string {
	var names []string
	for _, step := range s.objectSteps(0) {
		if step.what != "" {
			names = append(names, step.what)
		}
	}
	return names
}
