package backendcfg

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// The types of backend that groundwork writes.
const (
	s3Type = "s3"
	pgType = "pg"
)

// editable is true for the types of backend that Edit, Extract and Remove know.
func editable(kind string) bool { return kind == s3Type || kind == pgType || kind == httpType }

// DefaultPGSchema is where the tools keep states that name no schema.
const DefaultPGSchema = "terraform_remote_state"

const (
	// pgConnection is the only way to give the connection: a URL of it carries a password.
	pgConnection = "PG_CONN_STR"
	pgPrefix     = "pg."

	defaultPGTable = "states"
	defaultPGIndex = "states_by_name"

	// maxIdentifierBytes is what PostgreSQL keeps of a name. It cuts longer ones off
	// without an error, so that two of them may be one.
	maxIdentifierBytes = 63
)

// pgNames are the arguments that the pg backend alone has.
var pgNames = []string{"conn_str", "schema_name", "skip_schema_creation", "skip_table_creation", "skip_index_creation",
	"table_name", "index_name"}

// PG is where a state is, in PostgreSQL: a workspace is a row named after it. It
// has no room for the connection, which carries a password: the tools read it from
// PG_CONN_STR.
type PG struct {
	// SchemaName is DefaultPGSchema when empty, and always written, so that
	// PG_SCHEMA_NAME in somebody's environment does not lead to another state.
	SchemaName string
	// The three are left out when nil.
	SkipSchemaCreation *bool
	SkipTableCreation  *bool
	SkipIndexCreation  *bool
	// TableName and IndexName are left out when empty; OpenTofu alone has them,
	// since 1.10.
	TableName string
	IndexName string
}

// Type is the type of the backend: s3, pg or http.
func (c Config) Type() string {
	switch {
	case c.PG != nil:
		return pgType
	case c.HTTP != nil:
		return httpType
	}
	return s3Type
}

// pgSettings is the place that r reads from.
func (r RemoteState) pgSettings(base PG) PG {
	if r.PG != nil {
		return *r.PG
	}
	return base
}

// pgArguments are those of a backend block, and of a reader: that has to skip the
// same creations, since it would make what is missing as well.
func pgArguments(p PG) [][]argument {
	var names, flags arguments
	names.text("schema_name", or(p.SchemaName, DefaultPGSchema))
	names.text("table_name", p.TableName)
	names.text("index_name", p.IndexName)
	for _, f := range []struct {
		name string
		set  *bool
	}{
		{"skip_schema_creation", p.SkipSchemaCreation}, {"skip_table_creation", p.SkipTableCreation}, {"skip_index_creation", p.SkipIndexCreation},
	} {
		if f.set != nil {
			flags = append(flags, argument{f.name, cty.BoolVal(*f.set)})
		}
	}
	return [][]argument{names, flags}
}

// pgHeader is what a reader of the file has to know.
func pgHeader(t Target) []string {
	other := "OpenTofu 1.10 or newer"
	if t.pgTables() {
		other = "Terraform, nor OpenTofu before 1.10,"
	}
	return []string{
		"Commit it: it holds no credentials. The connection comes from the environment, as",
		pgConnection + ", and never from conn_str in this file. It must not lead through a",
		"PgBouncer that pools transactions: the lock does not hold there.",
		"Never use " + other + " with the same database: they lock differently.",
	}
}

// pgTables is true for what has table_name and index_name, and the locks that came
// along with them.
func (t Target) pgTables() bool { return t.Tool == OpenTofu && t.atLeast(v1100) }

func (c Config) validatePG() error {
	if c.Lock.Mode != "" || c.Lock.DynamoDBTable != "" {
		return &FieldError{Field: "lock", Reason: "does not apply to the pg backend, which always locks, in PostgreSQL itself; leave it out"}
	}
	return c.PG.validate(pgPrefix, c.Target)
}

// validate checks p; prefix comes before the names of fields in errors.
func (p PG) validate(prefix string, t Target) error {
	for _, f := range []struct{ name, value string }{
		{"schema_name", p.SchemaName}, {"table_name", p.TableName}, {"index_name", p.IndexName},
	} {
		if err := validateIdentifier(prefix+f.name, f.value); err != nil {
			return err
		}
		if f.value != "" && f.name != "schema_name" && !t.pgTables() {
			return &FieldError{Field: prefix + f.name, Reason: fmt.Sprintf(
				"is known to OpenTofu alone, since 1.10, and this is for %s; leave it out, or set tool and tool_version", t)}
		}
	}
	if strings.HasPrefix(p.SchemaName, "pg_") {
		return &FieldError{Field: prefix + "schema_name", Reason: fmt.Sprintf("is %q; PostgreSQL keeps names that start with pg_ for itself", p.SchemaName)}
	}
	if or(p.TableName, defaultPGTable) == or(p.IndexName, defaultPGIndex) {
		return &FieldError{Field: prefix + "index_name", Reason: "is the table's name too; PostgreSQL has one set of names for both, so choose another"}
	}
	return nil
}

// validateIdentifier checks the name of something in PostgreSQL; empty is allowed.
// The tools quote it, so that any other text will do.
func validateIdentifier(field, name string) error {
	if err := checkText(field, name); err != nil {
		return err
	}
	if len(name) > maxIdentifierBytes {
		return &FieldError{Field: field, Reason: fmt.Sprintf("is %d bytes long; PostgreSQL cuts names off after %d", len(name), maxIdentifierBytes)}
	}
	return nil
}

// pg reads a backend's arguments back. Conn_str is not among them.
func (in values) pg() *PG {
	return &PG{
		SchemaName: in.text("schema_name"), TableName: in.text("table_name"), IndexName: in.text("index_name"),
		SkipSchemaCreation: in.flag("skip_schema_creation"), SkipTableCreation: in.flag("skip_table_creation"),
		SkipIndexCreation: in.flag("skip_index_creation"),
	}
}
