package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

var (
	_ resource.Resource                = (*stateLockTableResource)(nil)
	_ resource.ResourceWithConfigure   = (*stateLockTableResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*stateLockTableResource)(nil)
	_ resource.ResourceWithImportState = (*stateLockTableResource)(nil)
	_ resource.ResourceWithIdentity    = (*stateLockTableResource)(nil)
)

// stateLockTableResource implements groundwork_state_lock_table.
type stateLockTableResource struct {
	data *providerData
}

// stateLockTableModel is groundwork_state_lock_table.
type stateLockTableModel struct {
	ID            types.String        `tfsdk:"id"`
	Postgres      *postgresTableModel `tfsdk:"postgres"`
	AdoptExisting types.Bool          `tfsdk:"adopt_existing"`
	Complete      types.Bool          `tfsdk:"complete"`
	Server        types.String        `tfsdk:"server"`
}

type postgresTableModel struct {
	Database types.String `tfsdk:"database"`
	Schema   types.String `tfsdk:"schema"`
	Table    types.String `tfsdk:"table"`
	Grants   types.Set    `tfsdk:"grants"`
}

type stateLockTableIdentity struct {
	Engine   types.String `tfsdk:"engine"`
	Database types.String `tfsdk:"database"`
	Schema   types.String `tfsdk:"schema"`
	Table    types.String `tfsdk:"table"`
}

const enginePostgres = "postgres"

// NewStateLockTableResource returns the resource groundwork_state_lock_table.
func NewStateLockTableResource() resource.Resource { return &stateLockTableResource{} }

// Metadata implements resource.Resource.
func (r *stateLockTableResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_state_lock_table"
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *stateLockTableResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	part := func(text string) identityschema.Attribute {
		return identityschema.StringAttribute{RequiredForImport: true, Description: text}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"engine": part("The engine, postgres."), "database": part("The database."),
		"schema": part("The schema."), "table": part("The table."),
	}}
}

// Schema implements resource.Resource.
func (r *stateLockTableResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A table of locks. On PostgreSQL it has the columns `LockID`, `Data` and `LeaseExpires` that are known from hand-made lock tables, so that SQL which watches or frees locks works on it, " +
			"and beside it a table of those who wait and a sequence of fences. A hand-made table is adopted with its rows untouched.",
		Attributes: map[string]schema.Attribute{
			"postgres": schema.SingleNestedAttribute{
				MarkdownDescription: "A table on the PostgreSQL server that the provider is configured for.",
				Required:            true,
				Attributes: map[string]schema.Attribute{
					"database": schema.StringAttribute{
						MarkdownDescription: "The database, such as `groundwork_lock_database.locks.name`. Changing it replaces the table.",
						Required:            true, PlanModifiers: replace,
						Validators: []validator.String{postgresName{what: "database"}},
					},
					"schema": schema.StringAttribute{
						MarkdownDescription: "The schema. One that does not exist is created. Default: `public`. Changing it replaces the table.",
						Optional:            true, Computed: true, Default: stringdefault.StaticString(pglock.DefaultSchema), PlanModifiers: replace,
						Validators: []validator.String{postgresName{what: "schema"}},
					},
					"table": schema.StringAttribute{
						MarkdownDescription: "The table. Default: `pulumi_state_locks`. Changing it replaces the table.",
						Optional:            true, Computed: true, Default: stringdefault.StaticString(pglock.DefaultTable), PlanModifiers: replace,
						Validators: []validator.String{postgresName{what: "table"}},
					},
					"grants": schema.SetAttribute{
						MarkdownDescription: "Roles that may lock and nothing else: they can neither drop nor alter the table. The roles exist already. Nobody else gets a right, and `PUBLIC` has none. Left out: grants stay as they are. An empty list takes away what groundwork granted.",
						Optional:            true, ElementType: types.StringType,
						Validators: []validator.Set{setvalidator.ValueStringsAre(postgresName{what: "role"})},
					},
				},
			},
			"adopt_existing": schema.BoolAttribute{
				MarkdownDescription: "Take over a table of this name that somebody else made: its rows stay, missing columns and the index are added. One with other columns is refused, naming them. Default: `false`.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "The import ID, `postgres/database/schema/table`. Names with a slash or percent sign are percent-encoded.",
				Computed:            true,
			},
			"complete": schema.BoolAttribute{
				MarkdownDescription: "Whether nothing is missing: no column, no index, no table of waiters, no sequence of fences. A plan repairs what is missing.",
				Computed:            true,
			},
			"server": schema.StringAttribute{
				MarkdownDescription: "Host and port of the server. A table that cannot be found on another server is an error, never taken for one that is gone.",
				Computed:            true,
			},
		},
	}
}

