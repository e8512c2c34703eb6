package pglock

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// These queries name everything themselves, so that all of them go to the server at once. $1 is the
// schema and $2 the names of the parts of a lock table.
const (
	partsOf = ` FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = $1 AND c.relname = ANY ($2) `

	schemaQuery = `SELECT pg_get_userbyid(n.nspowner)::text, coalesce(obj_description(n.oid, 'pg_namespace'), '')
		FROM pg_namespace AS n WHERE n.nspname = $1`

	relationQuery = `SELECT c.relname::text, c.relkind::text, c.relpersistence::text, pg_get_userbyid(c.relowner)::text,
		coalesce(obj_description(c.oid, 'pg_class'), ''), c.relrowsecurity,
		EXISTS (SELECT FROM pg_rewrite AS w WHERE w.ev_class = c.oid),
		EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = c.oid OR i.inhrelid = c.oid)` + partsOf

	columnQuery = `SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), a.attnotnull,
		a.atthasdef OR a.attidentity <> '',
		CASE WHEN a.atttypid = 'character varying'::regtype AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END` + partsOf +
		`JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

	indexQuery = `SELECT c.relname::text, i.relname::text, x.indisunique, x.indisvalid AND x.indisready,
		x.indpred IS NULL AND x.indexprs IS NULL AND x.indimmediate AND m.amname = 'btree',
		ARRAY(SELECT coalesce(a.attname::text, '') FROM generate_series(0, x.indnkeyatts - 1) AS k
			LEFT JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k] ORDER BY k)` + partsOf +
		`JOIN pg_index AS x ON x.indrelid = c.oid JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_am AS m ON m.oid = i.relam
		ORDER BY i.relname`

	// Unique constraints show as indexes, and NOT NULL in the columns.
	constraintQuery = `SELECT c.relname::text, pg_get_constraintdef(k.oid)` + partsOf +
		`JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype IN ('c', 'f', 'x') ORDER BY k.conname`

	sequenceQuery = `SELECT c.relname::text, s.seqtypid = 'bigint'::regtype AND s.seqincrement > 0 AND NOT s.seqcycle` + partsOf +
		`JOIN pg_sequence AS s ON s.seqrelid = c.oid`

	// The sequences that belong to columns, such as the one that numbers the tickets.
	ownedQuery = `SELECT c.relname::text, s.relname::text, pg_get_userbyid(s.relowner)::text` + partsOf +
		`JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0 AND d.classid = 'pg_class'::regclass
		JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'`

	aclQuery = `WITH parts AS (SELECT c.oid` + partsOf + `)
		SELECT c.relname::text, coalesce(r.rolname, '')::text, x.privilege_type, x.is_grantable FROM pg_class AS c
		CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) AS x
		LEFT JOIN pg_roles AS r ON r.oid = x.grantee
		WHERE (c.oid IN (SELECT oid FROM parts) OR c.relkind = 'S' AND EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass
			AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.refobjid IN (SELECT oid FROM parts)))
		AND c.relkind <> 'i' AND (x.grantee = 0 OR r.rolname IS NOT NULL) AND x.grantee <> c.relowner ORDER BY 1, 2, 3`

	// $1 is the schema, $2 the table, $3 the roles, $4 the parts. The last column tells that the role
	// was let into the schema and has nothing else there.
	roleQuery = `SELECT r.rolname::text,
		EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = $1 AND has_schema_privilege(r.oid, n.oid, 'USAGE')),
		has_database_privilege(r.oid, current_database(), 'CONNECT'),
		r.rolsuper OR EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
				WHERE n.nspname = $1 AND c.relname = $2 AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
			OR EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = $1 AND pg_has_role(r.oid, n.nspowner, 'MEMBER')),
		EXISTS (SELECT FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS x
			WHERE n.nspname = $1 AND x.grantee = r.oid AND x.grantee <> n.nspowner
			AND NOT EXISTS (SELECT FROM pg_proc AS f WHERE f.pronamespace = n.oid)
			AND NOT EXISTS (SELECT FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS y
				WHERE c.relnamespace = n.oid AND y.grantee = r.oid AND c.relname <> ALL ($4)))
		FROM pg_roles AS r WHERE r.rolname = ANY ($3)`
)

