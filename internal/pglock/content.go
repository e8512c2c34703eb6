package pglock

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The comments by which groundwork knows what it made. A table that was adopted keeps its own.
const (
	markTable   = "groundwork lock table"
	markWaiters = "groundwork lock waiters"
	markFence   = "groundwork lock fences"
	markSchema  = "groundwork lock schema"
)

// Object is something in a database that is not groundwork's.
type Object struct {
	// Kind is PostgreSQL's word for it, such as "table" or "function".
	Kind string
	// Name is its full name, quoted as in SQL.
	Name string
	// Note says what it is for, where groundwork recognises that.
	Note string
}

// String writes kind, name and note.
func (o Object) String() string {
	text := o.Kind + " " + o.Name
	if o.Note != "" {
		text += " (" + o.Note + ")"
	}
	return text
}

// ForeignContentError is a database that holds more than groundwork's own tables, and is therefore
// not dropped.
type ForeignContentError struct {
	Database string
	Target   Target
	Objects  []Object
}

// Error implements error.
func (e *ForeignContentError) Error() string {
	return fmt.Sprintf("the database %q (%s) holds more than lock tables: %s", e.Database, e.Target, summary(e.Objects))
}

const shown = 10

// summary names the first objects and counts the rest; those with a note come first.
func summary(objects []Object) string {
	objects = slices.Clone(objects)
	slices.SortStableFunc(objects, func(a, b Object) int {
		return strings.Compare(noteRank(a), noteRank(b))
	})
	var names []string
	for _, o := range objects[:min(len(objects), shown)] {
		names = append(names, o.String())
	}
	text := strings.Join(names, ", ")
	if more := len(objects) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func noteRank(o Object) string {
	if o.Note != "" {
		return "0"
	}
	return "1"
}

// content is what a database holds.
type content struct {
	foreign []Object
	tables  []Table
}

// ForeignContent lists what a database holds other than groundwork's own tables. Extensions and
// what belongs to them do not count.
func (db *DB) ForeignContent(ctx context.Context) ([]Object, error) {
	c, err := db.content(ctx)
	return c.foreign, err
}

// OwnTables lists the lock tables that groundwork made or adopted in this database.
func (db *DB) OwnTables(ctx context.Context) ([]Table, error) {
	c, err := db.content(ctx)
	return c.tables, err
}

func (c *Client) databaseContent(ctx context.Context, database string) (content, error) {
	db, err := c.Connect(ctx, database)
	if err != nil {
		return content{}, err
	}
	defer db.Close()
	return db.content(ctx)
}

// contentQuery finds everything that lives in a schema by its dependency on the schema, whatever
// kind it is, and then the few kinds that live in none. Sequences that belong to a column go with
// their table; a partitioned table depends on itself. Of subscriptions not
// everybody may read the oid.
const contentQuery = `
WITH schemas AS (
	SELECT n.oid, n.nspname FROM pg_namespace AS n
	WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
), members AS (
	SELECT d.classid, d.objid, s.nspname
	FROM pg_depend AS d JOIN schemas AS s ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = s.oid
	WHERE d.deptype = 'n' AND d.classid <> 'pg_extension'::regclass
	UNION ALL SELECT 'pg_namespace'::regclass, s.oid, s.nspname FROM schemas AS s WHERE s.nspname <> 'public'
	UNION ALL SELECT 'pg_publication'::regclass, p.oid, '' FROM pg_publication AS p
	UNION ALL SELECT 'pg_foreign_server'::regclass, f.oid, '' FROM pg_foreign_server AS f
	UNION ALL SELECT 'pg_event_trigger'::regclass, e.oid, '' FROM pg_event_trigger AS e
	UNION ALL SELECT 'pg_largeobject'::regclass, l.oid, '' FROM pg_largeobject_metadata AS l
)
SELECT i.type, i.identity, m.nspname::text, coalesce(c.relname, '')::text, coalesce(c.relkind, '')::text,
	coalesce(obj_description(m.objid, k.relname), ''),
	ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname)
FROM members AS m
JOIN pg_class AS k ON k.oid = m.classid
CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) AS i
LEFT JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
WHERE i.identity IS NOT NULL AND NOT EXISTS (
	SELECT FROM pg_depend AS e WHERE e.classid = m.classid AND e.objid = m.objid
	AND (e.deptype = 'e' OR e.deptype IN ('a', 'i') AND e.refclassid = 'pg_class'::regclass AND e.refobjid <> e.objid))
UNION ALL SELECT 'subscription', quote_ident(u.subname), '', '', '', '', '{}'::text[] FROM pg_subscription AS u
	WHERE u.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2`

// member is a row of contentQuery.
type member struct {
	object                Object
	schema, name, relkind string
	comment               string
	columns               []string
}

func (db *DB) content(ctx context.Context) (content, error) {
	const op = "list what the database holds"
	var members []member
	err := db.inTx(ctx, op, reading, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, contentQuery)
		if err != nil {
			return err
		}
		members, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (m member, err error) {
			err = row.Scan(&m.object.Kind, &m.object.Name, &m.schema, &m.name, &m.relkind, &m.comment, &m.columns)
			return m, err
		})
		return err
	})
	return sortMembers(members), err
}

// sortMembers tells groundwork's own from the rest. A lock table is known by the waiters beside it,
// which groundwork made even where it adopted the table.
func sortMembers(members []member) content {
	marked := map[[2]string]string{}
	for _, m := range members {
		if m.relkind != "" {
			marked[[2]string{m.schema, m.name}] = m.comment
		}
	}
	var c content
	for _, m := range members {
		table := Table{Schema: m.schema, Name: m.name}
		switch {
		case m.comment == markWaiters && m.relkind == "r", m.comment == markFence && m.relkind == "S",
			m.comment == markSchema && m.relkind == "" && m.object.Kind == "schema":
		case m.relkind == "r" && marked[[2]string{m.schema, table.waiters()}] == markWaiters:
			c.tables = append(c.tables, table)
		default:
			m.object.Note = recognise(m)
			c.foreign = append(c.foreign, m.object)
		}
	}
	return c
}

// recognise names the tables that hold states.
func recognise(m member) string {
	switch columns := strings.Join(m.columns, ","); {
	case m.relkind != "r":
		return ""
	case columns == "data,id,name":
		return "it looks like Terraform's or OpenTofu's states, of the pg backend"
	case columns == "data,key,updated_at":
		return "it looks like Pulumi's states, of the postgres backend"
	case columns == "data,leaseexpires,lockid":
		return "it looks like a lock table that groundwork has not adopted"
	}
	return ""
}
