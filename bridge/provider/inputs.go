package provider

import (
	"slices"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// requireOnlyInputs corrects what the arguments of data sources require. A nested object is one type
// for the argument and for the result, and the bridge calls each of its properties required that the
// result always has, so that programs would have to pass what the provider computes.
func requireOnlyInputs(info *tfbridge.ProviderInfo) func(*schema.PackageSpec) {
	return func(spec *schema.PackageSpec) {
		for name, source := range info.DataSources {
			f := spec.Functions[string(source.Tok)]
			if f.Inputs != nil {
				relax(spec, f.Inputs.Properties, info.P.DataSourcesMap().Get(name).Schema(), source.Fields)
			}
		}
	}
}

func relax(
	spec *schema.PackageSpec, properties map[string]schema.PropertySpec,
	fields shim.SchemaMap, renamed map[string]*tfbridge.SchemaInfo,
) {
	for name, p := range properties {
		object, ok := spec.Types[refOf(p.TypeSpec)]
		field := fields.Get(tfbridge.PulumiToTerraformName(name, fields, renamed))
		nested := nestedFields(field)
		if !ok || nested == nil {
			continue
		}
		object.Required = slices.DeleteFunc(object.Required, func(inner string) bool {
			f := nested.Get(tfbridge.PulumiToTerraformName(inner, nested, nil))
			return !f.Required()
		})
		spec.Types[refOf(p.TypeSpec)] = object
		relax(spec, object.Properties, nested, nil)
	}
}

// refOf is the token of the object that a property is, or is a list or a map of.
func refOf(t schema.TypeSpec) string {
	switch {
	case t.AdditionalProperties != nil:
		t = *t.AdditionalProperties
	case t.Items != nil:
		t = *t.Items
	}
	return strings.TrimPrefix(t.Ref, "#/types/")
}

func nestedFields(s shim.Schema) shim.SchemaMap {
	switch elem := s.Elem().(type) {
	case shim.Resource:
		return elem.Schema()
	case shim.Schema:
		return nestedFields(elem)
	}
	return nil
}
