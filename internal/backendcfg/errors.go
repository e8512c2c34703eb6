package backendcfg

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// FieldError is a setting that cannot be used.
type FieldError struct {
	// Field is the setting as users spell it, such as key or remote_states["infra"].key.
	Field string
	// Reason follows the field's name: "starts with ...; write ...".
	Reason string
}

// Error names the setting, the reason and what to write instead.
func (e *FieldError) Error() string {
	return e.Field + " " + e.Reason
}

// CredentialError is a setting that carries a credential. It never holds the value.
type CredentialError struct {
	Field string
	// Kind is what the value looks like, such as "an AWS access key ID".
	Kind string
}

// Error names the setting and where credentials belong instead.
func (e *CredentialError) Error() string {
	where := "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or in an AWS profile"
	if strings.HasPrefix(e.Field, pgPrefix) {
		where = "(" + pgConnection + ")"
	}
	return fmt.Sprintf("%s holds %s: a backend configuration is committed and must hold no credentials. "+
		"Remove it here, revoke it if it was ever committed, and give it in the environment %s", e.Field, e.Kind, where)
}

// SyntaxError is a configuration file that does not parse.
type SyntaxError struct {
	File    string
	Line    int
	Column  int
	Summary string
}

// Error gives the place and the parser's summary; it quotes nothing from the file.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Summary)
	}
	return fmt.Sprintf("%s:%d:%d: %s; correct the file first", e.File, e.Line, e.Column, e.Summary)
}

func syntaxError(file string, diags hcl.Diagnostics) *SyntaxError {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		// The detail may quote the file, and the file may hold a secret.
		e := &SyntaxError{File: file, Summary: d.Summary}
		if d.Subject != nil {
			e.Line, e.Column = d.Subject.Start.Line, d.Subject.Start.Column
		}
		return e
	}
	return &SyntaxError{File: file, Summary: "does not parse"}
}

// AmbiguousError is a file in which the place to edit is not certain.
type AmbiguousError struct {
	File string
	// What there is too much of, such as "terraform blocks".
	What  string
	Lines []int
	// Fix is the next thing to do.
	Fix string
}

// Error lists the candidates and the way out.
func (e *AmbiguousError) Error() string {
	lines := make([]string, len(e.Lines))
	for i, l := range e.Lines {
		lines[i] = fmt.Sprint(l)
	}
	return fmt.Sprintf("%s has several %s (lines %s): %s", e.File, e.What, strings.Join(lines, ", "), e.Fix)
}

// ConflictError is another type of backend, or a cloud block, where one is wanted.
type ConflictError struct {
	File string
	Line int
	// Type is the backend's type, or "cloud".
	Type string
}

// Error says what is there and how to go on.
func (e *ConflictError) Error() string {
	if e.Type == cloudType {
		return fmt.Sprintf("%s:%d: a cloud block keeps the state in HCP Terraform; a backend block cannot stand beside it. "+
			"Move the state out and remove the cloud block first", e.File, e.Line)
	}
	return fmt.Sprintf("%s:%d: the state is configured to be in backend %q already; migrate it first, "+
		"then remove that block or allow it to be replaced", e.File, e.Line, e.Type)
}

// NotManagedError is a backend block without groundwork's comment: someone has
// taken it over, and removing it is theirs to do.
type NotManagedError struct {
	File string
	Line int
}

// Error says why the block was left alone.
func (e *NotManagedError) Error() string {
	return fmt.Sprintf("%s:%d: the backend block no longer carries groundwork's comment, so it was left alone; "+
		"remove it by hand if nothing uses it", e.File, e.Line)
}

// VerifyError is an edit whose result did not hold what was meant. Nothing was changed.
type VerifyError struct {
	File   string
	Reason string
	// Fix is the next thing to do; empty is to use a file of its own.
	Fix string
}

// Error says that the file was left as it was.
func (e *VerifyError) Error() string {
	return fmt.Sprintf("%s: the edited text %s, so the file was left as it was; "+
		"%s", e.File, e.Reason, or(e.Fix, "write the backend to a file of its own (placement = \"file\")"))
}

// UnsupportedFileError is a file that cannot be edited or read as configuration.
type UnsupportedFileError struct {
	File   string
	Reason string
}

// Error says why, and what to do.
func (e *UnsupportedFileError) Error() string {
	return e.File + ": " + e.Reason
}
