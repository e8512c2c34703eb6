package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// pulumiModel is the pulumi attribute.
type pulumiModel struct {
	Bucket          types.String `tfsdk:"bucket"`
	Prefix          types.String `tfsdk:"prefix"`
	Region          types.String `tfsdk:"region"`
	Endpoint        types.String `tfsdk:"endpoint"`
	Profile         types.String `tfsdk:"profile"`
	UsePathStyle    types.Bool   `tfsdk:"use_path_style"`
	Parameters      types.Map    `tfsdk:"parameters"`
	URL             types.String `tfsdk:"url"`
	PassphraseFile  types.String `tfsdk:"passphrase_file"`
	SecretsProvider types.String `tfsdk:"secrets_provider"`
	AWSVariables    types.Bool   `tfsdk:"aws_variables"`
	ToolVersion     types.String `tfsdk:"tool_version"`
	Project         types.Object `tfsdk:"project"`
}

// pulumiProjectModel is pulumi.project.
type pulumiProjectModel struct {
	Name        types.String `tfsdk:"name"`
	Runtime     types.String `tfsdk:"runtime"`
	Description types.String `tfsdk:"description"`
}

// lockPlaceModel is the lock_database attribute.
type lockPlaceModel struct {
	Host    types.String `tfsdk:"host"`
	Port    types.Int64  `tfsdk:"port"`
	Name    types.String `tfsdk:"name"`
	User    types.String `tfsdk:"user"`
	Timeout types.Int64  `tfsdk:"timeout"`
	Scope   types.String `tfsdk:"scope"`
}

var (
	pulumiProjectType = map[string]attr.Type{"name": types.StringType, "runtime": types.StringType, "description": types.StringType}
	pulumiType        = map[string]attr.Type{
		"bucket": types.StringType, "prefix": types.StringType, "region": types.StringType, "endpoint": types.StringType, "profile": types.StringType,
		"use_path_style": types.BoolType, "parameters": textMapType, "url": types.StringType, "passphrase_file": types.StringType,
		"secrets_provider": types.StringType, "aws_variables": types.BoolType, "tool_version": types.StringType,
		"project": types.ObjectType{AttrTypes: pulumiProjectType},
	}
	lockDatabaseType = map[string]attr.Type{
		"host": types.StringType, "port": types.Int64Type, "name": types.StringType, "user": types.StringType, "timeout": types.Int64Type,
		"scope": types.StringType,
	}
)

func unknownPulumi() *pulumiModel {
	u := types.StringUnknown()
	return &pulumiModel{
		Bucket: u, Prefix: u, Region: u, Endpoint: u, Profile: u, UsePathStyle: types.BoolUnknown(), Parameters: types.MapUnknown(types.StringType),
		URL: u, PassphraseFile: u, SecretsProvider: u, AWSVariables: types.BoolUnknown(), ToolVersion: u, Project: types.ObjectUnknown(pulumiProjectType),
	}
}

// parsePulumi takes the object apart.
func (p *backendParts) parsePulumi(ctx context.Context, diags *diag.Diagnostics) {
	p.pulumi = unknownPulumi()
	if p.in.Pulumi.IsUnknown() {
		return
	}
	diags.Append(p.in.Pulumi.As(ctx, p.pulumi, basetypes.ObjectAsOptions{})...)
	if isWritten(p.pulumi.Project) {
		p.project = &pulumiProjectModel{}
		diags.Append(p.pulumi.Project.As(ctx, p.project, basetypes.ObjectAsOptions{})...)
	}
}

