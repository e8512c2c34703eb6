package pglock

import (
	"fmt"
	"slices"
)

// The defaults of Table.
const (
	// DefaultSchema is the schema that every database has.
	DefaultSchema = "public"
	// DefaultTable is the name that people have given their lock table by hand.
	DefaultTable = "pulumi_state_locks"
	// defaultIndex is the name that they have given its index.
	defaultIndex = "idx_pulumi_lock_expires"
)

// Table names a lock table. Empty fields mean the defaults.
type Table struct {
	Schema, Name string
}

func (t Table) withDefaults() Table {
	if t.Schema == "" {
		t.Schema = DefaultSchema
	}
	if t.Name == "" {
		t.Name = DefaultTable
	}
	return t
}

// String writes the table as in SQL.
func (t Table) String() string {
	t = t.withDefaults()
	return ident(t.Schema, t.Name)
}

// Check refuses names that PostgreSQL cannot have.
func (t Table) Check() error {
	t = t.withDefaults()
	if err := checkSchema(t.Schema); err != nil {
		return err
	}
	return CheckName("table", t.Name)
}

// waiters is the name of the table of tickets, fence that of the sequence, index that of the index
// over the expiry.
func (t Table) waiters() string { return derive("", t.withDefaults().Name, "_waiters") }
func (t Table) fence() string   { return derive("", t.withDefaults().Name, "_fence_seq") }

func (t Table) index() string {
	if name := t.withDefaults().Name; name != DefaultTable {
		return derive("idx_", name, "_expires")
	}
	return defaultIndex
}

// waitersIndex is over the tickets of one lock, in the order of arrival.
func (t Table) waitersIndex() string { return derive("idx_", t.withDefaults().Name, "_waiters_order") }

func (t Table) sql() string        { return t.String() }
func (t Table) waitersSQL() string { return ident(t.withDefaults().Schema, t.waiters()) }
func (t Table) fenceSQL() string   { return ident(t.withDefaults().Schema, t.fence()) }

// TableSpec says how a lock table should be.
type TableSpec struct {
	Table
	// Adopt takes over a table that exists and holds rows, or that groundwork did not make. Rows are
	// left as they are and missing columns are added.
	Adopt bool
	// Grants are the roles that may lock, and can neither drop nor alter. Nil leaves all grants as
	// they are; an empty list takes away what PUBLIC has.
	Grants []string
	// Revoke are roles that may lock no more.
	Revoke []string
}

func (s TableSpec) check() error {
	if err := s.Check(); err != nil {
		return err
	}
	for _, role := range slices.Concat(s.Grants, s.Revoke) {
		if err := CheckRole(role); err != nil {
			return err
		}
	}
	for _, role := range s.Revoke {
		if slices.Contains(s.Grants, role) {
			return &NameError{What: "role", Name: role, Problem: "is to be granted and to be revoked; decide for one"}
		}
	}
	return nil
}

// column is one that a lock table needs.
type column struct {
	name, definition string
	// fits are the types that do as well.
	fits []string
	// added tells that groundwork adds it where it is missing: the others are what makes the table a
	// lock table.
	added bool
}

// tableColumns keep the spelling of the SQL that people have used: unquoted, so lower case.
var tableColumns = []column{
	{name: "lockid", definition: "character varying(255) PRIMARY KEY", fits: []string{"character varying", "text"}},
	{name: "data", definition: "text", fits: []string{"text", "character varying"}},
	{name: "leaseexpires", definition: "timestamp with time zone", fits: []string{"timestamp with time zone"}},
	{name: "holder", definition: "text", fits: []string{"text", "character varying"}, added: true},
	{name: "operation", definition: "text", fits: []string{"text", "character varying"}, added: true},
	{name: "acquired_at", definition: "timestamp with time zone", fits: []string{"timestamp with time zone"}, added: true},
	{name: "fence", definition: "bigint", fits: []string{"bigint"}, added: true},
}

// lockIDLength is how long a lock's name can be; longer ones are hashed.
const lockIDLength = 255

// waitersColumns make a ticket. An identity needs no right on a sequence, so that a role that may
// lock needs none; ALWAYS keeps a waiter from choosing its place.
var waitersColumns = []column{
	{name: "ticket", definition: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", fits: []string{"bigint"}},
	{name: "lockid", definition: "character varying(255) NOT NULL", fits: []string{"character varying", "text"}},
	{name: "holder", definition: "text", fits: []string{"text"}, added: true},
	{name: "operation", definition: "text", fits: []string{"text"}, added: true},
	{name: "enqueued_at", definition: "timestamp with time zone NOT NULL DEFAULT clock_timestamp()", fits: []string{"timestamp with time zone"}, added: true},
	{name: "heartbeat_at", definition: "timestamp with time zone NOT NULL DEFAULT clock_timestamp()", fits: []string{"timestamp with time zone"}, added: true},
	// request finds a ticket again whose number was lost with the connection.
	{name: "request", definition: "text", fits: []string{"text"}, added: true},
}

func definitions(columns []column) string {
	text := ""
	for i, c := range columns {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %s", c.name, c.definition)
	}
	return text
}
