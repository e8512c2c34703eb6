package s3store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// OwnedPrefix starts every policy Sid and lifecycle rule ID that is groundwork's own. Everything
// else in those whole-document settings is foreign and is sent back as it came.
const OwnedPrefix = "groundwork-"

// The Sids of groundwork's own statements.
const (
	SidRequireTLS = OwnedPrefix + "require-tls"
	SidCaller     = OwnedPrefix + "caller"
	sidAccess     = OwnedPrefix + "access-"
)

// PolicyDocument is a bucket policy whose statements are kept as the bytes that came.
type PolicyDocument struct {
	Version    string
	ID         string
	Statements []Statement
}

// Statement is one policy statement, with its Sid read out.
type Statement struct {
	Sid string
	Raw json.RawMessage
}

// PolicyClaim are the raw statements that the user declares, and the Sids no longer declared.
type PolicyClaim struct {
	Statements []Statement
	Remove     []string
}

func isAccessSid(sid string) bool { return strings.HasPrefix(sid, sidAccess) }

// Owned tells whether a Sid is groundwork's own.
func Owned(id string) bool { return strings.HasPrefix(id, OwnedPrefix) }

// ParsePolicy reads a policy document. An unknown top-level key is an error, since writing the
// document back would lose it.
func ParsePolicy(text string) (*PolicyDocument, error) {
	var doc struct {
		Version   string          `json:"Version"`
		ID        string          `json:"Id"`
		Statement json.RawMessage `json:"Statement"`
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the policy is no policy document: %w", err)
	}
	if dec.More() {
		return nil, errors.New("the policy is no policy document: something follows its end")
	}
	out := &PolicyDocument{Version: doc.Version, ID: doc.ID}
	raws, err := splitStatements(doc.Statement)
	if err != nil {
		return nil, err
	}
	for i, raw := range raws {
		var head struct {
			Sid string `json:"Sid"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return nil, fmt.Errorf("statement %d of the policy is no object: %w", i+1, err)
		}
		out.Statements = append(out.Statements, Statement{Sid: head.Sid, Raw: raw})
	}
	return out, nil
}

// splitStatements takes both forms that the language allows: one object, or a list of them.
func splitStatements(raw json.RawMessage) ([]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(raw)
	switch {
	case len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")):
		return nil, nil
	case trimmed[0] == '{':
		return []json.RawMessage{trimmed}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(trimmed, &list); err != nil {
		return nil, fmt.Errorf("Statement in the policy is neither an object nor a list: %w", err) //nolint:staticcheck // the key's own spelling
	}
	return list, nil
}

// CheckClaim checks raw statements that a user declares: each needs a Sid of its own, since the
// Sid is how groundwork finds it again among the foreign ones.
func CheckClaim(doc *PolicyDocument) error {
	seen := map[string]bool{}
	for i, s := range doc.Statements {
		switch {
		case s.Sid == "":
			return fmt.Errorf("statement %d has no Sid: each statement needs one, so that it can be told from statements of others", i+1)
		case Owned(s.Sid):
			return fmt.Errorf("the Sid %q starts with %q, which is reserved for groundwork's own statements", s.Sid, OwnedPrefix)
		case seen[s.Sid]:
			return fmt.Errorf("the Sid %q stands twice", s.Sid)
		}
		seen[s.Sid] = true
	}
	return nil
}

// String renders the document; foreign statements are the bytes that came.
func (d *PolicyDocument) String() string {
	var b strings.Builder
	b.WriteString(`{"Version":`)
	writeJSON(&b, d.Version)
	if d.ID != "" {
		b.WriteString(`,"Id":`)
		writeJSON(&b, d.ID)
	}
	b.WriteString(`,"Statement":[`)
	for i, s := range d.Statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s.Raw)
	}
	b.WriteString(`]}`)
	return b.String()
}

func writeJSON(b *strings.Builder, v string) {
	text, _ := json.Marshal(v) // a string always marshals
	b.Write(text)
}

// Find returns the statement with a Sid.
func (d *PolicyDocument) Find(sid string) (Statement, bool) {
	if d == nil {
		return Statement{}, false
	}
	for _, s := range d.Statements {
		if s.Sid == sid {
			return s, true
		}
	}
	return Statement{}, false
}

// Select returns the statements that keep says yes to, in document order.
func (d *PolicyDocument) Select(keep func(Statement) bool) []Statement {
	if d == nil {
		return nil
	}
	var out []Statement
	for _, s := range d.Statements {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// SameStatement compares two statements by meaning: key order, white space, and one-element
// lists written as a string make no difference.
func SameStatement(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(canonical(x), canonical(y))
}

// canonical folds the two spellings that services translate into each other: a lone string for a
// list of one, {"AWS":"*"} for "*", and the order of sets.
func canonical(v any) any {
	switch t := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, inner := range t {
			if k == "Sid" || k == "Effect" {
				out[k] = inner
				continue
			}
			out[k] = canonical(inner)
		}
		if len(out) == 1 {
			if star, ok := out["AWS"]; ok && reflect.DeepEqual(star, []any{"*"}) {
				return []any{"*"}
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(t))
		for _, inner := range t {
			if s, ok := inner.(string); ok {
				out = append(out, s)
			} else {
				out = append(out, canonical(inner))
			}
		}
		slices.SortFunc(out, func(a, b any) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
		return out
	case string:
		return []any{t}
	case bool:
		return []any{fmt.Sprint(t)}
	}
	return v
}

// SamePolicy compares two lists of statements by meaning and as a set of Sids.
func SamePolicy(a, b []Statement) bool {
	if len(a) != len(b) {
		return false
	}
	for _, s := range a {
		i := slices.IndexFunc(b, func(o Statement) bool { return o.Sid == s.Sid && SameStatement(o.Raw, s.Raw) })
		if i < 0 {
			return false
		}
	}
	return true
}

// merge replaces the statements for which replaced says yes by others, in place where the Sid
// stays, so that a policy does not get reshuffled. Everything else keeps its bytes and order.
func merge(current []Statement, replaced func(Statement) bool, wanted []Statement) []Statement {
	left := slices.Clone(wanted)
	var out []Statement
	for _, s := range current {
		i := slices.IndexFunc(left, func(w Statement) bool { return w.Sid == s.Sid })
		switch {
		case i >= 0:
			if SameStatement(left[i].Raw, s.Raw) {
				out = append(out, s)
			} else {
				out = append(out, left[i])
			}
			left = slices.Delete(left, i, i+1)
		case replaced(s):
		default:
			out = append(out, s)
		}
	}
	return append(out, left...)
}
