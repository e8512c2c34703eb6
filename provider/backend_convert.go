package provider

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendfor"
)

// settings are the inputs as the engine takes them; all of them are known. The lock is left out.
func (p *backendParts) settings() (backendcfg.Config, error) {
	version := p.in.ToolVersion.ValueString()
	if version == toolLatest {
		version = ""
	}
	target, err := backendcfg.ParseTarget(p.in.Tool.ValueString(), version)
	if err != nil {
		return backendcfg.Config{}, err
	}
	c := backendcfg.Config{Target: target, LockDatabase: p.lockDB.settings()}
	switch {
	case p.pulumi != nil:
		c.Pulumi, err = p.pulumiSettings()
		return c, err
	case p.http != nil:
		c.HTTP = p.http.settings()
		for name, r := range p.remotes {
			remote, err := r.httpSettings(name, *c.HTTP)
			if err != nil {
				return backendcfg.Config{}, err
			}
			c.RemoteStates = append(c.RemoteStates, remote)
		}
		return c, nil
	case p.pg != nil:
		c.PG = p.pg.settings()
		for name, r := range p.remotes {
			remote, err := r.pgSettings(name, *c.PG)
			if err != nil {
				return backendcfg.Config{}, err
			}
			c.RemoteStates = append(c.RemoteStates, remote)
		}
		return c, nil
	}
	c.S3 = p.s3Settings()
	for name, r := range p.remotes {
		remote, err := r.settings(name, c.S3, p.place)
		if err != nil {
			return backendcfg.Config{}, err
		}
		c.RemoteStates = append(c.RemoteStates, remote)
	}
	return c, nil
}

func (p *backendParts) s3Settings() backendcfg.S3 {
	s := p.s3
	flags := backendfor.Flags(p.place.Profile)
	flags.UsePathStyle, flags.SkipS3Checksum = s.UsePathStyle.ValueBool(), s.SkipS3Checksum.ValueBool()
	out := backendcfg.S3{
		Bucket: s.Bucket.ValueString(), Key: s.Key.ValueString(), Region: s.Region.ValueString(), Endpoint: s.Endpoint.ValueString(),
		DynamoDBEndpoint: s.DynamoDBEndpoint.ValueString(), STSEndpoint: s.STSEndpoint.ValueString(),
		Flags: flags, WorkspaceKeyPrefix: s.WorkspaceKeyPrefix.ValueString(),
		KMSKeyID: s.KMSKeyID.ValueString(), Profile: s.Profile.ValueString(), CABundle: s.CustomCABundle.ValueString(),
	}
	if !s.Encrypt.IsNull() && !s.Encrypt.IsUnknown() {
		out.Encrypt = s.Encrypt.ValueBoolPointer()
	}
	if !s.MaxRetries.IsNull() && !s.MaxRetries.IsUnknown() {
		n := int(s.MaxRetries.ValueInt64())
		out.MaxRetries = &n
	}
	out.Endpoint = withoutAWSDefault(p.place, out.Region, out.Endpoint)
	if p.role != nil {
		out.AssumeRole = p.role.settings()
	}
	return out
}

// withoutAWSDefault drops AWS's own endpoint, which a bucket reports and no backend needs.
func withoutAWSDefault(place backendfor.Place, region, endpoint string) string {
	if place.Profile.IsAWS && endpoint == "https://s3."+region+".amazonaws.com" {
		return ""
	}
	return endpoint
}

func (r *assumeRoleModel) settings() *backendcfg.AssumeRole {
	d, err := time.ParseDuration(r.Duration.ValueString())
	if err != nil {
		d = 0 // null or refused by the attribute's validator
	}
	out := &backendcfg.AssumeRole{
		RoleARN: r.RoleARN.ValueString(), SessionName: r.SessionName.ValueString(), ExternalID: r.ExternalID.ValueString(),
		Duration: d, Policy: r.Policy.ValueString(), PolicyARNs: listTexts(r.PolicyARNs), TransitiveTagKeys: listTexts(r.TransitiveTagKeys),
	}
	for name, v := range r.Tags.Elements() {
		if s, ok := v.(types.String); ok && !s.IsUnknown() {
			if out.Tags == nil {
				out.Tags = map[string]string{}
			}
			out.Tags[name] = s.ValueString()
		}
	}
	return out
}

func listTexts(l types.List) []string {
	var out []string
	for _, v := range l.Elements() {
		if s, ok := v.(types.String); ok && !s.IsUnknown() {
			out = append(out, s.ValueString())
		}
	}
	return out
}

