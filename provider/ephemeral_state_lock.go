package provider

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/ephemeralvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure        = (*stateLockEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithRenew            = (*stateLockEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithClose            = (*stateLockEphemeral)(nil)
	_ ephemeral.EphemeralResourceWithConfigValidators = (*stateLockEphemeral)(nil)
)

// stateLockEphemeral implements groundwork_state_lock.
type stateLockEphemeral struct{ data *providerData }

// stateLockEphemeralModel is groundwork_state_lock.
type stateLockEphemeralModel struct {
	Name           types.String        `tfsdk:"name"`
	Postgres       *leasePostgresModel `tfsdk:"postgres"`
	DynamoDB       *leaseDynamoModel   `tfsdk:"dynamodb"`
	LeaseSeconds   types.Int64         `tfsdk:"lease_seconds"`
	TimeoutSeconds types.Int64         `tfsdk:"timeout_seconds"`
	Operation      types.String        `tfsdk:"operation"`
	ID             types.String        `tfsdk:"id"`
	Fence          types.Int64         `tfsdk:"fence"`
}

// heldLock is what Open tells Renew and Close: the lease, and in which table it is.
type heldLock struct {
	Name     string            `json:"name"`
	Fence    int64             `json:"fence"`
	Duration time.Duration     `json:"duration"`
	Postgres map[string]string `json:"postgres,omitempty"`
	DynamoDB map[string]string `json:"dynamodb,omitempty"`
}

const heldLockKey = "lock"

// NewStateLockEphemeralResource returns the ephemeral resource groundwork_state_lock.
func NewStateLockEphemeralResource() ephemeral.EphemeralResource { return &stateLockEphemeral{} }

// Metadata implements ephemeral.EphemeralResource.
func (e *stateLockEphemeral) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_state_lock"
}

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *stateLockEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	e.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// ConfigValidators implements ephemeral.EphemeralResourceWithConfigValidators.
func (e *stateLockEphemeral) ConfigValidators(context.Context) []ephemeral.ConfigValidator {
	return []ephemeral.ConfigValidator{ephemeralvalidator.ExactlyOneOf(path.MatchRoot("postgres"), path.MatchRoot("dynamodb"))}
}

// Schema implements ephemeral.EphemeralResource.
func (e *stateLockEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	optional := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: notEmpty()}
	}
	const day = 24 * 60 * 60
	resp.Schema = schema.Schema{
		MarkdownDescription: "A lease that is held while whatever depends on it runs, renewed meanwhile and given back afterwards; and no longer is promised. A plan takes it as well as an apply. Two runs that name the same lock and table wait for each other. It does not lock this run's own state: the backend does. A run that fails or is killed may not give the lock back: then it ends with its lease.\n\nThe table has to be there when the plan is made. Terraform takes the lock while planning even if `depends_on` names a table that is yet to be made; OpenTofu waits for it.\n\nWhile the table cannot be reached, renewing is tried again and again; that somebody else has had the lock meanwhile is an error when it is given back, and does not stop what depends on it.\n\nNeeds Terraform 1.10 or OpenTofu 1.11. To hold a lock around a whole run, use `groundwork exec`.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{MarkdownDescription: "The name of the lock, such as `pulumi:shop/dev`.", Required: true, Validators: notEmpty()},
			"postgres": schema.SingleNestedAttribute{
				MarkdownDescription: "A lock table on PostgreSQL. Exactly one of `postgres` and `dynamodb`.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"database": schema.StringAttribute{MarkdownDescription: "The lock database.", Required: true, Validators: notEmpty()},
					"schema":   optional("The table's schema. Default: `public`."),
					"table":    optional("The table. Default: `pulumi_state_locks`."),
				},
			},
			"dynamodb": schema.SingleNestedAttribute{
				MarkdownDescription: "A lock table on DynamoDB.", Optional: true,
				Attributes: map[string]schema.Attribute{
					"table":  schema.StringAttribute{MarkdownDescription: "The table.", Required: true, Validators: notEmpty()},
					"region": optional("The table's region. Default: `dynamodb_region` of the provider."),
				},
			},
			"lease_seconds": schema.Int64Attribute{
				MarkdownDescription: "How long the lease lasts when it cannot be renewed any more, as when the run is killed. Default: 300.",
				Optional:            true, Validators: []validator.Int64{int64validator.Between(3, day)},
			},
			"timeout_seconds": schema.Int64Attribute{
				MarkdownDescription: "How long to wait while somebody else holds the lock; 0 does not wait. Default: 300.",
				Optional:            true, Validators: []validator.Int64{int64validator.Between(0, day)},
			},
			"operation": optional("What others see as the reason. Default: `ephemeral lock`."),
			"id":        schema.StringAttribute{MarkdownDescription: "Names this very lease.", Computed: true},
			"fence":     schema.Int64Attribute{MarkdownDescription: "The number of the lease: greater than that of every earlier one of this name.", Computed: true},
		},
	}
}

func secondsOr(n types.Int64, byDefault time.Duration) time.Duration {
	if n.IsNull() {
		return byDefault
	}
	return time.Duration(n.ValueInt64()) * time.Second
}

const lockFailed = "Unable to Take the Lock"

