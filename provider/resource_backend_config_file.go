package provider

import (
	"context"
	"io/fs"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfile"
)

var (
	_ resource.Resource                   = (*backendFileResource)(nil)
	_ resource.ResourceWithConfigure      = (*backendFileResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*backendFileResource)(nil)
	_ resource.ResourceWithImportState    = (*backendFileResource)(nil)
	_ resource.ResourceWithIdentity       = (*backendFileResource)(nil)
	_ resource.ResourceWithValidateConfig = (*backendFileResource)(nil)
)

// backendFileResource implements groundwork_backend_config_file.
type backendFileResource struct {
	data *providerData
}

// backendFileModel is groundwork_backend_config_file.
type backendFileModel struct {
	backendInputs

	ID             types.String `tfsdk:"id"`
	Path           types.String `tfsdk:"path"`
	Root           types.String `tfsdk:"root"`
	Format         types.String `tfsdk:"format"`
	Placement      types.String `tfsdk:"placement"`
	IfExists       types.String `tfsdk:"if_exists"`
	FilePermission types.String `tfsdk:"file_permission"`
	Content        types.String `tfsdk:"content"`
	ContentSHA256  types.String `tfsdk:"content_sha256"`
}

// backendFileIdentity identifies a file.
type backendFileIdentity struct {
	Path types.String `tfsdk:"path"`
}

// NewBackendConfigFileResource returns the resource groundwork_backend_config_file.
func NewBackendConfigFileResource() resource.Resource { return &backendFileResource{} }

// Metadata implements resource.Resource.
func (r *backendFileResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backend_config_file"
}

