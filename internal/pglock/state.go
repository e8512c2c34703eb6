package pglock

import (
	"fmt"
	"slices"
	"strings"
)

// relation is what the catalogue says about a table, an index or a sequence.
type relation struct {
	exists                bool
	kind, persistence     string
	owner, comment        string
	rowSecurity, rewrites bool
	inherits              bool
}

// columnState is a column as it is.
type columnState struct {
	name, kind string
	length     int // of a varchar; 0 means without a limit
	notNull    bool
	fills      bool // by a default, as an identity or as a generated column
}

// indexState is an index as it is.
type indexState struct {
	name                 string
	keys                 []string
	unique, valid, plain bool // plain: over all rows, over columns only, a B-tree, checked at once
}

// tableState is everything about a lock table that the catalogues say. Reading it needs no right on
// the table.
type tableState struct {
	table         Table
	schemaExists  bool
	schemaComment string
	schemaOwner   string

	main, waiters, fence, index, tickets relation
	mainColumns, waitersColumns          []columnState
	mainIndexes, waitersIndexes          []indexState
	constraints                          []string
	fenceFits                            bool
	acl                                  []privilege
	roles                                map[string]roleState
	// ticketsName is the sequence that numbers the tickets; PostgreSQL chose the name.
	ticketsName string
}

func (s *tableState) managed() bool {
	return s.waiters.comment == markWaiters || s.main.comment == markTable
}

// ShapeError is a table that is no lock table and cannot become one.
type ShapeError struct {
	Table    Table
	Target   Target
	Problems []string
}

// Error implements error.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("the table %s (%s) cannot be a lock table: %s", e.Table, e.Target, strings.Join(e.Problems, "; "))
}

// problems lists what no repair mends.
func (s *tableState) problems() []string {
	if !s.main.exists {
		return slices.Concat(s.waitersProblems(), s.indexProblems())
	}
	if problem := kindProblem(s.main); problem != "" {
		return []string{problem}
	}
	problems := relationProblems(s.main)
	problems = append(problems, columnProblems(s.mainColumns, tableColumns)...)
	problems = append(problems, s.keyProblems()...)
	for _, constraint := range s.constraints {
		problems = append(problems, fmt.Sprintf("its constraint %s could refuse a lock", constraint))
	}
	return slices.Concat(problems, s.indexProblems(), s.waitersProblems())
}

func kindProblem(r relation) string {
	kinds := map[string]string{
		"v": "a view", "m": "a materialized view", "f": "a foreign table", "p": "a partitioned table",
		"S": "a sequence", "i": "an index", "I": "an index", "c": "a type",
	}
	if r.kind == "r" {
		return ""
	}
	kind, ok := kinds[r.kind]
	if !ok {
		kind = "something else"
	}
	return "it is " + kind + " and not a table"
}

// relationProblems are about what changes the meaning of a row.
func relationProblems(r relation) []string {
	var problems []string
	if r.persistence != "p" {
		problems = append(problems, "it is not logged, so that a crash of the server would free every lock; run ALTER TABLE … SET LOGGED")
	}
	if r.rowSecurity {
		problems = append(problems, "row-level security can hide locks from those who ask; run ALTER TABLE … DISABLE ROW LEVEL SECURITY")
	}
	if r.rewrites {
		problems = append(problems, "it has rules, which change what a statement does; drop them")
	}
	if r.inherits {
		problems = append(problems, "it takes part in inheritance or partitioning, where the key does not keep locks apart")
	}
	return problems
}

// columnProblems compares columns with what is needed. Missing ones that groundwork adds are none.
func columnProblems(have []columnState, want []column) []string {
	var problems []string
	known := map[string]bool{}
	for _, w := range want {
		known[w.name] = true
		i := slices.IndexFunc(have, func(c columnState) bool { return c.name == w.name })
		if i < 0 {
			if !w.added {
				problems = append(problems, missingColumn(have, w))
			}
			continue
		}
		if problem := columnProblem(have[i], w); problem != "" {
			problems = append(problems, problem)
		}
	}
	for _, c := range have {
		if !known[c.name] && c.notNull && !c.fills {
			problems = append(problems, fmt.Sprintf("its column %s must be filled in and has no default, and groundwork does not know it", ident(c.name)))
		}
	}
	return problems
}