// checkPulumi says whether there is exactly one address.
func (p *backendParts) checkPulumi(diags *diag.Diagnostics) {
	const summary = "Invalid Attribute Combination"
	m := p.pulumi
	if m == nil || m.Bucket.IsUnknown() || m.URL.IsUnknown() {
		return
	}
	if m.Bucket.IsNull() == m.URL.IsNull() {
		diags.AddAttributeError(path.Root("pulumi"), summary, "Write exactly one of pulumi.bucket, which groundwork makes the address of, and pulumi.url, which is the address.")
		return
	}
	if m.URL.IsNull() {
		return
	}
	for name, v := range map[string]attr.Value{
		"prefix": m.Prefix, "region": m.Region, "endpoint": m.Endpoint, "profile": m.Profile, "use_path_style": m.UsePathStyle, "parameters": m.Parameters,
	} {
		if isWritten(v) {
			diags.AddAttributeError(path.Root("pulumi").AtName(name), summary, "pulumi."+name+" is a part of the address, and pulumi.url is all of it. Leave one of them out.")
		}
	}
	if isWritten(p.in.Service) {
		diags.AddAttributeError(path.Root("service"), summary, "service is about a bucket, and pulumi.url says where the states are by itself. Leave it out.")
	}
}

// fillPulumi fills what is left out about a bucket; an address is complete.
func (p *backendParts) fillPulumi(ctx context.Context, data *providerData, diags *diag.Diagnostics) bool {
	m := p.pulumi
	switch {
	case m.Bucket.IsUnknown() && m.URL.IsUnknown():
		return false
	case !m.URL.IsNull() && m.Bucket.IsNull():
		// What is computed has to be known, and there is nothing to compute.
		return !m.URL.IsUnknown()
	}
	located := p.locate(ctx, data, diags)
	if diags.HasError() {
		return false
	}
	if !located {
		p.in.Service, m.Region, m.Endpoint = unknownIfNull(p.in.Service), unknownIfNull(m.Region), unknownIfNull(m.Endpoint)
		if m.UsePathStyle.IsNull() {
			m.UsePathStyle = types.BoolUnknown()
		}
		return false
	}
	p.in.Service = types.StringValue(p.place.Profile.Name)
	m.Region, m.Endpoint = orText(m.Region, p.place.Region), orText(m.Endpoint, p.place.Endpoint)
	if m.UsePathStyle.IsNull() {
		m.UsePathStyle = types.BoolValue(p.place.PathStyle)
	}
	return true
}

// pulumiSettings are the inputs as the engine takes them.
func (p *backendParts) pulumiSettings() (*backendcfg.Pulumi, error) {
	m := p.pulumi
	version, err := backendcfg.ParsePulumiVersion(m.ToolVersion.ValueString())
	if err != nil {
		return nil, err
	}
	out := &backendcfg.Pulumi{
		URL: m.URL.ValueString(), PassphraseFile: m.PassphraseFile.ValueString(), SecretsProvider: m.SecretsProvider.ValueString(),
		NoAWSVariables: isWritten(m.AWSVariables) && !m.AWSVariables.ValueBool(),
	}
	if p.project != nil {
		out.Project = &backendcfg.PulumiProject{
			Name: p.project.Name.ValueString(), Runtime: p.project.Runtime.ValueString(), Description: p.project.Description.ValueString()}
	}
	if !m.Bucket.IsNull() {
		out.S3 = &backendcfg.PulumiS3{
			Bucket: m.Bucket.ValueString(), Prefix: m.Prefix.ValueString(), Region: m.Region.ValueString(),
			Endpoint: withoutAWSDefault(p.place, m.Region.ValueString(), m.Endpoint.ValueString()), Profile: m.Profile.ValueString(),
			PathStyle: m.UsePathStyle.ValueBool(), Parameters: mapTexts(m.Parameters), Version: version,
		}
	}
	return out, nil
}

func mapTexts(m types.Map) map[string]string {
	out := map[string]string{}
	for name, v := range m.Elements() {
		if s, ok := v.(types.String); ok && !s.IsUnknown() {
			out[name] = s.ValueString()
		}
	}
	return out
}

