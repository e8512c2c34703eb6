package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

var (
	_ datasource.DataSource                   = (*s3CapabilitiesDataSource)(nil)
	_ datasource.DataSourceWithConfigure      = (*s3CapabilitiesDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*s3CapabilitiesDataSource)(nil)
)

// s3CapabilitiesDataSource implements groundwork_s3_capabilities.
type s3CapabilitiesDataSource struct {
	data *providerData
}

// s3CapabilitiesModel is groundwork_s3_capabilities.
type s3CapabilitiesModel struct {
	Bucket       types.String  `tfsdk:"bucket"`
	Region       types.String  `tfsdk:"region"`
	Probe        types.Bool    `tfsdk:"probe"`
	Service      types.String  `tfsdk:"service"`
	Endpoint     types.String  `tfsdk:"endpoint"`
	Capabilities types.Map     `tfsdk:"capabilities"`
	LockVerdict  types.String  `tfsdk:"lock_verdict"`
	LockReason   types.String  `tfsdk:"lock_reason"`
	LockStrategy types.String  `tfsdk:"lock_strategy"`
	Sources      []sourceModel `tfsdk:"sources"`
}

// sourceModel is one element of sources.
type sourceModel struct {
	URL  types.String `tfsdk:"url"`
	Date types.String `tfsdk:"date"`
}

// NewS3CapabilitiesDataSource returns the data source groundwork_s3_capabilities.
func NewS3CapabilitiesDataSource() datasource.DataSource { return &s3CapabilitiesDataSource{} }

// Metadata implements datasource.DataSource.
func (d *s3CapabilitiesDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_s3_capabilities"
}

// Schema implements datasource.DataSource.
func (d *s3CapabilitiesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Computed: true}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "What the configured S3-compatible service can do: what is known about the service, and with `bucket` what that bucket's service refuses to tell. It only reads, unless `probe` is set.",
		Attributes: map[string]schema.Attribute{
			"bucket": schema.StringAttribute{
				MarkdownDescription: "A bucket to ask. Left out: nothing is asked, and no credentials are needed.",
				Optional:            true,
				Validators: []validator.String{
					stringvalidator.RegexMatches(bucketName, "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and starts and ends with a letter or digit"),
				},
			},
			"region": schema.StringAttribute{
				MarkdownDescription: "The bucket's region. Default: the provider's.", Optional: true, Computed: true, Validators: notEmpty(),
			},
			"probe": schema.BoolAttribute{
				MarkdownDescription: "Find out in `bucket` whether lock objects hold, by writing some under `" + s3store.ProbePrefix + "` and removing them again, versions included. Mind that data sources are read during a plan, too. Default: `false`.",
				Optional:            true,
			},
			"service":  text("The service, by the name of its profile."),
			"endpoint": text("The URL that buckets are reached at."),
			"capabilities": schema.MapAttribute{
				MarkdownDescription: "`supported`, `unsupported` or `unknown` for each of " + capabilityCodes() + ".",
				Computed:            true, ElementType: types.StringType,
			},
			"lock_verdict":  text("Whether conditional writes can carry a lock object: `safe`, `unsafe` or `unknown`. A service that is known to be unsafe stays so after a probe that passed: a race that did not show is still one."),
			"lock_reason":   text("The evidence for the verdict."),
			"lock_strategy": text("The verdict as `groundwork_backend_config_file` takes it for `lock`: `lockfile`, `none` or `unknown`."),
			"sources": schema.ListNestedAttribute{
				MarkdownDescription: "Where the facts about the service come from.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"url":  text("The page or the source."),
					"date": text("Its date, or when it was read or measured."),
				}},
			},
		},
	}
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *s3CapabilitiesDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.data = dataFrom(req.ProviderData, &resp.Diagnostics)
}

// ValidateConfig implements datasource.DataSourceWithValidateConfig.
func (d *s3CapabilitiesDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var config s3CapabilitiesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if config.Probe.ValueBool() && config.Bucket.IsNull() {
		resp.Diagnostics.AddAttributeError(path.Root("bucket"), "Invalid Attribute Combination", "probe = true writes into a bucket, so it needs one: set bucket.")
	}
}

// Read implements datasource.DataSource.
func (d *s3CapabilitiesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m s3CapabilitiesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const failed = "Unable to Read S3 Capabilities"
	c, err := d.data.store(ctx, m.Region.ValueString())
	if errors.Is(err, errUnknownConfig) {
		resp.Diagnostics.AddError(failed, sentence(err.Error())+" Let this data source depend on what decides it (depends_on), so that it is read then.")
		return
	}
	if err != nil {
		addError(&resp.Diagnostics, failed, err)
		return
	}
	lacking, probed := m.ask(ctx, c, failed, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	m.show(c, lacking, probed)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// ask asks the live bucket, as far as it may.
func (m *s3CapabilitiesModel) ask(ctx context.Context, c *s3store.Client, failed string, diags *diag.Diagnostics) (map[s3store.Capability]bool, *s3store.ProbeResult) {
	if m.Bucket.IsNull() {
		return nil, nil
	}
	name := m.Bucket.ValueString()
	have, err := c.Read(ctx, name)
	if err != nil {
		addError(diags, failed, err)
		return nil, nil
	}
	if !m.Probe.ValueBool() {
		return have.Unsupported, nil
	}
	if lock := have.ObjectLock; lock != nil && lock.Mode != "" {
		diags.AddAttributeError(path.Root("probe"), "Bucket Must Not Be Probed", fmt.Sprintf("Bucket %q retains every new object for %d days, the probe's as well: they could not be removed again. "+
			"Probe another bucket on the same service.", name, lock.Days))
		return nil, nil
	}
	probed, err := c.Probe(ctx, name)
	if err != nil {
		addError(diags, failed, err)
	}
	return have.Unsupported, probed
}

func (m *s3CapabilitiesModel) show(c *s3store.Client, lacking map[s3store.Capability]bool, probed *s3store.ProbeResult) {
	p := c.Profile()
	m.Region, m.Service, m.Endpoint = types.StringValue(c.Region()), types.StringValue(p.Name), types.StringValue(c.Endpoint())
	verdict, reason := p.Lock, p.LockReason
	var found map[s3store.Capability]s3store.Support
	if probed != nil {
		found = probed.Capabilities
		if p.Lock != s3store.LockUnsafe {
			verdict, reason = probed.Verdict, probed.Reason
		}
	}
	m.Capabilities = capabilitiesOf(p, lacking, found)
	m.LockVerdict, m.LockReason = types.StringValue(string(verdict)), types.StringValue(reason)
	strategies := map[s3store.LockVerdict]string{s3store.LockSafe: lockLockfile, s3store.LockUnsafe: lockNone, s3store.LockUnknown: lockUnknown}
	m.LockStrategy = types.StringValue(strategies[verdict])
	m.Sources = []sourceModel{}
	for _, s := range p.Sources {
		m.Sources = append(m.Sources, sourceModel{URL: types.StringValue(s.URL), Date: types.StringValue(s.Date)})
	}
}