func missingColumn(have []columnState, want column) string {
	for _, c := range have {
		if strings.EqualFold(c.name, want.name) {
			return fmt.Sprintf("it has no column %s; its column %s was created in quotes, and unquoted names are lower case", want.name, ident(c.name))
		}
	}
	return fmt.Sprintf("it has no column %s", want.name)
}

func columnProblem(have columnState, want column) string {
	name := ident(have.name)
	switch {
	case !slices.Contains(want.fits, have.kind):
		return fmt.Sprintf("its column %s is %s and not %s", name, have.kind, want.fits[0])
	case want.name == "lockid" && have.length > 0 && have.length < lockIDLength:
		return fmt.Sprintf("its column %s takes %d characters and not %d", name, have.length, lockIDLength)
	case want.name != "lockid" && have.length > 0:
		return fmt.Sprintf("its column %s takes only %d characters", name, have.length)
	case want.name == "leaseexpires" && have.notNull:
		return fmt.Sprintf("its column %s is NOT NULL, and a lock without an end is NULL there", name)
	case have.notNull && !have.fills && !strings.Contains(want.definition, "KEY") && !strings.Contains(want.definition, "NOT NULL"):
		return fmt.Sprintf("its column %s is NOT NULL without a default", name)
	}
	return ""
}

// keyProblems is about what keeps two holders apart.
func (s *tableState) keyProblems() []string {
	var problems []string
	lockid := slices.IndexFunc(s.mainColumns, func(c columnState) bool { return c.name == "lockid" })
	if lockid < 0 {
		return nil // said already
	}
	key := false
	for _, index := range s.mainIndexes {
		switch {
		case !index.unique:
		case slices.Equal(index.keys, []string{"lockid"}) && index.valid && index.plain:
			key = true
		default:
			problems = append(problems, fmt.Sprintf("its unique index %s could refuse a lock", ident(index.name)))
		}
	}
	if !key || !s.mainColumns[lockid].notNull {
		problems = append(problems, "its column lockid is not the primary key, so that two could hold one lock; run ALTER TABLE … ADD PRIMARY KEY (lockid)")
	}
	return problems
}

// expiryIndexed tells whether an index serves the search for what has expired.
func (s *tableState) expiryIndexed() bool {
	return slices.ContainsFunc(s.mainIndexes, func(i indexState) bool {
		return i.valid && i.plain && len(i.keys) > 0 && i.keys[0] == "leaseexpires"
	})
}

// indexProblems is about the name that the index should get.
func (s *tableState) indexProblems() []string {
	if !s.index.exists || s.expiryIndexed() {
		return nil
	}
	name := ident(s.table.index())
	for _, index := range s.mainIndexes {
		if index.name == s.table.index() {
			if slices.Equal(index.keys, []string{"leaseexpires"}) && !index.valid {
				return nil // it was never finished, and is made again
			}
			return []string{fmt.Sprintf("its index %s is not over leaseexpires; rename it", name)}
		}
	}
	return []string{fmt.Sprintf("the name of its index, %s, is taken by something else in the schema", name)}
}

// waitersProblems is about the table and the sequence beside it.
func (s *tableState) waitersProblems() []string {
	var problems []string
	beside := func(name, problem string) {
		problems = append(problems, fmt.Sprintf("beside it, %s: %s", ident(name), problem))
	}
	if s.waiters.exists {
		if problem := kindProblem(s.waiters); problem != "" {
			beside(s.table.waiters(), problem)
		} else {
			for _, problem := range slices.Concat(relationProblems(s.waiters), columnProblems(s.waitersColumns, waitersColumns)) {
				beside(s.table.waiters(), problem)
			}
			if i := slices.IndexFunc(s.waitersColumns, func(c columnState) bool { return c.name == "ticket" }); i >= 0 && !s.waitersColumns[i].fills {
				beside(s.table.waiters(), "its column ticket does not number itself")
			}
		}
	}
	if s.fence.exists && !s.fenceFits {
		beside(s.table.fence(), "it is not a sequence of bigint that only goes up")
	}
	return problems
}
