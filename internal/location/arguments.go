package location

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// arguments are those of a backend, as JSON has them. Those that are null are left out.
type arguments map[string]any

// add overrides what is there with what is not null in other.
func (a arguments) add(other map[string]any) {
	for name, value := range other {
		if value != nil {
			a[name] = value
		}
	}
}

// differences names what other says otherwise. An argument that only other has is one, too.
func (a arguments) differences(other arguments) []string {
	var names []string
	for name, value := range other {
		if !same(a[name], value) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// same compares without the attributes of an object that are null, which only a record has. A flag
// may be given as text.
func same(x, y any) bool {
	if x == nil || y == nil {
		return x == y
	}
	mx, okx := x.(map[string]any)
	my, oky := y.(map[string]any)
	if okx && oky {
		for name, value := range my {
			if !same(mx[name], value) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(x, y) || fmt.Sprint(x) == fmt.Sprint(y)
}

func (a arguments) empty(name string) bool { return a[name] == nil || a[name] == "" }

func (a arguments) text(name string) string {
	s, _ := a[name].(string)
	return s
}

func (a arguments) textOr(name, otherwise string) string {
	if s := a.text(name); s != "" {
		return s
	}
	return otherwise
}

// flag is a boolean; said is false where it is left out.
func (a arguments) flag(name string) (on, said bool) {
	switch v := a[name].(type) {
	case bool:
		return v, true
	case string:
		on, err := strconv.ParseBool(v)
		return on, err == nil
	}
	return false, false
}

// nested reads an attribute of an object, or the older flat spelling of it.
func (a arguments) nested(object, name, flat string) string {
	switch o := a[object].(type) {
	case map[string]any:
		if s, ok := o[name].(string); ok && s != "" {
			return s
		}
	case []any: // as older releases recorded blocks
		for _, item := range o {
			if m, ok := item.(map[string]any); ok {
				if s, ok := m[name].(string); ok && s != "" {
					return s
				}
			}
		}
	}
	return a.text(flat)
}

// plainValue turns a literal into what JSON has. Null is no value.
func plainValue(v cty.Value) (any, bool) {
	if v.IsNull() || !v.IsWhollyKnown() {
		return nil, false
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, false
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil || out == nil {
		return nil, false
	}
	return out, true
}