func (r remoteStateModel) settings(name string, base backendcfg.S3, place backendfor.Place) (backendcfg.RemoteState, error) {
	base.Region, base.WorkspaceKeyPrefix = r.Region.ValueString(), r.WorkspaceKeyPrefix.ValueString()
	base.Endpoint = withoutAWSDefault(place, base.Region, r.Endpoint.ValueString())
	out := backendcfg.RemoteState{Name: name, Key: r.Key.ValueString(), Bucket: r.Bucket.ValueString(), S3: &base, Workspace: r.Workspace.ValueString()}
	return out, r.readDefaults(name, &out)
}

func (r remoteStateModel) readDefaults(name string, out *backendcfg.RemoteState) error {
	if text := r.Defaults.ValueString(); text != "" {
		if err := json.Unmarshal([]byte(text), &out.Defaults); err != nil {
			return &backendcfg.FieldError{Field: fmt.Sprintf("remote_states[%q].defaults", name), Reason: "is no JSON object"}
		}
	}
	return nil
}

// backendInputsFrom is the inverse for an import: the inputs that give the text that was found. What
// the text does not tell is filled with what changes nothing.
func backendInputsFrom(c backendcfg.Config, service string) backendInputs {
	switch {
	case c.PG != nil:
		return pgInputsFrom(c)
	case c.HTTP != nil:
		return httpInputsFrom(c)
	case c.Pulumi != nil:
		return pulumiInputsFrom(c, service)
	}
	in := emptyInputs()
	in.Service, in.Lock = types.StringValue(service), types.StringValue(string(c.Lock.Mode))
	in.DynamoDBTable, in.S3 = types.StringValue(c.Lock.DynamoDBTable), types.ObjectValueMust(s3Type, s3Values(c.S3))
	remotes := map[string]attr.Value{}
	for _, r := range c.RemoteStates {
		v := emptyRemote(r)
		v["key"], v["bucket"], v["region"] = types.StringValue(r.Key), types.StringValue(r.Bucket), textOrNull(r.S3.Region)
		v["endpoint"], v["workspace_key_prefix"] = textOrNull(r.S3.Endpoint), types.StringValue(r.S3.WorkspaceKeyPrefix)
		remotes[r.Name] = types.ObjectValueMust(remoteStateType.AttrTypes, v)
	}
	in.RemoteStates = types.MapValueMust(remoteStateType, remotes)
	return in
}

func s3Values(s backendcfg.S3) map[string]attr.Value {
	out := map[string]attr.Value{
		"bucket": types.StringValue(s.Bucket), "key": types.StringValue(s.Key), "region": textOrNull(s.Region),
		"endpoint": textOrNull(s.Endpoint), "workspace_key_prefix": textOrNull(s.WorkspaceKeyPrefix),
		"encrypt": types.BoolPointerValue(s.Encrypt), "kms_key_id": textOrNull(s.KMSKeyID), "profile": textOrNull(s.Profile),
		"use_path_style":   types.BoolValue(s.Flags.UsePathStyle),
		"skip_s3_checksum": types.BoolValue(s.Flags.SkipS3Checksum),
		"max_retries":      types.Int64Null(), "custom_ca_bundle": textOrNull(s.CABundle),
		"dynamodb_endpoint": textOrNull(s.DynamoDBEndpoint), "sts_endpoint": textOrNull(s.STSEndpoint),
		"assume_role": types.ObjectNull(assumeRoleType),
	}
	if s.MaxRetries != nil {
		out["max_retries"] = types.Int64Value(int64(*s.MaxRetries))
	}
	if r := s.AssumeRole; r != nil {
		duration := types.StringNull()
		if r.Duration > 0 {
			duration = types.StringValue(r.Duration.String())
		}
		out["assume_role"] = types.ObjectValueMust(assumeRoleType, map[string]attr.Value{
			"role_arn": types.StringValue(r.RoleARN), "session_name": textOrNull(r.SessionName), "external_id": textOrNull(r.ExternalID),
			"duration": duration, "policy": textOrNull(r.Policy), "policy_arns": textList(r.PolicyARNs), "tags": textMap(r.Tags),
			"transitive_tag_keys": textList(r.TransitiveTagKeys),
		})
	}
	return out
}

func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func jsonOrNull(m map[string]any) types.String {
	text, err := json.Marshal(m)
	if err != nil || m == nil {
		return types.StringNull()
	}
	return types.StringValue(string(text))
}

func textList(values []string) types.List {
	if len(values) == 0 {
		return types.ListNull(types.StringType)
	}
	out := make([]attr.Value, 0, len(values))
	for _, v := range values {
		out = append(out, types.StringValue(v))
	}
	return types.ListValueMust(types.StringType, out)
}

func textMap(values map[string]string) types.Map {
	if len(values) == 0 {
		return types.MapNull(types.StringType)
	}
	out := make(map[string]attr.Value, len(values))
	for k, v := range values {
		out[k] = types.StringValue(v)
	}
	return types.MapValueMust(types.StringType, out)
}
