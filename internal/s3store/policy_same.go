package s3store

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// SameStatement compares two statements by meaning: key order, white space, one-element lists
// written as a text, and numbers and truth values written as texts make no difference.
func SameStatement(a, b json.RawMessage) bool {
	x, okX := decodeExactly(a)
	y, okY := decodeExactly(b)
	if !okX || !okY {
		return bytes.Equal(a, b)
	}
	return reflect.DeepEqual(canonicalStatement(x), canonicalStatement(y))
}

// decodeExactly keeps numbers as they are written: an account number is one.
func decodeExactly(raw json.RawMessage) (any, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	return v, dec.Decode(&v) == nil
}

// canonicalStatement folds what services translate into each other when they store a policy.
func canonicalStatement(v any) any {
	statement, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(statement))
	for name, inner := range statement {
		switch name {
		case "Sid", "Effect":
			out[name] = inner
		case "Principal", "NotPrincipal":
			out[name] = canonicalPrincipal(inner)
		case "Condition":
			if len(canonicalMap(inner)) > 0 {
				out[name] = canonicalMap(inner)
			}
		default:
			out[name] = canonicalSet(inner)
		}
	}
	return out
}

// canonicalPrincipal writes "*" and {"AWS": "*"} alike.
func canonicalPrincipal(v any) any {
	kinds, ok := v.(map[string]any)
	if !ok {
		return map[string]any{"AWS": canonicalSet(v)}
	}
	return canonicalMap(kinds)
}

// canonicalMap canonicalises the sets at the leaves of nested objects; nil for what is no object.
func canonicalMap(v any) map[string]any {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	out := make(map[string]any, len(object))
	for name, inner := range object {
		if _, nested := inner.(map[string]any); nested {
			out[name] = canonicalMap(inner)
		} else {
			out[name] = canonicalSet(inner)
		}
	}
	return out
}

// canonicalSet is a sorted list of texts without duplicates, for one value and for a list of them.
// What is no set of plain values stays as it is.
func canonicalSet(v any) any {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, inner := range list {
		switch t := inner.(type) {
		case string:
			out = append(out, t)
		case json.Number:
			out = append(out, t.String())
		case bool:
			out = append(out, map[bool]string{true: "true", false: "false"}[t])
		default:
			return v
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// SamePolicy compares two lists of statements by meaning, whatever their order.
func SamePolicy(a, b []Statement) bool {
	if len(a) != len(b) {
		return false
	}
	left := slices.Clone(b)
	for _, s := range a {
		i := slices.IndexFunc(left, func(o Statement) bool { return o.Sid == s.Sid && SameStatement(o.Raw, s.Raw) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
