package provider

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfile"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfor"
)

// Keys of the private state.
const (
	// importedKey marks a resource that was imported and not written since.
	importedKey = "imported"
	// replacedKey holds, within one plan, the file that a replacement would remove first.
	replacedKey = "replaced"
)

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *backendFileResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config backendFileModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	file := config.file()
	if config.Format.IsNull() || config.Format.IsUnknown() {
		file.Format = backendcfg.FormatTerraform
	}
	if config.Placement.IsNull() || config.Placement.IsUnknown() {
		file.Placement = backendfile.DefaultPlacement(file.Format)
	}
	if err := file.Check(); err != nil && !config.Format.IsUnknown() {
		addBackendError(&resp.Diagnostics, "Invalid Backend Configuration", err)
	}
	config.checkWritten(ctx, file.Format, config.Format.IsUnknown(), &resp.Diagnostics)
}

// ModifyPlan implements resource.ResourceWithModifyPlan. It computes the text, and says early what
// an apply would refuse. It writes nothing.
func (r *backendFileResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	var state *backendFileModel
	if !req.State.Raw.IsNull() {
		state = &backendFileModel{}
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if req.Plan.Raw.IsNull() {
		if state != nil && !resp.Diagnostics.HasError() {
			if err := state.file().CheckDelete(state.ContentSHA256.ValueString()); err != nil {
				addBackendError(&resp.Diagnostics, "Unable to Delete Backend Configuration", err)
			}
		}
		return
	}
	plan := r.planned(ctx, req.Plan, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.ID = plan.Path
	plan.Content, plan.ContentSHA256 = types.StringUnknown(), types.StringUnknown()
	p := backendFilePlan{plan: plan, state: state, old: state}
	if state == nil {
		p.old = replacedFile(ctx, req, resp)
	}
	p.render(ctx, r.data, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if state != nil {
		rememberReplaced(ctx, state, resp)
	}
	imported, diags := req.Private.GetKey(ctx, importedKey)
	resp.Diagnostics.Append(diags...)
	if len(imported) > 0 && p.saysTheSame(ctx, &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, state)...)
		return
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// backendFilePlan computes what a plan shows.
type backendFilePlan struct {
	plan *backendFileModel
	// state is nil for a file that is to be created.
	state *backendFileModel
	// old is the state, or what is known of it when the plan is made a second time, for the
	// creation that follows the destruction in a replacement.
	old *backendFileModel
}

// replacedFile is what rememberReplaced kept, or nil. Terraform plans a replacement twice, the
// second time as if there were no prior state, and hands over the private state only.
func replacedFile(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) *backendFileModel {
	text, diags := req.Private.GetKey(ctx, replacedKey)
	resp.Diagnostics.Append(diags...)
	var kept map[string]string
	if len(text) == 0 || json.Unmarshal(text, &kept) != nil {
		return nil
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, replacedKey, nil)...)
	return &backendFileModel{
		Path: types.StringValue(kept["path"]), Root: types.StringValue(kept["root"]), Format: types.StringValue(kept["format"]),
		Placement: types.StringValue(kept["placement"]), ContentSHA256: types.StringValue(kept["sum"]),
	}
}

func rememberReplaced(ctx context.Context, old *backendFileModel, resp *resource.ModifyPlanResponse) {
	text, err := json.Marshal(map[string]string{
		"path": old.Path.ValueString(), "root": old.Root.ValueString(), "format": old.Format.ValueString(),
		"placement": old.Placement.ValueString(), "sum": old.ContentSHA256.ValueString(),
	})
	if err != nil {
		resp.Diagnostics.AddError("Unable to Plan Backend Configuration", period(err.Error()))
		return
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, replacedKey, text)...)
}

func (p *backendFilePlan) render(ctx context.Context, data *providerData, diags *diag.Diagnostics) {
	c := p.plan.resolve(ctx, data, diags)
	if c == nil || diags.HasError() {
		return
	}
	const failed = "Unable to Plan Backend Configuration"
	file := p.plan.file()
	rendered, err := file.Render(*c)
	if err != nil {
		addBackendError(diags, failed, err)
		return
	}
	p.plan.Content = types.StringValue(rendered.Content)
	p.plan.ContentSHA256 = types.StringValue(backendfile.Sum(rendered.Content))
	writing := p.replaces() || !p.plan.Content.Equal(p.state.Content)
	if writing {
		addBackendWarnings(diags, c.WarningsFor(file.Format))
	}
	for _, v := range []attr.Value{p.plan.Path, p.plan.Root, p.plan.Format, p.plan.Placement, p.plan.IfExists} {
		if v.IsUnknown() {
			return // nothing to look at yet
		}
	}
	going := ""
	if p.old != nil && p.replaces() {
		going = p.old.Path.ValueString()
	}
	shadows, err := file.Shadows(going)
	addShadows(diags, shadows, err, writing)
	if err := p.check(file, rendered); err != nil {
		addBackendError(diags, failed, err)
	}
}

// replaces is true when a file is to be written where this resource has none in this form.
func (p *backendFilePlan) replaces() bool {
	return p.state == nil || !p.plan.Path.Equal(p.state.Path) || !p.plan.Format.Equal(p.state.Format) || !p.plan.Placement.Equal(p.state.Placement)
}

// check asks whether the apply would be refused.
func (p *backendFilePlan) check(file backendfile.File, rendered backendfile.Rendered) error {
	switch {
	case p.old == nil:
		return file.CheckCreate(rendered, nil, "")
	case !p.replaces() && p.plan.Content.Equal(p.state.Content) && p.plan.ContentSHA256.Equal(p.state.ContentSHA256):
		return nil // as far as is known, without a refresh, there is nothing to do
	case !p.replaces():
		return file.CheckUpdate(rendered, p.state.ContentSHA256.ValueString(), p.state.Content.ValueString())
	}
	old, written := p.old.file(), p.old.ContentSHA256.ValueString()
	if p.plan.Path.Equal(p.old.Path) {
		return file.CheckCreate(rendered, &old, written)
	}
	if err := old.CheckDelete(written); err != nil {
		return err
	}
	return file.CheckCreate(rendered, nil, "")
}

// saysTheSame is true for an imported file that needs no change: then whatever the configuration
// says that the text does not tell is taken as having been so. Terraform lets a plan keep a prior
// value in place of a configured one only where neither is null, so those have to agree.
func (p *backendFilePlan) saysTheSame(ctx context.Context, diags *diag.Diagnostics) bool {
	if p.state == nil || p.replaces() || !p.plan.Content.Equal(p.state.Content) {
		return false
	}
	a, b := p.plan.parts(ctx, diags), p.state.parts(ctx, diags)
	if diags.HasError() {
		return false
	}
	return slices.EqualFunc(a.nullable(), b.nullable(), func(x, y attr.Value) bool { return x.IsNull() == y.IsNull() })
}

// nullable lists what an import leaves null where the text says nothing, remote states by name.
func (p *backendParts) nullable() []attr.Value {
	s := p.s3
	out := []attr.Value{
		s.Region, s.Endpoint, s.WorkspaceKeyPrefix, s.Encrypt, s.KMSKeyID, s.Profile, s.MaxRetries, s.CustomCABundle,
		s.DynamoDBEndpoint, s.STSEndpoint, s.AssumeRole,
	}
	if h := p.http; h != nil {
		out = []attr.Value{h.UpdateMethod, h.LockAddress, h.LockMethod, h.UnlockAddress, h.UnlockMethod, h.SkipCertVerification, h.RetryMax, h.RetryWaitMin, h.RetryWaitMax}
	}
	if m := p.pulumi; m != nil {
		out = []attr.Value{m.Bucket, m.Prefix, m.Region, m.Endpoint, m.Profile, m.UsePathStyle, m.Parameters, m.URL, m.PassphraseFile,
			m.SecretsProvider, m.AWSVariables, m.ToolVersion, m.Project, p.in.Service, p.in.LockDatabase}
		if l := p.lockDB; l != nil {
			out = append(out, l.Port, l.Name, l.User, l.Timeout, l.Scope)
		}
	}
	if g := p.pg; g != nil {
		out = []attr.Value{g.SchemaName, g.SkipSchemaCreation, g.SkipTableCreation, g.SkipIndexCreation, g.TableName, g.IndexName}
	}
	for _, name := range slices.Sorted(maps.Keys(p.remotes)) {
		r := p.remotes[name]
		out = append(out, r.Address, r.SchemaName, r.TableName, r.IndexName, r.Region, r.Endpoint, r.Workspace, r.Defaults)
	}
	return out
}

// guessedService names a service by its endpoint.
func guessedService(region, endpoint string) string {
	place, err := backendfor.PlaceFor("", region, endpoint)
	if err != nil {
		return "custom"
	}
	return place.Profile.Name
}
