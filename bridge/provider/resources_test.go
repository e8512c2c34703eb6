package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	groundwork "github.com/groundwork-iac/terraform-provider-groundwork/provider"
)

// terraform is the provider's schema as Terraform gets it.
func terraform(t *testing.T) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	server := providerserver.NewProtocol6(groundwork.New("test")())()
	resp, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func pulumi(t *testing.T) schema.PackageSpec {
	t.Helper()
	var spec schema.PackageSpec
	if err := json.Unmarshal(Schema(), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// camel is the rule that names follow on the Pulumi side.
func camel(name string) string {
	if name == "pulumi" { // reserved
		return "pulumiBackend"
	}
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

func token(name string) string {
	lower := camel(name)
	return fmt.Sprintf("%s:index/%s:%s", Name, lower, lower)
}

func typeToken(name string) string {
	lower := camel(name)
	return fmt.Sprintf("%s:index/%s:%s", Name, lower, strings.ToUpper(lower[:1])+lower[1:])
}

// Names are what programs are written with: one that changes by itself breaks them all.
func TestEverythingHasItsToken(t *testing.T) {
	tf, spec := terraform(t), pulumi(t)
	want := map[string]bool{}
	for name := range tf.ResourceSchemas {
		want[typeToken(strings.TrimPrefix(name, Name+"_"))] = true
	}
	if got := slices.Sorted(maps.Keys(spec.Resources)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("resources %v, want %v", got, slices.Sorted(maps.Keys(want)))
	}
	want = map[string]bool{}
	for name := range tf.DataSourceSchemas {
		want[token("get_"+strings.TrimPrefix(name, Name+"_"))] = true
	}
	for name := range tf.Functions {
		want[token(name)] = true
	}
	got := slices.Sorted(maps.Keys(spec.Functions))
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "pulumi:providers:") })
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("functions %v, want %v", got, slices.Sorted(maps.Keys(want)))
	}
}

// Every resource says that its Pulumi ID is its import ID.
func TestEveryResourceHasItsID(t *testing.T) {
	info := Provider()
	for name, s := range terraform(t).ResourceSchemas {
		if r := info.Resources[name]; r == nil || r.ComputeID == nil {
			t.Errorf("%s: list it in resources()", name)
		}
		i := slices.IndexFunc(s.Block.Attributes, func(a *tfprotov6.SchemaAttribute) bool { return a.Name == "id" })
		if i < 0 || !s.Block.Attributes[i].Computed || s.Block.Attributes[i].Optional {
			t.Errorf("%s: its id is not one that the provider computes", name)
		}
	}
}

func TestNoPropertyIsLost(t *testing.T) {
	tf, spec := terraform(t), pulumi(t)
	for name, s := range tf.ResourceSchemas {
		r := spec.Resources[typeToken(strings.TrimPrefix(name, Name+"_"))]
		c := comparison{t: t, spec: spec, at: name, outputs: true}
		c.attributes(s.Block.Attributes, r.Properties, r.Required)
		c = comparison{t: t, spec: spec, at: name + " as input"}
		c.attributes(s.Block.Attributes, r.InputProperties, r.RequiredInputs)
	}
	for name, s := range tf.DataSourceSchemas {
		f := spec.Functions[token("get_"+strings.TrimPrefix(name, Name+"_"))]
		c := comparison{t: t, spec: spec, at: name}
		if f.Inputs != nil {
			c.attributes(s.Block.Attributes, f.Inputs.Properties, f.Inputs.Required)
		} else if len(s.Block.Attributes) > 0 {
			c.attributes(s.Block.Attributes, nil, nil)
		}
		c = comparison{t: t, spec: spec, at: name + " as result", outputs: true}
		c.attributes(s.Block.Attributes, f.ReturnType.ObjectTypeSpec.Properties, f.ReturnType.ObjectTypeSpec.Required)
	}
	for name, s := range tf.Functions {
		f := spec.Functions[token(name)]
		if f.Inputs == nil || len(f.MultiArgumentInputs) != len(s.Parameters) {
			t.Errorf("function %s: %d arguments of %d", name, len(f.MultiArgumentInputs), len(s.Parameters))
		}
	}
	c := comparison{t: t, spec: spec, at: "provider"}
	c.attributes(tf.Provider.Block.Attributes, spec.Provider.InputProperties, spec.Provider.RequiredInputs)
	c.at = "configuration"
	c.attributes(tf.Provider.Block.Attributes, spec.Config.Variables, spec.Config.Required)
}

// A default from the environment would write rotated credentials into every checkpoint.
func TestNoPropertyHasADefaultFromTheEnvironment(t *testing.T) {
	spec := pulumi(t)
	none := func(at string, properties map[string]schema.PropertySpec) {
		for name, p := range properties {
			if p.DefaultInfo != nil {
				t.Errorf("%s: %s has the default %v", at, name, p.DefaultInfo)
			}
		}
	}
	none("provider", spec.Provider.InputProperties)
	none("configuration", spec.Config.Variables)
	for tok, r := range spec.Resources {
		none(tok, r.InputProperties)
	}
}

// comparison goes through the attributes of one place, and of what is nested in it.
type comparison struct {
	t       *testing.T
	spec    schema.PackageSpec
	at      string
	outputs bool
}

func (c comparison) attributes(attributes []*tfprotov6.SchemaAttribute, properties map[string]schema.PropertySpec, required []string) {
	c.t.Helper()
	for _, a := range attributes {
		input := a.Required || a.Optional
		if !c.outputs && !input || a.Name == "id" && c.outputs {
			continue
		}
		name := camel(a.Name)
		if strings.HasSuffix(c.at, ".dynamodb") && name == "unsupported" {
			name = "unsupporteds" // the bridge gives no say in nested names
		}
		p, ok := properties[name]
		if !ok {
			c.t.Errorf("%s: %s has no property %s; there are %v", c.at, a.Name, name, slices.Sorted(maps.Keys(properties)))
			continue
		}
		if a.Sensitive && !p.Secret {
			c.t.Errorf("%s: %s is sensitive and no secret", c.at, name)
		}
		if p.Description == "" {
			c.t.Errorf("%s: %s has no description", c.at, name)
		}
		if !c.outputs && a.Required != slices.Contains(required, name) {
			c.t.Errorf("%s: %s is required on one side only", c.at, name)
		}
		if a.NestedType != nil {
			c.nested(a, p.TypeSpec)
		}
	}
}

func (c comparison) nested(a *tfprotov6.SchemaAttribute, spec schema.TypeSpec) {
	c.t.Helper()
	switch {
	case spec.AdditionalProperties != nil:
		spec = *spec.AdditionalProperties
	case spec.Items != nil:
		spec = *spec.Items
	}
	token := strings.TrimPrefix(spec.Ref, "#/types/")
	object, ok := c.spec.Types[token]
	if !ok {
		c.t.Errorf("%s: %s has no type of its own: %+v", c.at, a.Name, spec)
		return
	}
	inner := c
	inner.at += "." + a.Name
	inner.attributes(a.NestedType.Attributes, object.Properties, object.Required)
}

func TestSchemaCarriesTheVersion(t *testing.T) {
	if got := pulumi(t).Version; got != Version {
		t.Errorf("version %q, want %q", got, Version)
	}
}

// The bridge checks the description itself: names, types, overrides that it would ignore.
func TestDescriptionIsValid(t *testing.T) {
	info := Provider()
	if err := info.P.InternalValidate(); err != nil {
		t.Error(err)
	}
}