// Configure implements resource.ResourceWithConfigure.
func (r *backendFileResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// Create implements resource.Resource. It is safe to repeat: what a run wrote that did not get to
// save its state is exactly what is to be written.
func (r *backendFileResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	const failed = "Unable to Write Backend Configuration"
	plan := r.planned(ctx, req.Plan, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	file, rendered := plan.render(ctx, r.data, failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	tflog.Debug(ctx, "writing backend configuration", map[string]any{"path": file.Path, "placement": string(file.Placement)})
	if err := file.Create(rendered); err != nil {
		addBackendError(&resp.Diagnostics, failed, err)
		return
	}
	plan.wrote(rendered)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	plan.setIdentity(ctx, resp.Identity, &resp.Diagnostics)
}

// Read implements resource.Resource. It reads the disk only: the content is what stands there, and
// content_sha256 stays what was written last, so that a change by hand is known as one.
func (r *backendFileResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state backendFileModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// The framework wants an identity of what is gone as well.
	state.setIdentity(ctx, resp.Identity, &resp.Diagnostics)
	content, exists, err := state.file().Read(state.remoteNames())
	if err != nil {
		addBackendError(&resp.Diagnostics, "Unable to Read Backend Configuration", err)
		return
	}
	if !exists {
		tflog.Warn(ctx, "backend configuration is gone", map[string]any{"path": state.Path.ValueString()})
		resp.State.RemoveResource(ctx)
		return
	}
	state.Content = types.StringValue(content)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Update implements resource.Resource.
func (r *backendFileResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	const failed = "Unable to Update Backend Configuration"
	var state backendFileModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	plan := r.planned(ctx, req.Plan, req.Config, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	file, rendered := plan.render(ctx, r.data, failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := file.Update(rendered, state.ContentSHA256.ValueString(), state.Content.ValueString()); err != nil {
		addBackendError(&resp.Diagnostics, failed, err)
		return
	}
	plan.wrote(rendered)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	for _, key := range []string{importedKey, replacedKey} {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, key, nil)...)
	}
	plan.setIdentity(ctx, resp.Identity, &resp.Diagnostics)
}

// Delete implements resource.Resource.
func (r *backendFileResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state backendFileModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := state.file().Delete(state.ContentSHA256.ValueString()); err != nil {
		addBackendError(&resp.Diagnostics, "Unable to Delete Backend Configuration", err)
	}
}

// ImportState implements resource.ResourceWithImportState. The settings are read back from the text;
// what the text does not tell is marked as imported, so that the configuration may say it without
// that being a change.
func (r *backendFileResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := req.ID
	if name == "" && req.Identity != nil {
		var id backendFileIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &id)...)
		name = id.Path.ValueString()
	}
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := backendfile.Import(name)
	if err != nil {
		addBackendError(&resp.Diagnostics, "Unable to Import Backend Configuration", err)
		return
	}
	m := backendFileModel{
		backendInputs: backendInputsFrom(found.Settings, serviceOf(found.Settings)),
		ID:            types.StringValue(name), Path: types.StringValue(name), Root: types.StringValue(found.File.Root),
		Format: types.StringValue(string(found.File.Format)), Placement: types.StringValue(string(found.File.Placement)),
		IfExists: types.StringValue(string(backendcfg.IfExistsError)), FilePermission: types.StringValue(defaultFilePermission),
		Content: types.StringValue(found.Content), ContentSHA256: types.StringValue(found.Sum),
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, importedKey, []byte("true"))...)
	m.setIdentity(ctx, resp.Identity, &resp.Diagnostics)
}

// planned is the plan, with the inputs as the configuration has them.
func (r *backendFileResource) planned(ctx context.Context, plan tfsdk.Plan, config tfsdk.Config, diags *diag.Diagnostics) *backendFileModel {
	var m, c backendFileModel
	diags.Append(plan.Get(ctx, &m)...)
	diags.Append(config.Get(ctx, &c)...)
	m.backendInputs = c.backendInputs
	return &m
}

// render resolves the inputs a last time. What the plan showed must come out of it.
func (m *backendFileModel) render(ctx context.Context, data *providerData, failed string, diags *diag.Diagnostics) (backendfile.File, backendfile.Rendered) {
	file := m.file()
	c := m.resolve(ctx, data, diags)
	if diags.HasError() {
		return file, backendfile.Rendered{}
	}
	if c == nil {
		diags.AddError(failed, "A value is still unknown while the configuration is being applied. This is a bug in the provider: please report it.")
		return file, backendfile.Rendered{}
	}
	rendered, err := file.Render(*c)
	if err != nil {
		addBackendError(diags, failed, err)
		return file, rendered
	}
	if !m.Content.IsUnknown() && m.Content.ValueString() != rendered.Content {
		diags.AddError(failed, "What is to be written differs from what was planned, since the provider's configuration or environment has changed in between. Nothing was written: plan again.")
	}
	return file, rendered
}

func (m *backendFileModel) wrote(r backendfile.Rendered) {
	m.ID = m.Path
	m.Content, m.ContentSHA256 = types.StringValue(r.Content), types.StringValue(backendfile.Sum(r.Content))
}

func (m *backendFileModel) file() backendfile.File {
	mode, err := strconv.ParseUint(m.FilePermission.ValueString(), 8, 32)
	if err != nil {
		mode = 0 // unknown yet: the engine's default, which is the attribute's as well
	}
	return backendfile.File{
		Path: m.Path.ValueString(), Root: m.Root.ValueString(), Format: backendcfg.Format(m.Format.ValueString()),
		Placement: backendfile.Placement(m.Placement.ValueString()), IfExists: backendcfg.IfExists(m.IfExists.ValueString()),
		Mode: fs.FileMode(mode), Tool: backendcfg.Tool(m.Tool.ValueString()),
	}
}

func (m *backendFileModel) remoteNames() []string {
	names := make([]string, 0, len(m.RemoteStates.Elements()))
	for name := range m.RemoteStates.Elements() {
		names = append(names, name)
	}
	return names
}

// setIdentity fills the identity where the host tool knows identities.
func (m *backendFileModel) setIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.Set(ctx, backendFileIdentity{Path: m.Path})...)
	}
}

// serviceOf guesses the service that a text is about; its flags tell AWS from the rest.
func serviceOf(c backendcfg.Config) string {
	if c.Pulumi != nil {
		if c.Pulumi.S3 == nil || c.Pulumi.S3.Endpoint == "" {
			return "aws"
		}
		return guessedService(c.Pulumi.S3.Region, c.Pulumi.S3.Endpoint)
	}
	if c.S3.Endpoint == "" || !c.S3.Flags.SkipCredentialsValidation {
		return "aws"
	}
	return guessedService(c.S3.Region, c.S3.Endpoint)
}