// Open implements ephemeral.EphemeralResource.
func (e *stateLockEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m stateLockEphemeralModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	store, err := e.data.leaseStore(ctx, m.Postgres, m.DynamoDB)
	if errors.Is(err, errUnknownConfig) {
		resp.Diagnostics.AddError(lockFailed, sentence(err.Error())+" The lock is taken while planning, too: set these to what is known then, or apply first what decides them (-target). "+
			"OpenTofu waits for what depends_on names.")
		return
	}
	if err != nil {
		addLockError(&resp.Diagnostics, lockFailed, err)
		return
	}
	defer func() { _ = store.Close() }() // the lease stays
	operation := m.Operation.ValueString()
	if operation == "" {
		operation = "ephemeral lock"
	}
	grant, err := store.Acquire(ctx, lease.Request{
		Name: m.Name.ValueString(), Duration: secondsOr(m.LeaseSeconds, lease.DefaultDuration), Info: lease.Info{Operation: operation, Path: m.Name.ValueString()},
	}, lease.Wait{Timeout: secondsOr(m.TimeoutSeconds, lease.DefaultTimeout)})
	if err != nil {
		addLockError(&resp.Diagnostics, lockFailed, err)
		return
	}
	held := heldLock{Name: grant.Name, Fence: grant.Fence, Duration: grant.Duration}
	if m.Postgres != nil {
		held.Postgres = map[string]string{"database": m.Postgres.Database.ValueString(), "schema": m.Postgres.Schema.ValueString(), "table": m.Postgres.Table.ValueString()}
	} else {
		held.DynamoDB = map[string]string{"table": m.DynamoDB.Table.ValueString(), "region": m.DynamoDB.Region.ValueString()}
	}
	private, err := json.Marshal(held)
	if err != nil {
		addError(&resp.Diagnostics, lockFailed, err)
		return
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, heldLockKey, private)...)
	m.ID, m.Fence = types.StringValue(grant.Info.ID), types.Int64Value(grant.Fence)
	resp.RenewAt = grant.Sent.Add(grant.Duration / 3)
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// open reaches the lease that Open has taken.
func (h heldLock) open(ctx context.Context, d *providerData) (lease.Store, lease.Grant, error) {
	var pg *leasePostgresModel
	var dynamo *leaseDynamoModel
	if h.Postgres != nil {
		pg = &leasePostgresModel{
			Database: types.StringValue(h.Postgres["database"]), Schema: types.StringValue(h.Postgres["schema"]), Table: types.StringValue(h.Postgres["table"]),
		}
	} else {
		dynamo = &leaseDynamoModel{Table: types.StringValue(h.DynamoDB["table"]), Region: types.StringValue(h.DynamoDB["region"])}
	}
	store, err := d.leaseStore(ctx, pg, dynamo)
	return store, lease.Grant{Name: h.Name, Fence: h.Fence, Duration: h.Duration, Sent: time.Now()}, err
}

// with does something to the lease, in at most a while.
func (h heldLock) with(ctx context.Context, d *providerData, most time.Duration, do func(context.Context, lease.Store, lease.Grant) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	store, grant, err := h.open(ctx, d)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // that touches no lease
	return do(ctx, store, grant)
}

// The most that one try to renew or to give back may take. The tools wait for it when they close, and
// OpenTofu for ten seconds only.
const (
	renewMost = 5 * time.Second
	closeMost = 8 * time.Second
	closeStep = 500 * time.Millisecond
)

// Renew implements ephemeral.EphemeralResourceWithRenew. The tools do not renew again after an error,
// and Terraform shows it to nobody. So a database that is away is no error here: it is asked again soon,
// and whether somebody else has had the lock meanwhile is told at the latest when it is given back.
func (e *stateLockEphemeral) Renew(ctx context.Context, req ephemeral.RenewRequest, resp *ephemeral.RenewResponse) {
	private, diags := req.Private.GetKey(ctx, heldLockKey)
	resp.Diagnostics.Append(diags...)
	var held heldLock
	if err := json.Unmarshal(private, &held); err != nil {
		addError(&resp.Diagnostics, "Unable to Renew the Lock", err)
		return
	}
	sent := time.Now()
	err := held.with(ctx, e.data, min(renewMost, held.Duration/3), func(ctx context.Context, store lease.Store, grant lease.Grant) error {
		_, err := store.Renew(ctx, grant)
		return err
	})
	switch {
	case err == nil:
		resp.RenewAt = sent.Add(held.Duration / 3)
	case errors.Is(err, lease.ErrLost):
		addLockError(&resp.Diagnostics, "Unable to Renew the Lock", err)
	default:
		tflog.Warn(ctx, "the lock cannot be renewed at the moment", map[string]any{"lock": held.Name, "error": err.Error()})
		resp.RenewAt = time.Now().Add(min(held.Duration/10, renewMost))
	}
}

// Close implements ephemeral.EphemeralResourceWithClose. It tries again for a while where the database
// is away.
func (e *stateLockEphemeral) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	private, diags := req.Private.GetKey(ctx, heldLockKey)
	resp.Diagnostics.Append(diags...)
	var held heldLock
	if err := json.Unmarshal(private, &held); err != nil {
		addError(&resp.Diagnostics, "Unable to Give Back the Lock", err)
		return
	}
	for until := time.Now().Add(closeMost); ; {
		err := held.with(ctx, e.data, time.Until(until), func(ctx context.Context, store lease.Store, grant lease.Grant) error {
			return store.Release(ctx, grant)
		})
		if err == nil {
			return
		}
		if errors.Is(err, lease.ErrLost) || ctx.Err() != nil || time.Until(until) < closeStep {
			addLockError(&resp.Diagnostics, "Unable to Give Back the Lock", err)
			return
		}
		time.Sleep(closeStep)
	}
}
