package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// protoProvider drives the provider through its protocol, as a host tool does, without one: some
// hundred interrupted applies would take too long through a command line, and identities need a
// newer one than can be built here.
type protoProvider struct {
	srv    tfprotov6.ProviderServer
	schema *tfprotov6.GetProviderSchemaResponse
}

// attrs are the attributes that a configuration sets; the others are null.
type attrs map[string]any

func newProtoProvider(ctx context.Context, t *testing.T, config attrs, tune func(*s3store.Config)) *protoProvider {
	t.Helper()
	srv, err := providerserver.NewProtocol6WithError(&groundworkProvider{version: "test", tune: tune})()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := srv.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	p := &protoProvider{srv: srv, schema: schema}
	resp, err := srv.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{
		Config: p.dynamic(t, schema.Provider.ValueType(), p.object(t, schema.Provider.ValueType(), config)),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.fatal(t, resp.Diagnostics)
	return p
}

func (p *protoProvider) fatal(t *testing.T, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	if text := errorsIn(diags); text != "" {
		t.Fatal(text)
	}
}

// errorsIn joins the errors, empty when there is none.
func errorsIn(diags []*tfprotov6.Diagnostic) string {
	var out []string
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			out = append(out, d.Summary+": "+d.Detail)
		}
	}
	return strings.Join(out, "\n")
}

func (p *protoProvider) typeOf(t *testing.T, resource string) tftypes.Type {
	t.Helper()
	s, ok := p.schema.ResourceSchemas[resource]
	if !ok {
		t.Fatalf("no resource %s", resource)
	}
	return s.ValueType()
}

// object builds a value of an object type from plain Go values.
func (p *protoProvider) object(t *testing.T, typ tftypes.Type, set attrs) tftypes.Value {
	t.Helper()
	obj, ok := typ.(tftypes.Object)
	if !ok {
		t.Fatalf("%s is no object", typ)
	}
	values := map[string]tftypes.Value{}
	for name, at := range obj.AttributeTypes {
		values[name] = p.value(t, at, set[name])
	}
	for name := range set {
		if _, ok := obj.AttributeTypes[name]; !ok {
			t.Fatalf("no attribute %s", name)
		}
	}
	return tftypes.NewValue(typ, values)
}

func (p *protoProvider) value(t *testing.T, typ tftypes.Type, v any) tftypes.Value {
	t.Helper()
	switch x := v.(type) {
	case nil:
		return tftypes.NewValue(typ, nil)
	case attrs:
		if m, ok := typ.(tftypes.Map); ok {
			values := map[string]tftypes.Value{}
			for k, e := range x {
				values[k] = p.value(t, m.ElementType, e)
			}
			return tftypes.NewValue(typ, values)
		}
		return p.object(t, typ, x)
	case []any:
		set, ok := typ.(tftypes.Set)
		if !ok {
			t.Fatalf("%s is no set", typ)
		}
		var values []tftypes.Value
		for _, e := range x {
			values = append(values, p.value(t, set.ElementType, e))
		}
		return tftypes.NewValue(typ, values)
	}
	return tftypes.NewValue(typ, v)
}

func (p *protoProvider) dynamic(t *testing.T, typ tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(typ, v)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func (p *protoProvider) decode(t *testing.T, typ tftypes.Type, d *tfprotov6.DynamicValue) tftypes.Value {
	t.Helper()
	if d == nil {
		return tftypes.NewValue(typ, nil)
	}
	v, err := d.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// refresh reads a resource; a null value means that it is gone.
func (p *protoProvider) refresh(ctx context.Context, t *testing.T, resource string, state tftypes.Value) (tftypes.Value, string) {
	t.Helper()
	typ := p.typeOf(t, resource)
	resp, err := p.srv.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: resource, CurrentState: p.dynamic(t, typ, state)})
	if err != nil {
		t.Fatal(err)
	}
	if text := errorsIn(resp.Diagnostics); text != "" {
		return state, text
	}
	return p.decode(t, typ, resp.NewState), ""
}