// standInsPulumi replaces what is unknown, or to be filled in, by values that pass every check.
func (p *backendParts) standInsPulumi() {
	m := p.pulumi
	drop := func(values ...*types.String) {
		for _, v := range values {
			if v.IsUnknown() {
				*v = types.StringNull()
			}
		}
	}
	switch {
	case m.URL.IsUnknown():
		m.URL, m.Bucket = types.StringValue("s3://placeholder"), types.StringNull()
	case m.Bucket.IsUnknown():
		m.Bucket = types.StringValue("placeholder")
	}
	if !m.Bucket.IsNull() && !isWritten(m.Endpoint) {
		m.Endpoint = types.StringValue("https://placeholder.invalid")
	}
	drop(&m.Prefix, &m.Region, &m.Profile, &m.PassphraseFile, &m.SecretsProvider, &m.ToolVersion)
	if m.Parameters.IsUnknown() {
		m.Parameters = types.MapNull(types.StringType)
	} else {
		known := maps.Clone(m.Parameters.Elements())
		maps.DeleteFunc(known, func(_ string, v attr.Value) bool { return v.IsUnknown() })
		if len(known) < len(m.Parameters.Elements()) {
			m.Parameters = types.MapValueMust(types.StringType, known)
		}
	}
	if project := p.project; project != nil {
		if project.Name.IsUnknown() {
			project.Name = types.StringValue("placeholder")
		}
		if project.Runtime.IsUnknown() {
			project.Runtime = types.StringValue("yaml")
		}
		drop(&project.Description)
	}
	if l := p.lockDB; l != nil {
		if l.Host.IsUnknown() {
			l.Host = types.StringValue("placeholder.invalid")
		}
		drop(&l.Name, &l.User, &l.Scope)
	}
}

func (m *lockPlaceModel) settings() *backendcfg.LockDatabase {
	if m == nil {
		return nil
	}
	return &backendcfg.LockDatabase{
		Host: m.Host.ValueString(), Port: int(m.Port.ValueInt64()), Name: m.Name.ValueString(), User: m.User.ValueString(),
		TimeoutSeconds: intOrNil(m.Timeout), Scope: m.Scope.ValueString(),
	}
}

// pulumiInputsFrom is backendInputsFrom for states of Pulumi's.
func pulumiInputsFrom(c backendcfg.Config, service string) backendInputs {
	in := emptyInputs()
	in.RemoteStates = types.MapValueMust(remoteStateType, map[string]attr.Value{})
	v := map[string]attr.Value{
		"bucket": types.StringNull(), "prefix": types.StringNull(), "region": types.StringNull(), "endpoint": types.StringNull(), "profile": types.StringNull(),
		"use_path_style": types.BoolNull(), "parameters": types.MapNull(types.StringType), "url": textOrNull(c.Pulumi.URL),
		"passphrase_file": textOrNull(c.Pulumi.PassphraseFile), "secrets_provider": textOrNull(c.Pulumi.SecretsProvider),
		"aws_variables": types.BoolNull(), "tool_version": types.StringNull(), "project": types.ObjectNull(pulumiProjectType),
	}
	if s := c.Pulumi.S3; s != nil {
		in.Service = types.StringValue(service)
		v["bucket"], v["prefix"], v["region"], v["endpoint"] = types.StringValue(s.Bucket), textOrNull(s.Prefix), textOrNull(s.Region), textOrNull(s.Endpoint)
		v["profile"], v["use_path_style"], v["parameters"] = textOrNull(s.Profile), types.BoolValue(s.PathStyle), textMap(s.Parameters)
	}
	if c.Pulumi.NoAWSVariables {
		v["aws_variables"] = types.BoolValue(false)
	}
	in.Pulumi = types.ObjectValueMust(pulumiType, v)
	if l := c.LockDatabase; l != nil {
		port := types.Int64Null()
		if l.Port != 0 {
			port = types.Int64Value(int64(l.Port))
		}
		in.LockDatabase = types.ObjectValueMust(lockDatabaseType, map[string]attr.Value{
			"host": types.StringValue(l.Host), "port": port, "name": textOrNull(l.Name), "user": textOrNull(l.User),
			"timeout": int64OrNull(l.TimeoutSeconds), "scope": textOrNull(l.Scope),
		})
	}
	return in
}
