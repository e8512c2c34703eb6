package backendcfg

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// IfExists is what to do when a file, or a block in it, is there before groundwork.
type IfExists string

// The choices for what exists already.
const (
	// IfExistsError refuses.
	IfExistsError IfExists = "error"
	// IfExistsAdoptIdentical takes over what says the same, and refuses the rest.
	IfExistsAdoptIdentical IfExists = "adopt_identical"
	// IfExistsOverwrite replaces it.
	IfExistsOverwrite IfExists = "overwrite"
)

// Action is what Decide allows.
type Action int

// The actions.
const (
	// ActionWrite writes the wanted text.
	ActionWrite Action = iota
	// ActionAdopt leaves the text as it is: it says the same.
	ActionAdopt
)

// ExistsError is something in the way of what was to be written. It names lines
// and arguments and never their values, which may be secret.
type ExistsError struct {
	// Where is the file, or the block in it.
	Where string
	// Identical is true if what is there says what was to be written.
	Identical bool
	Changes   []LineChange
	// Expressions are the arguments that are no literal values, such as OpenTofu's early
	// variables: groundwork knows what it would write, and not what they are.
	Expressions []string
}

// Error says what is there, where it differs and what to do.
func (e *ExistsError) Error() string {
	if e.Identical {
		return e.Where + " exists already and says the same; set if_exists = \"adopt_identical\" to take it over"
	}
	if len(e.Expressions) > 0 {
		return fmt.Sprintf("%s exists already, and its %s cannot be compared, since groundwork does not evaluate expressions; it was left alone. "+
			"Keep it, and leave this resource out; or remove it, or set if_exists = \"overwrite\", to have values written in their place",
			e.Where, strings.Join(e.Expressions, ", "))
	}
	return fmt.Sprintf("%s exists already and differs (%s); remove it, or set if_exists = \"overwrite\" to replace it",
		e.Where, summarise(e.Changes))
}

// Decide says what to do about found, which stands at where, given that want is
// to be there. It is pure. The error is an *ExistsError, or a *FieldError for a
// mode that does not exist.
func Decide(mode IfExists, where, found string, exists bool, want string) (Action, error) {
	switch mode {
	case "", IfExistsError, IfExistsAdoptIdentical, IfExistsOverwrite:
	default:
		return ActionWrite, &FieldError{Field: "if_exists", Reason: fmt.Sprintf("is %q; use \"error\", \"adopt_identical\" or \"overwrite\"", string(mode))}
	}
	if !exists || mode == IfExistsOverwrite {
		return ActionWrite, nil
	}
	same := Equivalent(found, want)
	if same && mode == IfExistsAdoptIdentical {
		return ActionAdopt, nil
	}
	e := &ExistsError{Where: where, Identical: same}
	if !same {
		e.Changes, e.Expressions = Diff(found, want), expressions(found)
	}
	return ActionWrite, e
}

// Equivalent is true if two texts of HCL say the same: comments, white space and
// the order of arguments do not count. Text that does not parse is compared byte
// by byte.
func Equivalent(a, b string) bool {
	if a == b {
		return true
	}
	bodyA, errA := parseDocument("", []byte(a))
	bodyB, errB := parseDocument("", []byte(b))
	return errA == nil && errB == nil && meaning(bodyA.src, bodyA.body) == meaning(bodyB.src, bodyB.body)
}

// meaning is a body as text in which only what counts is left.
func meaning(src []byte, body *hclsyntax.Body) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		fmt.Fprintf(&b, "%s = %s\n", name, expressionMeaning(src, body.Attributes[name].Expr))
	}
	for _, in := range body.Blocks {
		fmt.Fprintf(&b, "%s %q {\n%s}\n", in.Type, in.Labels, meaning(src, in.Body))
	}
	return b.String()
}

// expressionMeaning is the value where it is known without context, and else the
// tokens.
func expressionMeaning(src []byte, e hclsyntax.Expression) string {
	if v, ok := nativeLiteral(e); ok {
		return v.GoString()
	}
	r := e.Range()
	tokens, _ := hclsyntax.LexExpression(src[r.Start.Byte:r.End.Byte], "", hcl.InitialPos)
	var words []string
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenComment {
			words = append(words, string(t.Bytes))
		}
	}
	return strings.Join(words, " ")
}

// expressions are the arguments of the backend in a text that are no literal values,
// sorted.
func expressions(text string) []string {
	d, err := parseDocument("", []byte(text))
	if err != nil {
		return nil
	}
	body, _ := backendBody(d.body)
	if body == nil {
		return nil
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		if _, ok := nativeLiteral(body.Attributes[name].Expr); !ok {
			out = append(out, name)
		}
	}
	return out
}
