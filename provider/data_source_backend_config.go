package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfile"
)

var (
	_ datasource.DataSource                   = (*backendConfigDataSource)(nil)
	_ datasource.DataSourceWithConfigure      = (*backendConfigDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*backendConfigDataSource)(nil)
)

// backendConfigDataSource implements groundwork_backend_config.
type backendConfigDataSource struct {
	data *providerData
}

// backendConfigModel is groundwork_backend_config.
type backendConfigModel struct {
	backendInputs

	Format        types.String `tfsdk:"format"`
	Content       types.String `tfsdk:"content"`
	BackendConfig types.Map    `tfsdk:"backend_config"`
}

// NewBackendConfigDataSource returns the data source groundwork_backend_config.
func NewBackendConfigDataSource() datasource.DataSource { return &backendConfigDataSource{} }

// Metadata implements datasource.DataSource.
func (d *backendConfigDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_backend_config"
}

// Schema implements datasource.DataSource.
func (d *backendConfigDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := asDataSource(backendInputAttributes())
	attributes["format"] = schema.StringAttribute{
		MarkdownDescription: "`terraform` (a whole file with a `terraform` block), `tfbackend` (a partial configuration), `pulumi_project` (the `backend` of a `Pulumi.yaml`) or `dotenv` (variables). Default: `terraform`.",
		Optional:            true, Computed: true,
		Validators: []validator.String{stringvalidator.OneOf(backendFormats...)},
	}
	attributes["content"] = schema.StringAttribute{
		MarkdownDescription: "The text that `groundwork_backend_config_file` would write: a whole file for `terraform` and `tfbackend`, and else what it manages inside a file.", Computed: true,
	}
	attributes["backend_config"] = schema.MapAttribute{
		MarkdownDescription: "The arguments of the backend by name, as `init -backend-config=NAME=VALUE` takes them: text as it is, and all else as JSON. For `dotenv` the variables by name, and for `pulumi_project` the `url`.",
		Computed:            true, ElementType: types.StringType,
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The backend configuration of Terraform, OpenTofu or Pulumi as text, without writing it anywhere. It makes no requests.",
		Attributes:          attributes,
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *backendConfigDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements datasource.DataSourceWithValidateConfig.
func (d *backendConfigDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var config backendConfigModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		format := backendcfg.Format(config.Format.ValueString())
		if config.Format.IsNull() {
			format = backendcfg.FormatTerraform
		}
		config.checkWritten(ctx, format, config.Format.IsUnknown(), &resp.Diagnostics)
	}
}

// Read implements datasource.DataSource.
func (d *backendConfigDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m backendConfigModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Render Backend Configuration"
	if m.Format.IsNull() {
		m.Format = types.StringValue(string(backendcfg.FormatTerraform))
	}
	c := m.resolve(ctx, d.data, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if c == nil {
		resp.Diagnostics.AddError(failed, "The provider's configuration is decided in this same run, so where the bucket is cannot be known yet. "+
			"Set service, s3.region and s3.endpoint here, or let this data source depend on what decides it (depends_on).")
		return
	}
	m.show(c, failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	addBackendWarnings(&resp.Diagnostics, c.WarningsFor(backendcfg.Format(m.Format.ValueString())))
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (m *backendConfigModel) show(c *backendcfg.Config, failed string, diags *diag.Diagnostics) {
	format := backendcfg.Format(m.Format.ValueString())
	file := backendfile.File{Format: format, Placement: backendfile.DefaultPlacement(format)}
	rendered, err := file.Render(*c)
	if err != nil {
		addBackendError(diags, failed, err)
		return
	}
	arguments, err := c.ArgumentsFor(format)
	if err != nil {
		addBackendError(diags, failed, err)
		return
	}
	m.Content, m.BackendConfig = types.StringValue(rendered.Content), textMap(arguments)
}
