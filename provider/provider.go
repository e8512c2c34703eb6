// Package provider is the Terraform and OpenTofu surface of groundwork: schemas, plans and
// diagnostics over the engines in internal/. It holds no S3 or SQL calls of its own.
package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// Address is the provider's name in both registries.
const Address = "registry.terraform.io/groundwork-iac/groundwork"

var (
	_ provider.Provider              = (*groundworkProvider)(nil)
	_ provider.ProviderWithFunctions = (*groundworkProvider)(nil)

	_ provider.ProviderWithEphemeralResources = (*groundworkProvider)(nil)
)

// groundworkProvider implements the provider.
type groundworkProvider struct {
	version string
	// tune changes the store's configuration beyond what users can set; tests use it.
	tune func(*s3store.Config)
}

// New returns a constructor of the provider at a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &groundworkProvider{version: version} }
}

// providerModel is the provider block.
type providerModel struct {
	Service      types.String `tfsdk:"service"`
	Region       types.String `tfsdk:"region"`
	Endpoint     types.String `tfsdk:"endpoint"`
	AccessKey    types.String `tfsdk:"access_key"`
	SecretKey    types.String `tfsdk:"secret_key"`
	SessionToken types.String `tfsdk:"session_token"`
	Profile      types.String `tfsdk:"profile"`
	ProjectID    types.String `tfsdk:"project_id"`
	UsePathStyle types.Bool   `tfsdk:"use_path_style"`
	CABundle     types.String `tfsdk:"ca_bundle"`
	MaxRetries   types.Int64  `tfsdk:"max_retries"`

	postgresModel
	dynamoModel
}

// Metadata implements provider.Provider.
func (p *groundworkProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "groundwork"
	resp.Version = p.version
}

// Schema implements provider.Provider.
func (p *groundworkProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	attributes := storeAttributes()
	maps.Copy(attributes, postgresAttributes())
	maps.Copy(attributes, dynamoAttributes())
	resp.Schema = schema.Schema{
		MarkdownDescription: "groundwork makes, proves, locks and guards the place where infrastructure state lives.",
		Attributes:          attributes,
	}
}

func storeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"service": schema.StringAttribute{
			MarkdownDescription: "The S3-compatible service: " + quotedList(s3store.ServiceNames()) + ". Default: `GROUNDWORK_SERVICE`; without it, what the endpoint tells, `custom` for an unknown endpoint, `aws` without an endpoint.",
			Optional:            true,
			Validators:          []validator.String{stringvalidator.OneOf(s3store.ServiceNames()...)},
		},
		"region": schema.StringAttribute{
			MarkdownDescription: "The region of buckets that name none. Default: `GROUNDWORK_REGION`, then the service's own variable (`SCW_DEFAULT_REGION`, `SCW_REGION`), then `AWS_REGION`, then the service's default region.",
			Optional:            true,
		},
		"endpoint": schema.StringAttribute{
			MarkdownDescription: "The S3 endpoint with its scheme, such as `https://s3.example.com`. Default: `GROUNDWORK_ENDPOINT`, then the service's own for the region. Services that run on your own machines need it. It must not carry credentials.",
			Optional:            true,
		},
		"access_key": schema.StringAttribute{
			MarkdownDescription: "The access key. Default: `GROUNDWORK_ACCESS_KEY`, then the service's own variable (`SCW_ACCESS_KEY`), then the AWS chain (`AWS_ACCESS_KEY_ID`, shared files, roles). Prefer the environment.",
			Optional:            true,
			Sensitive:           true,
		},
		"secret_key": schema.StringAttribute{
			MarkdownDescription: "The secret key. Default: `GROUNDWORK_SECRET_KEY`, then the service's own variable (`SCW_SECRET_KEY`), then the AWS chain. Prefer the environment.",
			Optional:            true,
			Sensitive:           true,
		},
		"session_token": schema.StringAttribute{
			MarkdownDescription: "The token of temporary credentials. Default: `GROUNDWORK_SESSION_TOKEN`.",
			Optional:            true,
			Sensitive:           true,
		},
		"profile": schema.StringAttribute{
			MarkdownDescription: "A profile of the AWS shared configuration files. Default: `GROUNDWORK_PROFILE`, then `AWS_PROFILE`.",
			Optional:            true,
		},
		"project_id": schema.StringAttribute{
			MarkdownDescription: "Scaleway only: the project that buckets belong to, when it is not the key's default one. Default: `SCW_DEFAULT_PROJECT_ID`, `SCW_PROJECT_ID`, when the keys come from the `SCW_` variables as well.",
			Optional:            true,
		},
		"use_path_style": schema.BoolAttribute{
			MarkdownDescription: "Address buckets in the path instead of in the host name. Default: `GROUNDWORK_USE_PATH_STYLE`, then what the service needs.",
			Optional:            true,
		},
		"ca_bundle": schema.StringAttribute{
			MarkdownDescription: "The path of a PEM file with certificate authorities to trust besides the system's. Default: `GROUNDWORK_CA_BUNDLE`.",
			Optional:            true,
		},
		"max_retries": schema.Int64Attribute{
			MarkdownDescription: "How often one call is tried again after a passing fault, with growing pauses. Default: `GROUNDWORK_MAX_RETRIES`, then 5.",
			Optional:            true,
			Validators:          []validator.Int64{int64validator.Between(1, 50)},
		},
	}
}

