package leaserun

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// Variable is the environment variable by which leases are passed on to programs that run under
// them, so that groundwork, called again from there, does not wait for itself. It holds no secret.
const Variable = "GROUNDWORK_LEASES"

// Inherited is one lease that a caller further up holds.
type Inherited struct {
	Name  string `json:"name"`
	Fence int64  `json:"fence"`
	ID    string `json:"id"`
}

// inherits tells whether the lease that is asked for is held by a caller further up. The variable
// alone does not prove that: it outlives the lease in a program that went to the background. So the
// store has to show the same lease, and a live one.
func inherits(ctx context.Context, o Options, env []string) bool {
	mine, found := Find(environment(env), o.Request.Name)
	if !found {
		return false
	}
	held, err := o.Store.List(ctx)
	if err != nil {
		return false // then acquiring says what is wrong
	}
	return slices.ContainsFunc(held, mine.Matches)
}

// Matches tells whether a lock of the table is this lease, and live.
func (i Inherited) Matches(h lease.Held) bool {
	return h.Name == i.Name && h.Fence == i.Fence && h.Info.ID == i.ID && i.ID != "" && !h.Expired()
}

// Find finds a lease by name in the environment. What does not parse is nothing.
func Find(getenv func(string) string, name string) (Inherited, bool) {
	var all []Inherited
	if err := json.Unmarshal([]byte(getenv(Variable)), &all); err != nil {
		return Inherited{}, false
	}
	for _, i := range slices.Backward(all) {
		if i.Name == name {
			return i, true
		}
	}
	return Inherited{}, false
}

// handDown adds a lease to an environment.
func handDown(env []string, g lease.Grant) ([]string, error) {
	var all []Inherited
	if text := environment(env)(Variable); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			all = nil // somebody else's text; what is ours replaces it
		}
	}
	text, err := json.Marshal(append(all, Inherited{Name: g.Name, Fence: g.Fence, ID: g.Info.ID}))
	if err != nil {
		return nil, fmt.Errorf("pass the lease on: %w", err)
	}
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, Variable+"=") })
	return append(env, Variable+"="+string(text)), nil
}

// environment reads variables from a list; the last one counts, as for programs.
func environment(env []string) func(string) string {
	return func(name string) string {
		for _, v := range slices.Backward(env) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}
