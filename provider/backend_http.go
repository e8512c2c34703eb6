package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// httpModel is the http attribute.
type httpModel struct {
	Address              types.String `tfsdk:"address"`
	UpdateMethod         types.String `tfsdk:"update_method"`
	LockAddress          types.String `tfsdk:"lock_address"`
	LockMethod           types.String `tfsdk:"lock_method"`
	UnlockAddress        types.String `tfsdk:"unlock_address"`
	UnlockMethod         types.String `tfsdk:"unlock_method"`
	SkipCertVerification types.Bool   `tfsdk:"skip_cert_verification"`
	RetryMax             types.Int64  `tfsdk:"retry_max"`
	RetryWaitMin         types.Int64  `tfsdk:"retry_wait_min"`
	RetryWaitMax         types.Int64  `tfsdk:"retry_wait_max"`
}

var httpType = map[string]attr.Type{
	"address": types.StringType, "update_method": types.StringType, "lock_address": types.StringType, "lock_method": types.StringType,
	"unlock_address": types.StringType, "unlock_method": types.StringType, "skip_cert_verification": types.BoolType,
	"retry_max": types.Int64Type, "retry_wait_min": types.Int64Type, "retry_wait_max": types.Int64Type,
}

func backendHTTPAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{MarkdownDescription: description, Optional: true, Validators: notEmpty()}
	}
	seconds := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{MarkdownDescription: description, Optional: true, Validators: []validator.Int64{int64validator.Between(0, 3600)}}
	}
	return map[string]schema.Attribute{
		"address":        schema.StringAttribute{MarkdownDescription: "The URL of the state, `http` or `https`.", Required: true, Validators: notEmpty()},
		"update_method":  text("The HTTP method that writes the state. Left out: the tool's own `POST`."),
		"lock_address":   text("The URL that locks. Left out: nothing locks this state, and a warning says so."),
		"lock_method":    text("The HTTP method that locks. Left out: the tool's own `LOCK`."),
		"unlock_address": text("The URL that unlocks. Needed with `lock_address`."),
		"unlock_method":  text("The HTTP method that unlocks. Left out: the tool's own `UNLOCK`."),
		"skip_cert_verification": schema.BoolAttribute{
			MarkdownDescription: "Believe any certificate. A warning says what that means. Left out: `false`.", Optional: true,
		},
		"retry_max":      seconds("How often the tool tries a request again. Left out: the tool's own 2."),
		"retry_wait_min": seconds("The shortest wait before that, in seconds. Left out: the tool's own 1."),
		"retry_wait_max": seconds("The longest wait before that, in seconds. Left out: the tool's own 30."),
	}
}

func unknownHTTP() *httpModel {
	u, n := types.StringUnknown(), types.Int64Unknown()
	return &httpModel{
		Address: u, UpdateMethod: u, LockAddress: u, LockMethod: u, UnlockAddress: u, UnlockMethod: u,
		SkipCertVerification: types.BoolUnknown(), RetryMax: n, RetryWaitMin: n, RetryWaitMax: n,
	}
}

func (m *httpModel) settings() *backendcfg.HTTP {
	return &backendcfg.HTTP{
		Address: m.Address.ValueString(), UpdateMethod: m.UpdateMethod.ValueString(),
		LockAddress: m.LockAddress.ValueString(), LockMethod: m.LockMethod.ValueString(),
		UnlockAddress: m.UnlockAddress.ValueString(), UnlockMethod: m.UnlockMethod.ValueString(),
		SkipCertVerification: m.SkipCertVerification.ValueBool(),
		RetryMax:             intOrNil(m.RetryMax), RetryWaitMin: intOrNil(m.RetryWaitMin), RetryWaitMax: intOrNil(m.RetryWaitMax),
	}
}

func intOrNil(v types.Int64) *int {
	if !isWritten(v) {
		return nil
	}
	n := int(v.ValueInt64())
	return &n
}

func int64OrNull(n *int) types.Int64 {
	if n == nil {
		return types.Int64Null()
	}
	return types.Int64Value(int64(*n))
}

// httpSettings are those of a remote state beside a backend of type http.
func (r remoteStateModel) httpSettings(name string, base backendcfg.HTTP) (backendcfg.RemoteState, error) {
	base.Address = r.Address.ValueString()
	base.LockAddress, base.LockMethod, base.UnlockAddress, base.UnlockMethod = "", "", "", ""
	out := backendcfg.RemoteState{Name: name, HTTP: &base, Workspace: r.Workspace.ValueString()}
	return out, r.readDefaults(name, &out)
}

