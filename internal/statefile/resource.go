package statefile

import (
	"fmt"
	"strconv"
	"strings"
)

// Modes of a resource.
const (
	ModeManaged = "managed"
	ModeData    = "data"
)

// Resource is one object of a state: an instance of a Terraform resource, or a
// Pulumi resource.
type Resource struct {
	// Mode is ModeManaged or ModeData. Pulumi's resources are managed, also
	// those that are External.
	Mode string
	// Type is the resource type or Pulumi's type token.
	Type string
	// Name is the name in the configuration or in the program.
	Name string

	// Module is the address of the module instance, empty for the root.
	Module string
	// Provider is the provider's address as the state spells it; for Pulumi,
	// the URN and ID of the provider resource.
	Provider string
	// IndexKey is nil, an int64 (count) or a string (for_each).
	IndexKey any
	// Deposed is the key of a deposed object, empty for a current one.
	Deposed string
	// Tainted is true for an object that will be replaced.
	Tainted bool

	// URN and ID are Pulumi's.
	URN string
	ID  string
	// External is true for what Pulumi only reads.
	External bool
	// PendingDelete is true for what Pulumi replaced and has yet to delete.
	PendingDelete bool

	// Attributes holds those that Options asked for and that are present:
	// strings, bools, json.Number, nil, and []any and map[string]any of
	// these. For Pulumi they are the outputs. A Pulumi secret is a Secret.
	Attributes map[string]any
	// Inputs holds the same of Pulumi's inputs.
	Inputs map[string]any
	// Sensitive names the attributes, of those that Options asked for, that
	// Terraform marks sensitive wholly or in part. Their values must not be
	// shown.
	Sensitive []string
}

// Bookkeeping reports whether this is Pulumi's own record, the stack or a
// provider, rather than something that exists elsewhere.
func (r *Resource) Bookkeeping() bool { return r.URN != "" && isBookkeeping(r.Type) }

// Address returns the URN, or the address as Terraform prints it.
func (r *Resource) Address() string {
	if r.URN != "" {
		return r.URN
	}
	var b strings.Builder
	if r.Module != "" {
		b.WriteString(r.Module)
		b.WriteByte('.')
	}
	if r.Mode == ModeData {
		b.WriteString("data.")
	}
	b.WriteString(r.Type)
	b.WriteByte('.')
	b.WriteString(r.Name)
	switch key := r.IndexKey.(type) {
	case int64:
		fmt.Fprintf(&b, "[%d]", key)
	case string:
		b.WriteString("[" + quoteKey(key) + "]")
	}
	if r.Deposed != "" {
		fmt.Fprintf(&b, " (deposed %s)", r.Deposed)
	}
	return b.String()
}

// quoteKey quotes a for_each key as HCL does, where ${ and %{ begin templates.
func quoteKey(key string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(key))
}

// Secret stands for a value that Pulumi keeps secret. The value itself is never
// decoded.
type Secret struct{}

// String returns a marker.
func (Secret) String() string { return "[secret]" }

// MarshalText encodes the same marker.
func (Secret) MarshalText() ([]byte, error) { return []byte(Secret{}.String()), nil }

// wanted remembers which attributes the caller wants of a type, since the
// resources of one type stand together.
type wanted struct {
	known bool
	typ   string
	names []string
}

// namesOf returns the attributes that the caller wants of a type.
func (d *document) namesOf(typ string) []string {
	if d.visit == nil || d.opts.Attributes == nil {
		return nil
	}
	if !d.names.known || d.names.typ != typ {
		d.names = wanted{known: true, typ: typ, names: d.opts.Attributes(typ)}
	}
	return d.names.names
}

// deliver hands a resource to the visitor, unless the document is already
// known to be damaged.
func (d *document) deliver(r *Resource) error {
	if d.visit == nil || d.damaged() {
		return nil
	}
	if err := d.visit(*r); err != nil {
		return &visitError{err: err}
	}
	return nil
}
