package backendcfg

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// TestArguments: read as a tool reads them, they are what the file says.
func TestArguments(t *testing.T) {
	for name, c := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			got, err := c.Arguments()
			if err != nil {
				t.Fatal(err)
			}
			c.RemoteStates = nil
			text, err := RenderTFBackend(c)
			if err != nil {
				t.Fatal(err)
			}
			f, diags := hclsyntax.ParseConfig(text, "", hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			attributes, _ := f.Body.JustAttributes()
			if len(attributes) != len(got) {
				t.Errorf("%d arguments, and %d in the file", len(got), len(attributes))
			}
			for name, a := range attributes {
				want, _ := a.Expr.Value(nil)
				if want.Type() == cty.String {
					if got[name] != want.AsString() {
						t.Errorf("%s: %s", name, cmp.Diff(want.AsString(), got[name]))
					}
					continue
				}
				e, diags := hclsyntax.ParseExpression([]byte(got[name]), "", hcl.InitialPos)
				if diags.HasErrors() {
					t.Fatalf("%s = %s: %v", name, got[name], diags)
				}
				if v, diags := e.Value(nil); diags.HasErrors() || !v.RawEquals(want) {
					t.Errorf("%s = %s: %v", name, got[name], diags)
				}
			}
		})
	}
	if _, err := (Config{}).Arguments(); !errors.As(err, new(*FieldError)) {
		t.Errorf("nothing set: %v", err)
	}
}
