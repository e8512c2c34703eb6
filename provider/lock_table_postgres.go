package provider

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/objectvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

type postgresTableModel struct {
	Database types.String `tfsdk:"database"`
	Schema   types.String `tfsdk:"schema"`
	Table    types.String `tfsdk:"table"`
	Grants   types.Set    `tfsdk:"grants"`
}

func postgresTableAttribute() schema.Attribute {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return schema.SingleNestedAttribute{
		MarkdownDescription: "A table on the PostgreSQL server that the provider is configured for. Exactly one of `postgres` and `dynamodb` is set; changing from one to the other replaces the table.",
		Optional:            true,
		Validators:          []validator.Object{objectvalidator.ExactlyOneOf(path.MatchRoot(enginePostgres), path.MatchRoot(engineDynamoDB))},
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
	}
}

func (m *stateLockTableModel) table() pglock.Table {
	return pglock.Table{Schema: m.Postgres.Schema.ValueString(), Name: m.Postgres.Table.ValueString()}
}

// connect opens the lock table's database.
func (r *stateLockTableResource) connect(ctx context.Context, m *stateLockTableModel) (*pglock.Client, *pglock.DB, error) {
	c, err := r.data.postgres()
	if err != nil {
		return nil, nil, err
	}
	db, err := c.Connect(ctx, m.Postgres.Database.ValueString())
	return c, db, err
}

// planPostgres fills in what is computed.
func (r *stateLockTableResource) planPostgres(plan *stateLockTableModel, diags *diag.Diagnostics) {
	c, err := r.data.postgres()
	switch {
	case err == nil:
		plan.Server = types.StringValue(serverName(c.Target("")))
	case !errors.Is(err, errUnknownConfig):
		addPostgresError(diags, "Unable to Plan Lock Table", err)
	}
}

func (r *stateLockTableResource) guardPostgres(ctx context.Context, state *stateLockTableModel, summary string, diags *diag.Diagnostics) {
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

func (r *stateLockTableResource) createPostgres(ctx context.Context, plan *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	c, db, err := r.connect(ctx, plan)
	if err != nil {
		addPostgresError(diags, failed, err)
		return
	}
	defer db.Close()
	result, err := db.CreateTable(ctx, pglock.TableSpec{
		Table: plan.table(), Adopt: plan.AdoptExisting.ValueBool(), Grants: roles(ctx, plan.Postgres.Grants, diags),
	})
	if err != nil {
		addPostgresError(diags, failed, err)
		return
	}
	tflog.Debug(ctx, "lock table is there", map[string]any{"table": result.Table.String(), "changes": result.Changes})
	r.readBack(ctx, c, plan, diags)
}

// readPostgres tells whether the table is gone.
func (r *stateLockTableResource) readPostgres(ctx context.Context, state *stateLockTableModel, failed string, diags *diag.Diagnostics) (gone bool) {
	c, db, err := r.connect(ctx, state)
	if errors.Is(err, errUnknownConfig) {
		notRefreshed(err, diags)
		return false
	}
	var found pglock.Observed
	if err == nil {
		defer db.Close()
		found, err = db.ObserveTable(ctx, state.table(), roles(ctx, state.Postgres.Grants, diags))
	}
	if errors.Is(err, pglock.ErrNotFound) || err == nil && !found.Exists {
		return c == nil || !elsewhere(c, state.Server, failed, diags)
	}
	if err != nil {
		addPostgresError(diags, failed, err)
		return false
	}
	state.show(c, found)
	return false
}

func notRefreshed(err error, diags *diag.Diagnostics) {
	diags.AddWarning("Lock Table Not Refreshed", sentence(err.Error())+" What is known of it is kept; the next run refreshes it.")
}

func (r *stateLockTableResource) updatePostgres(ctx context.Context, state, plan *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	c, db, err := r.connect(ctx, plan)
	if err != nil {
		addPostgresError(diags, failed, err)
		return
	}
	defer db.Close()
	spec := pglock.TableSpec{Table: plan.table(), Grants: roles(ctx, plan.Postgres.Grants, diags)}
	for _, was := range roles(ctx, state.Postgres.Grants, diags) {
		if spec.Grants != nil && !slices.Contains(spec.Grants, was) {
			spec.Revoke = append(spec.Revoke, was)
		}
	}
	if _, err := db.RepairTable(ctx, spec); err != nil {
		addPostgresError(diags, failed, err)
		return
	}
	r.readBack(ctx, c, plan, diags)
}

func (r *stateLockTableResource) deletePostgres(ctx context.Context, state *stateLockTableModel, failed string, diags *diag.Diagnostics) {
	c, db, err := r.connect(ctx, state)
	if err == nil {
		defer db.Close()
		err = db.DropTable(ctx, state.table())
	}
	if errors.Is(err, pglock.ErrNotFound) && c != nil && elsewhere(c, state.Server, failed, diags) {
		return
	}
	addPostgresError(diags, failed, ignoreAbsent(err))
}

func importedPostgres(id stateLockTableIdentity) *postgresTableModel {
	if id.Schema.IsNull() {
		id.Schema = types.StringValue(pglock.DefaultSchema)
	}
	return &postgresTableModel{Database: id.Database, Schema: id.Schema, Table: id.Table, Grants: types.SetNull(types.StringType)}
}

// readBack shows in m what the table is after a change.
func (r *stateLockTableResource) readBack(ctx context.Context, c *pglock.Client, m *stateLockTableModel, diags *diag.Diagnostics) {
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
}

// show writes what the table is. A role that lacks a right, or has one too many, is not shown as
// granted, so that a plan repairs it.
func (m *stateLockTableModel) show(c *pglock.Client, found pglock.Observed) {
	m.ID = m.importID()
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
