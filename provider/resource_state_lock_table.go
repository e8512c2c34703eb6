package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.Resource                = (*stateLockTableResource)(nil)
	_ resource.ResourceWithConfigure   = (*stateLockTableResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*stateLockTableResource)(nil)
	_ resource.ResourceWithImportState = (*stateLockTableResource)(nil)
	_ resource.ResourceWithIdentity    = (*stateLockTableResource)(nil)
)

// stateLockTableResource implements groundwork_state_lock_table. What it does on either engine is in
// lock_table_postgres.go and lock_table_dynamodb.go.
type stateLockTableResource struct {
	data *providerData
}

// stateLockTableModel is groundwork_state_lock_table.
type stateLockTableModel struct {
	ID            types.String        `tfsdk:"id"`
	Postgres      *postgresTableModel `tfsdk:"postgres"`
	DynamoDB      *dynamoTableModel   `tfsdk:"dynamodb"`
	AdoptExisting types.Bool          `tfsdk:"adopt_existing"`
	Complete      types.Bool          `tfsdk:"complete"`
	Server        types.String        `tfsdk:"server"`
}

type stateLockTableIdentity struct {
	Engine   types.String `tfsdk:"engine"`
	Database types.String `tfsdk:"database"`
	Schema   types.String `tfsdk:"schema"`
	Region   types.String `tfsdk:"region"`
	Table    types.String `tfsdk:"table"`
}

// The engines, as they start an import ID.
const (
	enginePostgres = "postgres"
	engineDynamoDB = "dynamodb"
)

func (m *stateLockTableModel) engine() string {
	if m.DynamoDB != nil {
		return engineDynamoDB
	}
	return enginePostgres
}

// NewStateLockTableResource returns the resource groundwork_state_lock_table.
func NewStateLockTableResource() resource.Resource { return &stateLockTableResource{} }

// Metadata implements resource.Resource.
func (r *stateLockTableResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_state_lock_table"
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *stateLockTableResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	part := func(text string, always bool) identityschema.Attribute {
		return identityschema.StringAttribute{RequiredForImport: always, OptionalForImport: !always, Description: text}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"engine": part("The engine: postgres or dynamodb.", true), "database": part("The database, for postgres.", false),
		"schema": part("The schema, for postgres; public when left out.", false), "region": part("The region, for dynamodb; the provider's when left out.", false),
		"table": part("The table.", true),
	}}
}

// Schema implements resource.Resource.
func (r *stateLockTableResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A table of locks, on PostgreSQL or on DynamoDB. Destroying it is refused while somebody holds a lock in it.\n\n" +
			"On PostgreSQL it has the columns `LockID`, `Data` and `LeaseExpires` that are known from hand-made lock tables, so that SQL which watches or frees locks works on it, " +
			"and beside it a table of those who wait and a sequence of fences. A hand-made table is adopted with its rows untouched.\n\n" +
			"On DynamoDB it has the hash key `LockID`, a string, as the `s3` backend of Terraform and OpenTofu wants it (`dynamodb_table`), and is paid by request. " +
			"Terraform deprecates `dynamodb_table` since 1.11; OpenTofu does not. groundwork's own leases stand in the same table, under names that no state can have.",
		Attributes: map[string]schema.Attribute{
			"postgres": postgresTableAttribute(),
			"dynamodb": dynamoTableAttribute(),
			"adopt_existing": schema.BoolAttribute{
				MarkdownDescription: "Take over a table of this name that somebody else made. On PostgreSQL its rows stay, and missing columns and the index are added; one with other columns is refused, naming them. On DynamoDB its items stay, and settings that are left out stay as they are; one with another key is refused. Default: `false`.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "The import ID: `postgres/database/schema/table` or `dynamodb/region/table`. Names with a slash or percent sign are percent-encoded.",
				Computed:            true,
			},
			"complete": schema.BoolAttribute{
				MarkdownDescription: "Whether nothing is missing: on PostgreSQL no column, no index, no table of waiters, no sequence of fences. A plan repairs what is missing. On DynamoDB always `true`, since a table with another key is an error.",
				Computed:            true,
			},
			"server": schema.StringAttribute{
				MarkdownDescription: "Host and port of the PostgreSQL server, or the URL of DynamoDB. A table that cannot be found on another server, or with the credentials of another account, is an error, never taken for one that is gone.",
				Computed:            true,
			},
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *stateLockTableResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

var idEscaper = strings.NewReplacer("%", "%25", "/", "%2F")

func escapeIDPart(v types.String) string { return idEscaper.Replace(v.ValueString()) }

// importID is unknown while a part of it is.
func (m *stateLockTableModel) importID() types.String {
	parts := []types.String{types.StringValue(m.engine())}
	if m.DynamoDB != nil {
		parts = append(parts, m.DynamoDB.Region, m.DynamoDB.Table)
	} else {
		parts = append(parts, m.Postgres.Database, m.Postgres.Schema, m.Postgres.Table)
	}
	var out []string
	for _, p := range parts {
		if p.IsUnknown() {
			return types.StringUnknown()
		}
		out = append(out, escapeIDPart(p))
	}
	return types.StringValue(strings.Join(out, "/"))
}

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *stateLockTableResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	var state *stateLockTableModel
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		r.guard(ctx, state, "Lock Table Must Not Be Destroyed", &resp.Diagnostics)
		return
	}
	for _, engine := range []string{enginePostgres, engineDynamoDB} {
		var table types.Object
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root(engine), &table)...)
		if resp.Diagnostics.HasError() || table.IsUnknown() {
			return // all of it is decided by another resource in this same run
		}
	}
	var plan, config stateLockTableModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() || plan.Postgres == nil && plan.DynamoDB == nil {
		return
	}
	prior := state
	if state != nil && state.engine() != plan.engine() {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root(enginePostgres), path.Root(engineDynamoDB))
		prior = nil
	}
	plan.Complete = types.BoolValue(true)
	if plan.DynamoDB != nil {
		r.planDynamo(ctx, prior, &config, &plan, &resp.Diagnostics)
	} else {
		r.planPostgres(&plan, &resp.Diagnostics)
	}
	plan.ID = plan.importID()
	if state != nil && !plan.ID.IsUnknown() && !plan.ID.Equal(state.importID()) {
		r.guard(ctx, state, "Lock Table Must Not Be Replaced", &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	}
}