// readState reads the state of a table, and of the roles that a grant is about, in one round trip.
func readState(ctx context.Context, tx pgx.Tx, table Table, roles []string) (*tableState, error) {
	table = table.withDefaults()
	s := &tableState{table: table, roles: map[string]roleState{}}
	batch := &pgx.Batch{}
	s.queueShape(batch, []string{table.Name, table.waiters(), table.fence(), table.index()})
	s.queueGrants(batch, []string{table.Name, table.waiters(), table.fence()}, roles)
	return s, tx.SendBatch(ctx, batch).Close()
}

// each queues a query and calls add for each row that it was scanned from.
func each(batch *pgx.Batch, sql string, args, into []any, add func()) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, into, func() error { add(); return nil })
		return err
	})
}

func (s *tableState) queueShape(batch *pgx.Batch, names []string) {
	args := []any{s.table.Schema, names}
	each(batch, schemaQuery, args[:1], []any{&s.schemaOwner, &s.schemaComment}, func() { s.schemaExists = true })

	var part string
	r := relation{exists: true}
	each(batch, relationQuery, args,
		[]any{&part, &r.kind, &r.persistence, &r.owner, &r.comment, &r.rowSecurity, &r.rewrites, &r.inherits},
		func() { *s.relationOf(part) = r })

	var c columnState
	each(batch, columnQuery, args, []any{&part, &c.name, &c.kind, &c.notNull, &c.fills, &c.length}, func() {
		switch part {
		case s.table.Name:
			s.mainColumns = append(s.mainColumns, c)
		case s.table.waiters():
			s.waitersColumns = append(s.waitersColumns, c)
		}
	})

	var i indexState
	each(batch, indexQuery, args, []any{&part, &i.name, &i.unique, &i.valid, &i.plain, &i.keys}, func() {
		switch part {
		case s.table.Name:
			s.mainIndexes = append(s.mainIndexes, i)
		case s.table.waiters():
			s.waitersIndexes = append(s.waitersIndexes, i)
		}
		i.keys = nil // the next row gets a slice of its own
	})

	var constraint string
	each(batch, constraintQuery, args, []any{&part, &constraint}, func() {
		if part == s.table.Name {
			s.constraints = append(s.constraints, constraint)
		}
	})
	var fits bool
	each(batch, sequenceQuery, args, []any{&part, &fits}, func() {
		if part == s.table.fence() {
			s.fenceFits = fits
		}
	})
	var name, owner string
	each(batch, ownedQuery, args, []any{&part, &name, &owner}, func() {
		if part == s.table.waiters() {
			s.ticketsName, s.tickets = name, relation{exists: true, kind: "S", owner: owner}
		}
	})
}

func (s *tableState) queueGrants(batch *pgx.Batch, names, roles []string) {
	var p privilege
	each(batch, aclQuery, []any{s.table.Schema, names}, []any{&p.relation, &p.role, &p.name, &p.option}, func() {
		s.acl = append(s.acl, p)
	})
	if len(roles) == 0 {
		return
	}
	var role string
	state := roleState{exists: true}
	into := []any{&role, &state.usesSchema, &state.connects, &state.alters, &state.onlyHere}
	each(batch, roleQuery, []any{s.table.Schema, s.table.Name, roles, names}, into, func() {
		s.roles[role] = state
	})
}

// relationOf finds a part by its name.
func (s *tableState) relationOf(name string) *relation {
	switch name {
	case s.table.Name:
		return &s.main
	case s.table.waiters():
		return &s.waiters
	case s.table.fence():
		return &s.fence
	case s.table.index():
		return &s.index
	}
	return &s.tickets
}

// run executes steps in one round trip. It returns how many were done before one failed.
func run(ctx context.Context, tx pgx.Tx, steps []step) (done int, err error) {
	batch := &pgx.Batch{}
	for _, s := range steps {
		batch.Queue(s.sql)
	}
	results := tx.SendBatch(ctx, batch)
	for range steps {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // says the same
			return done, err
		}
		done++
	}
	return done, results.Close()
}