// Configure implements provider.Provider. It makes no request and does not fail: what is wrong
// shows where it is used, so that a workspace which writes files only needs no credentials.
func (p *groundworkProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var m providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	data := &providerData{
		config: m.storeConfig(p.version), unknown: m.unknown(),
		postgresConfig: m.postgres(), postgresUnknown: m.postgresUnknown(),
		dynamoConfig: m.dynamo(p.version), dynamoUnknown: m.dynamoUnknown(),
	}
	if p.tune != nil {
		p.tune(&data.config)
	}
	if data.config.Endpoint != "" {
		if err := s3store.CheckEndpoint(data.config.Endpoint); err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("endpoint"), "Invalid Endpoint", err.Error())
			return
		}
	}
	resp.ResourceData = data
	resp.DataSourceData = data
	resp.EphemeralResourceData = data
}

func (m providerModel) storeConfig(version string) s3store.Config {
	return s3store.Config{
		Service: m.Service.ValueString(), Region: m.Region.ValueString(), Endpoint: m.Endpoint.ValueString(),
		AccessKey: m.AccessKey.ValueString(), SecretKey: m.SecretKey.ValueString(), SessionToken: m.SessionToken.ValueString(),
		SharedProfile: m.Profile.ValueString(), ProjectID: m.ProjectID.ValueString(),
		UsePathStyle: m.UsePathStyle.ValueBoolPointer(), CABundle: m.CABundle.ValueString(),
		MaxRetries: int(m.MaxRetries.ValueInt64()), Version: version,
	}
}

// unknown names the settings whose value another resource decides in this same run.
func (m providerModel) unknown() []string {
	return unknownNames(map[string]bool{
		"service": m.Service.IsUnknown(), "region": m.Region.IsUnknown(), "endpoint": m.Endpoint.IsUnknown(),
		"access_key": m.AccessKey.IsUnknown(), "secret_key": m.SecretKey.IsUnknown(), "session_token": m.SessionToken.IsUnknown(),
		"profile": m.Profile.IsUnknown(), "project_id": m.ProjectID.IsUnknown(), "use_path_style": m.UsePathStyle.IsUnknown(),
		"ca_bundle": m.CABundle.IsUnknown(), "max_retries": m.MaxRetries.IsUnknown(),
	})
}

// Resources implements provider.Provider.
func (p *groundworkProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		NewStateBucketResource,
		NewBackendConfigFileResource,
		NewLockDatabaseResource,
		NewStateLockTableResource,
	}
}

// DataSources implements provider.Provider.
func (p *groundworkProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		NewBackendConfigDataSource,
		NewEnvironmentLayoutDataSource,
		NewS3CapabilitiesDataSource,
		NewStateLocksDataSource,
	}
}

// EphemeralResources implements provider.ProviderWithEphemeralResources.
func (p *groundworkProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{NewStateLockEphemeralResource}
}

// Functions implements provider.ProviderWithFunctions.
func (p *groundworkProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		NewParsePulumiBackendURLFunction,
		NewPulumiBackendURLFunction,
		NewStateKeyFunction,
	}
}
