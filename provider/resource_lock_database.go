package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

var (
	_ resource.Resource                = (*lockDatabaseResource)(nil)
	_ resource.ResourceWithConfigure   = (*lockDatabaseResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*lockDatabaseResource)(nil)
	_ resource.ResourceWithImportState = (*lockDatabaseResource)(nil)
	_ resource.ResourceWithIdentity    = (*lockDatabaseResource)(nil)
)

// lockDatabaseResource implements groundwork_lock_database.
type lockDatabaseResource struct {
	data *providerData
}

// lockDatabaseModel is groundwork_lock_database.
type lockDatabaseModel struct {
	ID            types.String `tfsdk:"id"`
	Name          types.String `tfsdk:"name"`
	Owner         types.String `tfsdk:"owner"`
	Encoding      types.String `tfsdk:"encoding"`
	AdoptExisting types.Bool   `tfsdk:"adopt_existing"`
	Disconnect    types.Bool   `tfsdk:"disconnect_sessions"`
	Server        types.String `tfsdk:"server"`
}

type lockDatabaseIdentity struct {
	Name types.String `tfsdk:"name"`
}

// NewLockDatabaseResource returns the resource groundwork_lock_database.
func NewLockDatabaseResource() resource.Resource { return &lockDatabaseResource{} }

// Metadata implements resource.Resource.
func (r *lockDatabaseResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_lock_database"
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *lockDatabaseResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "The database's name."},
	}}
}

// Schema implements resource.Resource.
func (r *lockDatabaseResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	resp.Schema = schema.Schema{
		MarkdownDescription: "A PostgreSQL database for lock tables, on a server that exists already: `CREATE DATABASE pulumi_state_lock`. " +
			"It is created and dropped by way of the maintenance database and needs the right to create databases, no superuser. " +
			"A database that holds anything but groundwork's own tables is never dropped, and one with a live lease is not either.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				MarkdownDescription: "The database's name, up to 63 bytes, exactly as it is written. Changing it replaces the database.",
				Required:            true,
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{postgresName{what: "database"}},
			},
			"owner": schema.StringAttribute{
				MarkdownDescription: "The role that owns the database. The role exists already, and the connecting user is a member of it. Left out: the connecting user for a database that groundwork creates, untouched otherwise.",
				Optional:            true, Computed: true,
				Validators: []validator.String{postgresName{what: "role"}},
			},
			"encoding": schema.StringAttribute{
				MarkdownDescription: "The encoding, as PostgreSQL names it. It cannot be changed: another one replaces the database, and the lock tables go with it: the run after that one makes them again. Left out: `UTF8` for a database that groundwork creates.",
				Optional:            true, Computed: true,
				PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown(), stringplanmodifier.RequiresReplaceIf(encodingChanges,
					"another encoding replaces the database", "another encoding replaces the database")},
			},
			"adopt_existing": schema.BoolAttribute{
				MarkdownDescription: "Take over a database of this name that exists, whatever it holds. Default: `false`. One that is the user's own and empty is completed in any case.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"disconnect_sessions": schema.BoolAttribute{
				MarkdownDescription: "Cut off those who are still connected when the database is destroyed, such as the idle connections of a pooler. Default: `false`: a destroy is refused while anybody is connected, naming them.",
				Optional:            true, Computed: true, Default: booldefault.StaticBool(false),
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "The import ID, which is the name.",
				Computed:            true, PlanModifiers: keep,
			},
			"server": schema.StringAttribute{
				MarkdownDescription: "Host and port of the server. A database that cannot be found on another server is an error, never taken for one that is gone.",
				Computed:            true,
			},
		},
	}
}

// encodingChanges knows that PostgreSQL has several names for one encoding.
func encodingChanges(_ context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !req.ConfigValue.IsNull() && !pglock.SameEncoding(req.ConfigValue.ValueString(), req.StateValue.ValueString())
}