// guard refuses early what Delete would refuse: to drop a table in which somebody holds a lock.
func (r *stateLockTableResource) guard(ctx context.Context, state *stateLockTableModel, summary string, diags *diag.Diagnostics) {
	if state == nil || diags.HasError() {
		return
	}
	if state.DynamoDB != nil {
		r.guardDynamo(ctx, state, summary, diags)
		return
	}
	r.guardPostgres(ctx, state, summary, diags)
}

// Create implements resource.Resource. It is safe to repeat.
func (r *stateLockTableResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config stateLockTableModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Create Lock Table"
	if plan.DynamoDB != nil {
		r.createDynamo(ctx, &config, &plan, failed, &resp.Diagnostics)
	} else {
		r.createPostgres(ctx, &plan, failed, &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
		identify(ctx, resp.Identity, &plan, &resp.Diagnostics)
	}
}

// Read implements resource.Resource.
func (r *stateLockTableResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state stateLockTableModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	identify(ctx, resp.Identity, &state, &resp.Diagnostics)
	read := r.readPostgres
	if state.DynamoDB != nil {
		read = r.readDynamo
	}
	gone := read(ctx, &state, "Unable to Read Lock Table", &resp.Diagnostics)
	switch {
	case resp.Diagnostics.HasError():
	case gone:
		resp.State.RemoveResource(ctx)
	default:
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
		identify(ctx, resp.Identity, &state, &resp.Diagnostics)
	}
}

// Update implements resource.Resource: it repairs, grants and revokes.
func (r *stateLockTableResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config stateLockTableModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Update Lock Table"
	if plan.DynamoDB != nil {
		r.updateDynamo(ctx, &state, &config, &plan, failed, &resp.Diagnostics)
	} else {
		r.updatePostgres(ctx, &state, &plan, failed, &resp.Diagnostics)
	}
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
		identify(ctx, resp.Identity, &plan, &resp.Diagnostics)
	}
}

// Delete implements resource.Resource. A table in which somebody holds a lock is not dropped.
func (r *stateLockTableResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state stateLockTableModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Destroy Lock Table"
	if state.DynamoDB != nil {
		r.deleteDynamo(ctx, &state, failed, &resp.Diagnostics)
		return
	}
	r.deletePostgres(ctx, &state, failed, &resp.Diagnostics)
}

// ImportState implements resource.ResourceWithImportState.
func (r *stateLockTableResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	var id stateLockTableIdentity
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &id)...)
	} else {
		id = tableFromID(req.ID)
	}
	m := stateLockTableModel{AdoptExisting: types.BoolValue(false)}
	switch id.Engine.ValueString() {
	case enginePostgres:
		m.Postgres = importedPostgres(id)
	case engineDynamoDB:
		if m.DynamoDB = r.importedDynamo(ctx, id, &resp.Diagnostics); resp.Diagnostics.HasError() {
			return
		}
	default:
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The import ID of a lock table is postgres/database/schema/table, such as postgres/pulumi_state_lock/public/pulumi_state_locks, "+
			"or dynamodb/region/table, such as dynamodb/eu-west-3/terraform-locks; got %q.", req.ID))
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m.ID = m.importID()
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	identify(ctx, resp.Identity, &m, &resp.Diagnostics)
}

// tableFromID reads an import ID; its engine is null when it is none.
func tableFromID(id string) stateLockTableIdentity {
	back := strings.NewReplacer("%2F", "/", "%25", "%")
	parts := strings.Split(id, "/")
	part := func(i int) types.String { return types.StringValue(back.Replace(parts[i])) }
	switch {
	case len(parts) == 4 && parts[0] == enginePostgres:
		return stateLockTableIdentity{Engine: part(0), Database: part(1), Schema: part(2), Table: part(3)}
	case len(parts) == 3 && parts[0] == engineDynamoDB:
		return stateLockTableIdentity{Engine: part(0), Region: part(1), Table: part(2)}
	}
	return stateLockTableIdentity{}
}

func identify(ctx context.Context, identity *tfsdk.ResourceIdentity, m *stateLockTableModel, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	id := stateLockTableIdentity{Engine: types.StringValue(m.engine())}
	if m.DynamoDB != nil {
		id.Region, id.Table = m.DynamoDB.Region, m.DynamoDB.Table
	} else {
		id.Database, id.Schema, id.Table = m.Postgres.Database, m.Postgres.Schema, m.Postgres.Table
	}
	diags.Append(identity.Set(ctx, id)...)
}