// Configure implements resource.ResourceWithConfigure.
func (r *stateLockTableResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

func (m *stateLockTableModel) table() pglock.Table {
	return pglock.Table{Schema: m.Postgres.Schema.ValueString(), Name: m.Postgres.Table.ValueString()}
}

func (m *stateLockTableModel) importID() string {
	p := m.Postgres
	return strings.Join([]string{enginePostgres, escapeIDPart(p.Database), escapeIDPart(p.Schema), escapeIDPart(p.Table)}, "/")
}

var idEscaper = strings.NewReplacer("%", "%25", "/", "%2F")

func escapeIDPart(v types.String) string { return idEscaper.Replace(v.ValueString()) }

// connect opens the lock table's database.
func (r *stateLockTableResource) connect(ctx context.Context, m *stateLockTableModel) (*pglock.Client, *pglock.DB, error) {
	c, err := r.data.postgres()
	if err != nil {
		return nil, nil, err
	}
	db, err := c.Connect(ctx, m.Postgres.Database.ValueString())
	return c, db, err
}

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *stateLockTableResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	var state, plan stateLockTableModel
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		r.guard(ctx, &state, "Lock Table Must Not Be Destroyed", &resp.Diagnostics)
		return
	}
	var table types.Object
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("postgres"), &table)...)
	if resp.Diagnostics.HasError() || table.IsUnknown() {
		return // all of it is decided by another resource in this same run
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.Complete = types.BoolValue(true)
	p := plan.Postgres
	known := !p.Database.IsUnknown() && !p.Schema.IsUnknown() && !p.Table.IsUnknown()
	plan.ID = types.StringUnknown()
	if known {
		plan.ID = types.StringValue(plan.importID())
	}
	if c, err := r.data.postgres(); err == nil {
		plan.Server = types.StringValue(serverName(c.Target("")))
	} else if !errors.Is(err, errUnknownConfig) {
		addPostgresError(&resp.Diagnostics, "Unable to Plan Lock Table", err)
		return
	}
	if state.Postgres != nil && known && plan.importID() != state.importID() {
		r.guard(ctx, &state, "Lock Table Must Not Be Replaced", &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// guard refuses early what Delete would refuse: to drop a table in which somebody holds a lock.
func (r *stateLockTableResource) guard(ctx context.Context, state *stateLockTableModel, summary string, diags *diag.Diagnostics) {
	if diags.HasError() {
		return
	}
	_, db, err := r.connect(ctx, state)
	if errors.Is(err, errUnknownConfig) || errors.Is(err, pglock.ErrNotFound) {
		return
	}
	if err != nil {
		addPostgresError(diags, summary, err)
		return
	}
	defer db.Close()
	addPostgresError(diags, summary, ignoreAbsent(db.MayDropTable(ctx, state.table())))
}

// Create implements resource.Resource. It is safe to repeat.
func (r *stateLockTableResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Unable to Create Lock Table"
	var plan stateLockTableModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, db, err := r.connect(ctx, &plan)
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	defer db.Close()
	result, err := db.CreateTable(ctx, pglock.TableSpec{
		Table: plan.table(), Adopt: plan.AdoptExisting.ValueBool(), Grants: roles(ctx, plan.Postgres.Grants, &resp.Diagnostics),
	})
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	tflog.Debug(ctx, "lock table is there", map[string]any{"table": result.Table.String(), "changes": result.Changes})
	r.save(ctx, c, &plan, &resp.State, resp.Identity, &resp.Diagnostics)
}

// Read implements resource.Resource.
func (r *stateLockTableResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Unable to Read Lock Table"
	var state stateLockTableModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.identify(ctx, resp.Identity, &state, &resp.Diagnostics)
	c, db, err := r.connect(ctx, &state)
	if errors.Is(err, errUnknownConfig) {
		resp.Diagnostics.AddWarning("Lock Table Not Refreshed", sentence(err.Error())+" What is known of it is kept; the next run refreshes it.")
		return
	}
	var found pglock.Observed
	if err == nil {
		defer db.Close()
		found, err = db.ObserveTable(ctx, state.table(), roles(ctx, state.Postgres.Grants, &resp.Diagnostics))
	}
	if errors.Is(err, pglock.ErrNotFound) || err == nil && !found.Exists {
		if c == nil || !elsewhere(c, state.Server, failed, &resp.Diagnostics) {
			resp.State.RemoveResource(ctx)
		}
		return
	}
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	state.show(c, found)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements resource.Resource: it repairs, grants and revokes.
func (r *stateLockTableResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Unable to Update Lock Table"
	var plan, state stateLockTableModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, db, err := r.connect(ctx, &plan)
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	defer db.Close()
	spec := pglock.TableSpec{Table: plan.table(), Grants: roles(ctx, plan.Postgres.Grants, &resp.Diagnostics)}
	for _, was := range roles(ctx, state.Postgres.Grants, &resp.Diagnostics) {
		if spec.Grants != nil && !slices.Contains(spec.Grants, was) {
			spec.Revoke = append(spec.Revoke, was)
		}
	}
	if _, err := db.RepairTable(ctx, spec); err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	r.save(ctx, c, &plan, &resp.State, resp.Identity, &resp.Diagnostics)
}

// Delete implements resource.Resource. A table in which somebody holds a lock is not dropped.
func (r *stateLockTableResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Unable to Destroy Lock Table"
	var state stateLockTableModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, db, err := r.connect(ctx, &state)
	if err == nil {
		defer db.Close()
		err = db.DropTable(ctx, state.table())
	}
	if errors.Is(err, pglock.ErrNotFound) && c != nil && elsewhere(c, state.Server, failed, &resp.Diagnostics) {
		return
	}
	addPostgresError(&resp.Diagnostics, failed, ignoreAbsent(err))
}

// ImportState implements resource.ResourceWithImportState.
func (r *stateLockTableResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	var id stateLockTableIdentity
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.Get(ctx, &id)...)
	} else {
		parts := strings.Split(req.ID, "/")
		if len(parts) != 4 || parts[0] != enginePostgres {
			resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The import ID of a lock table is postgres/database/schema/table, such as postgres/pulumi_state_lock/public/pulumi_state_locks; got %q.", req.ID))
			return
		}
		back := strings.NewReplacer("%2F", "/", "%25", "%")
		id = stateLockTableIdentity{
			Engine: types.StringValue(enginePostgres), Database: types.StringValue(back.Replace(parts[1])),
			Schema: types.StringValue(back.Replace(parts[2])), Table: types.StringValue(back.Replace(parts[3])),
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	m := stateLockTableModel{Postgres: &postgresTableModel{Database: id.Database, Schema: id.Schema, Table: id.Table}}
	at := path.Root("postgres")
	for _, set := range []struct {
		at    path.Path
		value attr.Value
	}{
		{path.Root("id"), types.StringValue(m.importID())},
		{at.AtName("database"), id.Database},
		{at.AtName("schema"), id.Schema},
		{at.AtName("table"), id.Table},
		{at.AtName("grants"), types.SetNull(types.StringType)},
		{path.Root("adopt_existing"), types.BoolValue(false)},
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, set.at, set.value)...)
	}
	r.identify(ctx, resp.Identity, &m, &resp.Diagnostics)
}

// save reads the table back and stores what it is.
func (r *stateLockTableResource) save(ctx context.Context, c *pglock.Client, m *stateLockTableModel, state *tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	db, err := c.Connect(ctx, m.Postgres.Database.ValueString())
	if err != nil {
		addPostgresError(diags, "Unable to Read Lock Table", err)
		return
	}
	defer db.Close()
	found, err := db.ObserveTable(ctx, m.table(), roles(ctx, m.Postgres.Grants, diags))
	if err != nil {
		addPostgresError(diags, "Unable to Read Lock Table", err)
		return
	}
	m.show(c, found)
	diags.Append(state.Set(ctx, m)...)
	r.identify(ctx, identity, m, diags)
}

func (r *stateLockTableResource) identify(ctx context.Context, identity *tfsdk.ResourceIdentity, m *stateLockTableModel, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	diags.Append(identity.Set(ctx, stateLockTableIdentity{
		Engine: types.StringValue(enginePostgres), Database: m.Postgres.Database, Schema: m.Postgres.Schema, Table: m.Postgres.Table,
	})...)
}

// show writes what the table is. A role that lacks a right, or has one too many, is not shown as
// granted, so that a plan repairs it.
func (m *stateLockTableModel) show(c *pglock.Client, found pglock.Observed) {
	m.ID = types.StringValue(m.importID())
	m.Server = types.StringValue(serverName(c.Target("")))
	m.Complete = types.BoolValue(found.Managed && len(found.Missing)+len(found.Problems) == 0)
	if m.Postgres.Grants.IsNull() {
		return
	}
	granted := []attr.Value{}
	for _, g := range found.Grants {
		if g.Exists && len(g.Missing)+len(g.Excess) == 0 {
			granted = append(granted, types.StringValue(g.Role))
		}
	}
	m.Postgres.Grants = types.SetValueMust(types.StringType, granted)
}

// roles is nil for grants that are left alone.
func roles(ctx context.Context, set types.Set, diags *diag.Diagnostics) []string {
	if set.IsNull() || set.IsUnknown() {
		return nil
	}
	out := []string{}
	diags.Append(set.ElementsAs(ctx, &out, false)...)
	return out
}