// Configure implements resource.ResourceWithConfigure.
func (r *lockDatabaseResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan: it fills what is known before the server
// is asked, and refuses early a destroy that Delete would refuse.
func (r *lockDatabaseResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	c, err := r.data.postgres()
	if errors.Is(err, errUnknownConfig) {
		return
	}
	if err != nil {
		addPostgresError(&resp.Diagnostics, "Unable to Plan Lock Database", err)
		return
	}
	var state, plan, config lockDatabaseModel
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if req.Plan.Raw.IsNull() {
		if !resp.Diagnostics.HasError() {
			err := c.MayDropDatabase(ctx, state.Name.ValueString())
			addPostgresError(&resp.Diagnostics, "Lock Database Must Not Be Destroyed", ignoreAbsent(err))
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !state.ID.IsNull() && (!plan.Name.Equal(state.Name) || !plan.Encoding.IsUnknown() && !pglock.SameEncoding(plan.Encoding.ValueString(), state.Encoding.ValueString())) {
		err := c.MayDropDatabase(ctx, state.Name.ValueString())
		addPostgresError(&resp.Diagnostics, "Lock Database Must Not Be Replaced", ignoreAbsent(err))
	}
	plan.ID = plan.Name
	plan.Server = types.StringValue(serverName(c.Target("")))
	if config.Owner.IsNull() && !state.ID.IsNull() {
		plan.Owner = state.Owner
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// Create implements resource.Resource. It is safe to repeat.
func (r *lockDatabaseResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Unable to Create Lock Database"
	var plan, config lockDatabaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	c := r.client(failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	encoding := config.Encoding.ValueString()
	if encoding == "" && !plan.AdoptExisting.ValueBool() {
		encoding = "UTF8"
	}
	tflog.Debug(ctx, "creating lock database", map[string]any{"database": plan.Name.ValueString()})
	made, err := c.CreateDatabase(ctx, pglock.DatabaseSpec{
		Name: plan.Name.ValueString(), Owner: config.Owner.ValueString(), Encoding: encoding, Adopt: plan.AdoptExisting.ValueBool(),
	})
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	plan.show(c, made.Database, config)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &plan, &resp.Diagnostics)
}

// Read implements resource.Resource.
func (r *lockDatabaseResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	const failed = "Unable to Read Lock Database"
	var state lockDatabaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	r.identify(ctx, resp.Identity, &state, &resp.Diagnostics)
	c, err := r.data.postgres()
	if errors.Is(err, errUnknownConfig) {
		resp.Diagnostics.AddWarning("Lock Database Not Refreshed", sentence(err.Error())+" What is known of it is kept; the next run refreshes it.")
		return
	}
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	found, err := c.InspectDatabase(ctx, state.Name.ValueString())
	if errors.Is(err, pglock.ErrNotFound) {
		if elsewhere(c, state.Server, failed, &resp.Diagnostics) {
			return
		}
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	state.show(c, found, state)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements resource.Resource: only the owner can change.
func (r *lockDatabaseResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Unable to Update Lock Database"
	var plan, state lockDatabaseModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	c := r.client(failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Owner.Equal(state.Owner) {
		if err := c.AlterOwner(ctx, plan.Name.ValueString(), plan.Owner.ValueString()); err != nil {
			addPostgresError(&resp.Diagnostics, failed, err)
			return
		}
	}
	found, err := c.InspectDatabase(ctx, plan.Name.ValueString())
	if err != nil {
		addPostgresError(&resp.Diagnostics, failed, err)
		return
	}
	plan.show(c, found, plan)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &plan, &resp.Diagnostics)
}

// Delete implements resource.Resource. Pulumi plans no destroys, so every guard is enforced here.
func (r *lockDatabaseResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	const failed = "Unable to Destroy Lock Database"
	var state lockDatabaseModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	c := r.client(failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	err := c.DropDatabase(ctx, state.Name.ValueString(), pglock.DropDatabaseOptions{Disconnect: state.Disconnect.ValueBool()})
	if errors.Is(err, pglock.ErrNotFound) && elsewhere(c, state.Server, failed, &resp.Diagnostics) {
		return
	}
	addPostgresError(&resp.Diagnostics, failed, ignoreAbsent(err))
}

// ImportState implements resource.ResourceWithImportState.
func (r *lockDatabaseResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := req.ID
	if name == "" && req.Identity != nil {
		var id lockDatabaseIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &id)...)
		name = id.Name.ValueString()
	}
	if err := pglock.CheckName("database", name); err != nil {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The import ID of a lock database is its name: %s.", err))
		return
	}
	for attribute, value := range map[string]attr.Value{
		"id": types.StringValue(name), "name": types.StringValue(name), "adopt_existing": types.BoolValue(false), "disconnect_sessions": types.BoolValue(false),
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	if resp.Identity != nil {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, lockDatabaseIdentity{Name: types.StringValue(name)})...)
	}
}

func (r *lockDatabaseResource) client(failed string, diags *diag.Diagnostics) *pglock.Client {
	c, err := r.data.postgres()
	addPostgresError(diags, failed, err)
	return c
}

func (r *lockDatabaseResource) identify(ctx context.Context, identity *tfsdk.ResourceIdentity, m *lockDatabaseModel, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.Set(ctx, lockDatabaseIdentity{Name: m.Name})...)
	}
}

// show writes what the server says. An encoding stays spelt as it was.
func (m *lockDatabaseModel) show(c *pglock.Client, d pglock.Database, spelt lockDatabaseModel) {
	m.ID = types.StringValue(d.Name)
	m.Owner = types.StringValue(d.Owner)
	m.Encoding = spelt.Encoding
	if spelt.Encoding.ValueString() == "" || !pglock.SameEncoding(spelt.Encoding.ValueString(), d.Encoding) {
		m.Encoding = types.StringValue(d.Encoding)
	}
	m.Server = types.StringValue(serverName(c.Target("")))
}
