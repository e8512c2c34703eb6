package pglock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// MaxName is the length in bytes of the longest identifier. PostgreSQL cuts longer ones off without
// an error, so that two names could become one.
const MaxName = 63

// NameError is a name that PostgreSQL cannot have as it is written.
type NameError struct {
	// What the name is for: a database, a schema, a table or a role.
	What string
	Name string
	// Problem is what is wrong and what to do.
	Problem string
}

// Error implements error.
func (e *NameError) Error() string {
	return fmt.Sprintf("the %s name %q %s", e.What, e.Name, e.Problem)
}

// CheckName refuses the names that PostgreSQL would change or not take. Everything else is created
// exactly as it is written: quotes, dots, spaces and capitals are part of the name.
func CheckName(what, name string) error {
	problem := ""
	switch {
	case name == "":
		problem = "is empty"
	case strings.ContainsRune(name, 0):
		problem = "holds a zero byte, which PostgreSQL cannot store"
	case !utf8.ValidString(name):
		problem = "is not valid UTF-8"
	case len(name) > MaxName:
		problem = fmt.Sprintf("has %d bytes, and PostgreSQL would cut it off after %d; choose a shorter one", len(name), MaxName)
	default:
		return nil
	}
	return &NameError{What: what, Name: name, Problem: problem}
}

// CheckRole is CheckName for a role. PostgreSQL takes the names public and none for keywords even
// when they are quoted: a grant to "public" would be one to everybody.
func CheckRole(name string) error {
	if err := CheckName("role", name); err != nil {
		return err
	}
	if name == "public" || name == "none" {
		return &NameError{What: "role", Name: name, Problem: "is no role but a keyword: public is everybody, none is nobody; name the roles"}
	}
	return nil
}

// checkSchema is CheckName for a schema. PostgreSQL refuses to create those that start with pg_,
// and a lock table has no place in the ones that exist.
func checkSchema(name string) error {
	if err := CheckName("schema", name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "pg_") || name == "information_schema" {
		return &NameError{What: "schema", Name: name, Problem: "belongs to PostgreSQL itself; choose another schema"}
	}
	return nil
}

// ident quotes names for SQL. They have passed CheckName: pgx would leave zero bytes out.
func ident(names ...string) string { return pgx.Identifier(names).Sanitize() }

// derive makes the name of something that belongs to base, and shortens base where the whole would
// be too long. The hash keeps shortened names apart.
func derive(prefix, base, suffix string) string {
	if len(prefix)+len(base)+len(suffix) <= MaxName {
		return prefix + base + suffix
	}
	sum := sha256.Sum256([]byte(base))
	hash := "_" + hex.EncodeToString(sum[:4])
	short := base[:MaxName-len(prefix)-len(hash)-len(suffix)]
	for !utf8.ValidString(short) { // cut in the middle of a letter
		short = short[:len(short)-1]
	}
	return prefix + short + hash + suffix
}
