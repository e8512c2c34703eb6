package s3store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// ParsePolicy reads a policy document. A top-level key that is unknown or stands twice is an
// error, since writing the document back would lose it.
func ParsePolicy(text string) (*PolicyDocument, error) {
	doc := &PolicyDocument{}
	var statements json.RawMessage
	seen := map[string]bool{}
	err := eachMember([]byte(text), func(name string, value json.RawMessage) error {
		// MinIO spells it ID, AWS Id.
		folded := strings.ToLower(name)
		if seen[folded] {
			return fmt.Errorf("the key %q stands twice", name)
		}
		seen[folded] = true
		switch folded {
		case "version":
			return json.Unmarshal(value, &doc.Version)
		case "id":
			return json.Unmarshal(value, &doc.ID)
		case "statement":
			statements = value
			return nil
		}
		return fmt.Errorf("unknown key %q", name)
	})
	if err != nil {
		return nil, fmt.Errorf("the policy is no policy document: %w", err)
	}
	raws, err := splitStatements(statements)
	if err != nil {
		return nil, err
	}
	for i, raw := range raws {
		var head struct {
			Sid string `json:"Sid"`
		}
		if err := json.Unmarshal(raw, &head); err != nil || raw[0] != '{' {
			return nil, fmt.Errorf("statement %d of the policy is no object with a Sid that is a text", i+1)
		}
		doc.Statements = append(doc.Statements, Statement{Sid: head.Sid, Raw: raw})
	}
	return doc, nil
}

// eachMember calls visit for each member of the one object that text has to be.
func eachMember(text []byte, visit func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	first, err := dec.Token()
	if err != nil {
		return err
	}
	if first != json.Delim('{') {
		return errors.New("it is no object")
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if err := visit(fmt.Sprint(name), value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its end")
	}
	return nil
}

// splitStatements takes both forms that the language allows: one object, or a list of them.
func splitStatements(raw json.RawMessage) ([]json.RawMessage, error) {
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] == '{':
		return []json.RawMessage{raw}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
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
	b.WriteByte('{')
	if d.Version != "" {
		writeMember(&b, "Version", d.Version)
	}
	if d.ID != "" {
		writeMember(&b, "Id", d.ID)
	}
	b.WriteString(`"Statement":[`)
	for i, s := range d.Statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s.Raw)
	}
	b.WriteString(`]}`)
	return b.String()
}

func writeMember(b *strings.Builder, name, value string) {
	text, _ := json.Marshal(value) // a string always marshals
	b.WriteString(`"` + name + `":`)
	b.Write(text)
	b.WriteByte(',')
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
