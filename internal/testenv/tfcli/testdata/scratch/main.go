// Command scratch is the smallest provider that can be applied. It stands in for the real one, so
// that the tests of the mirror and of the runner do not depend on it.
package main

import (
	"context"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return scratch{} },
		providerserver.ServeOpts{Address: "registry.terraform.io/groundwork-iac/groundwork"})
	if err != nil {
		log.Fatal(err)
	}
}

type scratch struct{}

func (scratch) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "groundwork"
}
func (scratch) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse)          {}
func (scratch) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}
func (scratch) DataSources(context.Context) []func() datasource.DataSource                        { return nil }
func (scratch) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return environment{} }}
}

// environment is a resource that holds one variable of the provider's environment.
type environment struct{}

type model struct {
	Name  types.String `tfsdk:"name"`
	Value types.String `tfsdk:"value"`
}

func (environment) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "groundwork_environment"
}

func (environment) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"name":  schema.StringAttribute{Required: true},
		"value": schema.StringAttribute{Computed: true},
	}}
}

func (environment) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.Diagnostics.Append(set(ctx, req.Plan, &resp.State)...)
}
func (environment) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}
func (environment) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.Append(set(ctx, req.Plan, &resp.State)...)
}
func (environment) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func set(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State) (diags diag.Diagnostics) {
	var m model
	if diags = plan.Get(ctx, &m); diags.HasError() {
		return diags
	}
	m.Value = types.StringValue(os.Getenv(m.Name.ValueString()))
	return state.Set(ctx, &m)
}
