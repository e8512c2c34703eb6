package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/datasourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

var (
	_ datasource.DataSourceWithConfigure        = (*stateLocksDataSource)(nil)
	_ datasource.DataSourceWithConfigValidators = (*stateLocksDataSource)(nil)
)

// stateLocksDataSource implements groundwork_state_locks.
type stateLocksDataSource struct{ data *providerData }

// stateLocksModel is groundwork_state_locks.
type stateLocksModel struct {
	Bucket   types.String        `tfsdk:"bucket"`
	Prefix   types.String        `tfsdk:"prefix"`
	Region   types.String        `tfsdk:"region"`
	Postgres *leasePostgresModel `tfsdk:"postgres"`
	DynamoDB *leaseDynamoModel   `tfsdk:"dynamodb"`
	Locks    []stateLockModel    `tfsdk:"locks"`
}

// stateLockModel is one element of locks.
type stateLockModel struct {
	ID          string       `tfsdk:"id"`
	Kind        string       `tfsdk:"kind"`
	Name        string       `tfsdk:"name"`
	Place       types.String `tfsdk:"place"`
	Holder      string       `tfsdk:"holder"`
	Problem     types.String `tfsdk:"problem"`
	Operation   types.String `tfsdk:"operation"`
	Since       types.String `tfsdk:"since"`
	Expired     bool         `tfsdk:"expired"`
	LeftSeconds types.Int64  `tfsdk:"left_seconds"`
	Fence       types.Int64  `tfsdk:"fence"`
	Waiting     types.Int64  `tfsdk:"waiting"`
}

// NewStateLocksDataSource returns the data source groundwork_state_locks.
func NewStateLocksDataSource() datasource.DataSource { return &stateLocksDataSource{} }

