package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/guard"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

var (
	_ resource.Resource                   = (*stateBucketResource)(nil)
	_ resource.ResourceWithConfigure      = (*stateBucketResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*stateBucketResource)(nil)
	_ resource.ResourceWithImportState    = (*stateBucketResource)(nil)
	_ resource.ResourceWithIdentity       = (*stateBucketResource)(nil)
	_ resource.ResourceWithValidateConfig = (*stateBucketResource)(nil)
)

// stateBucketResource implements groundwork_state_bucket.
type stateBucketResource struct {
	data *providerData
}

// stateBucketIdentity identifies a bucket.
type stateBucketIdentity struct {
	Name   types.String `tfsdk:"name"`
	Region types.String `tfsdk:"region"`
}

// NewStateBucketResource returns the resource groundwork_state_bucket.
func NewStateBucketResource() resource.Resource { return &stateBucketResource{} }

// Metadata implements resource.Resource.
func (r *stateBucketResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_state_bucket"
}

// Configure implements resource.ResourceWithConfigure.
func (r *stateBucketResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// Create implements resource.Resource. It is safe to repeat and saves no state when it fails: a
// half-made bucket holds nothing that anyone would miss, and the next run completes it.
func (r *stateBucketResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config stateBucketModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Create State Bucket"
	c, err := r.data.store(ctx, plan.Region.ValueString())
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	plan.Region = types.StringValue(c.Region())
	name := plan.Name.ValueString()
	tflog.Debug(ctx, "ensuring bucket", map[string]any{"bucket": name, "region": c.Region()})
	created, err := c.Ensure(ctx, name, s3store.EnsureOptions{
		Adopt: plan.AdoptExisting.ValueBool(), ObjectLock: !config.ObjectLock.IsNull(),
		Counts: guard.Missed(c, name),
	})
	if err != nil {
		addError(&resp.Diagnostics, failed, withAdoptHint(err))
		return
	}
	have := &s3store.Observed{}
	if !created {
		if have, err = c.Read(ctx, name); err != nil {
			addError(&resp.Diagnostics, failed, err)
			return
		}
	}
	plan.Origin = types.StringValue(originCreated)
	if !created && plan.AdoptExisting.ValueBool() {
		plan.Origin = types.StringValue(originAdopted)
	}
	nothing := stateBucketModel{Encryption: types.ObjectNull(encryptionType), LifecycleRules: types.ObjectNull(lifecycleType)}
	run := bucketApply{c: c, config: &config, prior: &nothing, next: &plan, have: have, probe: true, creating: true}
	if run.do(ctx, &resp.Diagnostics); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	setBucketIdentity(ctx, resp.Identity, &plan, &resp.Diagnostics)
}

// adoptHint explains what to do about a bucket that is in use already.
type adoptHint struct{ err error }

// Error implements error.
func (e *adoptHint) Error() string {
	return e.err.Error() + ". To take it over with all that it holds, set adopt_existing = true or import it (terraform import ADDRESS name@region): settings that the configuration leaves out then stay as they are"
}

// Unwrap gives the cause.
func (e *adoptHint) Unwrap() error { return e.err }

func withAdoptHint(err error) error {
	var holds *s3store.HoldsObjectsError
	if errors.As(err, &holds) {
		return &adoptHint{err: err}
	}
	return err
}

// Read implements resource.Resource.
func (r *stateBucketResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state stateBucketModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// The framework wants an identity from every read, also from one that finds nothing.
	setBucketIdentity(ctx, resp.Identity, &state, &resp.Diagnostics)
	const failed = "Unable to Read State Bucket"
	c, err := r.data.store(ctx, state.Region.ValueString())
	if errors.Is(err, errUnknownConfig) {
		resp.Diagnostics.AddWarning("State Bucket Not Refreshed", sentence(err.Error())+
			" The bucket's last known settings are kept; the next run refreshes them.")
		return
	}
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	name := state.Name.ValueString()
	if was := state.Endpoint.ValueString(); was != "" && was != c.Endpoint() {
		resp.Diagnostics.AddError(failed, fmt.Sprintf("Bucket %q was created at %s, but the provider is configured for %s. "+
			"A bucket of that name there would be another one.\n\nPoint the provider at %s. If the service itself has moved to the new address, "+
			"remove the resource from the state (terraform state rm) and import the bucket again.", name, was, c.Endpoint(), was))
		return
	}
	have, err := c.Read(ctx, name)
	if errors.Is(err, s3store.ErrNotFound) {
		tflog.Warn(ctx, "bucket is gone", map[string]any{"bucket": name})
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	if state.Capabilities.IsNull() { // just imported
		state.Region = types.StringValue(c.Region())
		state.introduce(ctx, c.Profile(), have, &resp.Diagnostics)
	}
	state.show(ctx, c, have, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements resource.Resource.
func (r *stateBucketResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, config, state stateBucketModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Update State Bucket"
	c, err := r.data.store(ctx, state.Region.ValueString())
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	have, err := c.Read(ctx, state.Name.ValueString())
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	run := bucketApply{
		c: c, config: &config, prior: &state, next: &plan, have: have,
		probe: plan.LockStrategy.IsUnknown() || plan.Versioning.ValueBool() != state.Versioning.ValueBool(),
	}
	if run.do(ctx, &resp.Diagnostics); resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	setBucketIdentity(ctx, resp.Identity, &plan, &resp.Diagnostics)
}

// ImportState implements resource.ResourceWithImportState.
func (r *stateBucketResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, region, _ := strings.Cut(req.ID, "@")
	if req.ID == "" && req.Identity != nil {
		var id stateBucketIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &id)...)
		name, region = id.Name.ValueString(), id.Region.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !bucketName.MatchString(name) {
		resp.Diagnostics.AddError("Invalid Import ID", fmt.Sprintf("The import ID of a state bucket is its name and region, such as my-states@fr-par; got %q.", req.ID))
		return
	}
	if region == "" {
		c, err := r.data.store(ctx, "")
		if err != nil {
			addError(&resp.Diagnostics, "Unable to Import State Bucket", err)
			return
		}
		region = c.Region()
	}
	for attribute, value := range map[string]attr.Value{
		"id": types.StringValue(name + "@" + region), "name": types.StringValue(name), "region": types.StringValue(region),
		"origin": types.StringValue(originImported), "adopt_existing": types.BoolValue(false),
		"deletion_protection": types.BoolValue(true), "force_destroy": types.BoolValue(false),
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	if resp.Identity != nil {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, stateBucketIdentity{Name: types.StringValue(name), Region: types.StringValue(region)})...)
	}
}

// introduce fills what a create would have found out. An import only reads, so what only a probe
// could tell stays unknown.
func (m *stateBucketModel) introduce(ctx context.Context, p s3store.Profile, have *s3store.Observed, diags *diag.Diagnostics) {
	r := resolver{profile: p, lacking: have.Unsupported}
	lacking := map[s3store.Capability]bool{}
	for c := range optional(ctx, m, diags) {
		lacking[c] = r.lacks(c)
	}
	m.Unsupported = capabilitySet(lacking)
	m.Capabilities = capabilitiesOf(p, have.Unsupported, nil)
	m.LockStrategy = plannedLock(p)
	if m.LockStrategy.IsUnknown() {
		m.LockStrategy = types.StringValue(lockUnknown)
	}
}

// setBucketIdentity fills the identity where the host tool knows identities.
func setBucketIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, m *stateBucketModel, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.Set(ctx, stateBucketIdentity{Name: m.Name, Region: m.Region})...)
	}
}