// plan plans from a prior state (null creates) to a configuration (nil destroys).
func (p *protoProvider) plan(ctx context.Context, t *testing.T, resource string, prior tftypes.Value, set attrs) (*tfprotov6.PlanResourceChangeResponse, string) {
	t.Helper()
	typ := p.typeOf(t, resource)
	config, proposed := tftypes.NewValue(typ, nil), tftypes.NewValue(typ, nil)
	if set != nil {
		config = p.object(t, typ, set)
		proposed = propose(t, config, prior)
	}
	resp, err := p.srv.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: resource, PriorState: p.dynamic(t, typ, prior),
		ProposedNewState: p.dynamic(t, typ, proposed), Config: p.dynamic(t, typ, config),
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp, errorsIn(resp.Diagnostics)
}

// propose does what the host does: what the configuration leaves out is as it was.
func propose(t *testing.T, config, prior tftypes.Value) tftypes.Value {
	t.Helper()
	if prior.IsNull() {
		return config
	}
	var c, was map[string]tftypes.Value
	if err := config.As(&c); err != nil {
		t.Fatal(err)
	}
	if err := prior.As(&was); err != nil {
		t.Fatal(err)
	}
	next := maps.Clone(was)
	for name, v := range c {
		if !v.IsNull() {
			next[name] = v
		}
	}
	return tftypes.NewValue(config.Type(), next)
}

// apply refreshes, plans and applies, as one run of the host does. It returns the new state, which
// is the prior one where nothing was to do, and the errors.
func (p *protoProvider) apply(ctx context.Context, t *testing.T, resource string, prior tftypes.Value, set attrs) (tftypes.Value, string) {
	t.Helper()
	typ := p.typeOf(t, resource)
	if !prior.IsNull() {
		var failed string
		if prior, failed = p.refresh(ctx, t, resource, prior); failed != "" {
			return prior, failed
		}
		if prior.IsNull() && set == nil {
			return prior, "" // gone already
		}
	}
	plan, failed := p.plan(ctx, t, resource, prior, set)
	if failed != "" {
		return prior, failed
	}
	config := tftypes.NewValue(typ, nil)
	if set != nil {
		config = p.object(t, typ, set)
	}
	if planned := p.decode(t, typ, plan.PlannedState); planned.Equal(prior) {
		return prior, ""
	}
	resp, err := p.srv.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resource, PriorState: p.dynamic(t, typ, prior), PlannedState: plan.PlannedState,
		Config: p.dynamic(t, typ, config), PlannedPrivate: plan.PlannedPrivate,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p.decode(t, typ, resp.NewState), errorsIn(resp.Diagnostics)
}

// settled fails the test unless another run has nothing to do.
func (p *protoProvider) settled(ctx context.Context, t *testing.T, resource string, state tftypes.Value, set attrs) {
	t.Helper()
	state, failed := p.refresh(ctx, t, resource, state)
	if failed != "" {
		t.Fatalf("refresh: %s", failed)
	}
	plan, failed := p.plan(ctx, t, resource, state, set)
	if failed != "" {
		t.Fatalf("plan: %s", failed)
	}
	planned := p.decode(t, p.typeOf(t, resource), plan.PlannedState)
	if diff, err := state.Diff(planned); err != nil || len(diff) > 0 {
		t.Fatalf("another run would change something: %v %v", diff, err)
	}
}

// null is the state of a resource that does not exist.
func (p *protoProvider) null(t *testing.T, resource string) tftypes.Value {
	t.Helper()
	return tftypes.NewValue(p.typeOf(t, resource), nil)
}

// field reads a string attribute of a state.
func field(t *testing.T, state tftypes.Value, name string) string {
	t.Helper()
	var m map[string]tftypes.Value
	if err := state.As(&m); err != nil {
		t.Fatal(err)
	}
	var s *string
	if err := m[name].As(&s); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	if s == nil {
		return ""
	}
	return *s
}