// standInsHTTP replaces what is unknown by values that pass every check.
func (p *backendParts) standInsHTTP() {
	p.http.standIns()
	if p.in.Tool.IsUnknown() {
		p.in.Tool = types.StringValue(string(backendcfg.Terraform))
	}
	if p.in.ToolVersion.IsUnknown() {
		p.in.ToolVersion = types.StringValue(toolLatest)
	}
	for name, r := range p.remotes {
		if r.Address.IsUnknown() {
			r.Address = types.StringValue("https://placeholder.invalid")
		}
		for _, v := range []*types.String{&r.Workspace, &r.Defaults} {
			if v.IsUnknown() {
				*v = types.StringNull()
			}
		}
		p.remotes[name] = r
	}
}

func (m *httpModel) standIns() {
	const anywhere = "https://placeholder.invalid"
	for _, v := range []*types.String{&m.Address, &m.LockAddress, &m.UnlockAddress} {
		if v.IsUnknown() {
			*v = types.StringValue(anywhere)
		}
	}
	for _, v := range []*types.String{&m.UpdateMethod, &m.LockMethod, &m.UnlockMethod} {
		if v.IsUnknown() {
			*v = types.StringNull()
		}
	}
	// Whether it is left out is not known while the other is not.
	if m.UnlockAddress.IsNull() && m.LockAddress.ValueString() == anywhere {
		m.LockAddress = types.StringNull()
	}
	if m.LockAddress.IsNull() && m.UnlockAddress.ValueString() == anywhere {
		m.UnlockAddress = types.StringNull()
	}
}

// httpInputsFrom is backendInputsFrom for a state behind a REST address.
func httpInputsFrom(c backendcfg.Config) backendInputs {
	in := emptyInputs()
	skip := types.BoolNull()
	if c.HTTP.SkipCertVerification {
		skip = types.BoolValue(true)
	}
	in.HTTP = types.ObjectValueMust(httpType, map[string]attr.Value{
		"address": types.StringValue(c.HTTP.Address), "update_method": textOrNull(c.HTTP.UpdateMethod),
		"lock_address": textOrNull(c.HTTP.LockAddress), "lock_method": textOrNull(c.HTTP.LockMethod),
		"unlock_address": textOrNull(c.HTTP.UnlockAddress), "unlock_method": textOrNull(c.HTTP.UnlockMethod),
		"skip_cert_verification": skip, "retry_max": int64OrNull(c.HTTP.RetryMax),
		"retry_wait_min": int64OrNull(c.HTTP.RetryWaitMin), "retry_wait_max": int64OrNull(c.HTTP.RetryWaitMax),
	})
	remotes := map[string]attr.Value{}
	for _, r := range c.RemoteStates {
		v := emptyRemote(r)
		v["address"] = textOrNull(r.HTTP.Address)
		remotes[r.Name] = types.ObjectValueMust(remoteStateType.AttrTypes, v)
	}
	in.RemoteStates = types.MapValueMust(remoteStateType, remotes)
	return in
}

// emptyInputs are those of an import, before anything is said about a place.
func emptyInputs() backendInputs {
	return backendInputs{
		S3: types.ObjectNull(s3Type), PG: types.ObjectNull(pgType), HTTP: types.ObjectNull(httpType), Pulumi: types.ObjectNull(pulumiType),
		LockDatabase: types.ObjectNull(lockDatabaseType), Service: types.StringNull(), Lock: types.StringValue(string(backendcfg.LockAuto)),
		DynamoDBTable: types.StringNull(), Tool: types.StringValue(string(backendcfg.Terraform)), ToolVersion: types.StringValue(toolLatest),
	}
}

// emptyRemote has what remote states of every type have.
func emptyRemote(r backendcfg.RemoteState) map[string]attr.Value {
	out := make(map[string]attr.Value, len(remoteStateType.AttrTypes))
	for name := range remoteStateType.AttrTypes {
		out[name] = types.StringNull()
	}
	out["workspace"], out["defaults"] = textOrNull(r.Workspace), jsonOrNull(r.Defaults)
	return out
}