// Metadata implements datasource.DataSource.
func (d *stateLocksDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_state_locks"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *stateLocksDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// ConfigValidators implements datasource.DataSourceWithConfigValidators.
func (d *stateLocksDataSource) ConfigValidators(context.Context) []datasource.ConfigValidator {
	return []datasource.ConfigValidator{datasourcevalidator.AtLeastOneOf(path.MatchRoot("bucket"), path.MatchRoot("postgres"), path.MatchRoot("dynamodb"))}
}

// Schema implements datasource.DataSource.
func (d *stateLocksDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	optional := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: notEmpty()}
	}
	ofBucket := func(description string) schema.StringAttribute {
		a := optional(description)
		a.Validators = append(a.Validators, stringvalidator.AlsoRequires(path.MatchRoot("bucket")))
		return a
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{MarkdownDescription: description, Computed: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Who holds which lock: the locks that the tools hold on states in a bucket (Terraform's and OpenTofu's lock files, Pulumi's locks), those in a DynamoDB table, and the leases of a lock table. It only reads, and what it shows may be over a moment later. A run whose own state is in the bucket sees its own lock.",
		Attributes: map[string]schema.Attribute{
			"bucket": optional("A bucket with states, whose lock files (`*.tflock`) and Pulumi locks (`.pulumi/locks/`) are shown."),
			"prefix": ofBucket("Where in the bucket to look, such as `infra/`; for Pulumi, the folder that holds `.pulumi`. Left out: everywhere, and Pulumi at the top."),
			"region": ofBucket("The bucket's region. Default: the provider's."),
			"postgres": schema.SingleNestedAttribute{
				MarkdownDescription: "A lock table on PostgreSQL, whose leases are shown.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"database": schema.StringAttribute{MarkdownDescription: "The lock database.", Required: true, Validators: notEmpty()},
					"schema":   optional("The table's schema. Default: `public`."),
					"table":    optional("The table. Default: `pulumi_state_locks`."),
				},
			},
			"dynamodb": schema.SingleNestedAttribute{
				MarkdownDescription: "A lock table on DynamoDB, whose leases and locks of Terraform and OpenTofu are shown.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"table":  schema.StringAttribute{MarkdownDescription: "The table.", Required: true, Validators: notEmpty()},
					"region": optional("The table's region. Default: `dynamodb_region` of the provider."),
				},
			},
			"locks": schema.ListNestedAttribute{
				MarkdownDescription: "The locks.", Computed: true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":           text("Names this very lock, for `groundwork locks break`."),
					"kind":         text("`lease`, `lockfile`, `dynamodb` or `pulumi`."),
					"name":         text("What is locked: the name of a lease, the address of a state, a stack."),
					"place":        text("Where the lock is; null for a lease."),
					"holder":       text("Who holds it; `somebody` where that is not known."),
					"problem":      text("Why the lock does not tell its holder, such as that it cannot be read; null otherwise."),
					"operation":    text("What for; null where the tool does not say."),
					"since":        text("Since when, in RFC 3339; null where it is not known."),
					"expired":      schema.BoolAttribute{MarkdownDescription: "Whether anybody may take it.", Computed: true},
					"left_seconds": number("How long a lease lasts unless it is renewed; negative once it has expired. Null for a lock without an end."),
					"fence":        number("The number of a lease, which grows with each one; null for other locks."),
					"waiting":      number("How many wait for a lease, where the table knows; null for other locks."),
				}},
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *stateLocksDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m stateLocksModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Locks = []stateLockModel{}
	d.readBucket(ctx, &m, &resp.Diagnostics)
	d.readTable(ctx, &m, &resp.Diagnostics)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

const locksFailed = "Unable to List the Locks"

// locksError says as well what to do about settings that are decided later.
func locksError(diags *diag.Diagnostics, err error) {
	if errors.Is(err, errUnknownConfig) {
		diags.AddError(locksFailed, sentence(err.Error())+" Let this data source depend on what decides it (depends_on), so that it is read then.")
		return
	}
	addLockError(diags, locksFailed, err)
}

func (d *stateLocksDataSource) readBucket(ctx context.Context, m *stateLocksModel, diags *diag.Diagnostics) {
	if m.Bucket.IsNull() {
		return
	}
	client, err := d.data.store(ctx, m.Region.ValueString())
	if err != nil {
		locksError(diags, err)
		return
	}
	bucket, prefix := m.Bucket.ValueString(), m.Prefix.ValueString()
	files, err := toollock.Lockfiles(ctx, client, bucket, prefix)
	if err != nil {
		locksError(diags, err)
		return
	}
	stacks, err := toollock.PulumiLocks(ctx, toollock.BucketFiles(client, bucket, prefix))
	if err != nil {
		locksError(diags, err)
		return
	}
	m.add(files)
	m.add(stacks)
}

func (m *stateLocksModel) add(locks []toollock.Lock) {
	for _, l := range locks {
		m.Locks = append(m.Locks, lockModel(lockview.OfTool(l)))
	}
}

func (d *stateLocksDataSource) readTable(ctx context.Context, m *stateLocksModel, diags *diag.Diagnostics) {
	for _, table := range []struct {
		pg     *leasePostgresModel
		dynamo *leaseDynamoModel
	}{{pg: m.Postgres}, {dynamo: m.DynamoDB}} {
		store, err := d.data.leaseStore(ctx, table.pg, table.dynamo)
		if err != nil {
			locksError(diags, err)
			return
		}
		if store == nil {
			continue
		}
		held, err := store.List(ctx)
		_ = store.Close() // it was only read
		if err != nil {
			locksError(diags, err)
			return
		}
		for _, h := range held {
			m.Locks = append(m.Locks, lockModel(lockview.OfLease(h)))
		}
	}
	if m.DynamoDB == nil {
		return
	}
	client, err := d.data.dynamo(ctx, m.DynamoDB.Region.ValueString())
	if err == nil {
		var locks []toollock.Lock
		locks, err = toollock.DynamoDBLocks(ctx, client, m.DynamoDB.Table.ValueString())
		m.add(locks)
	}
	if err != nil {
		locksError(diags, err)
	}
}

func lockModel(e lockview.Entry) stateLockModel {
	optional := func(s string) types.String {
		if s == "" {
			return types.StringNull()
		}
		return types.StringValue(s)
	}
	m := stateLockModel{
		ID: e.ID, Kind: e.Kind, Name: e.Name, Place: optional(e.Place), Holder: e.Who, Problem: optional(e.Problem),
		Operation: optional(e.Operation), Expired: e.Expired,
	}
	if !e.Since.IsZero() {
		m.Since = types.StringValue(e.Since.UTC().Format(time.RFC3339))
	}
	if e.Kind == lockview.KindLease {
		m.Fence, m.Waiting = types.Int64Value(e.Fence), types.Int64Value(int64(e.Waiting))
		if !e.Endless {
			m.LeftSeconds = types.Int64Value(int64(e.Left.Seconds()))
		}
	}
	return m
}
