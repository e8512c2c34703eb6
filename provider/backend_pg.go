package provider

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// checkRemotes says which attributes of remote states are missing, or about another type of
// backend.
func (p *backendParts) checkRemotes(diags *diag.Diagnostics) {
	const summary = "Invalid Attribute Combination"
	kind := p.in.kind()
	for _, name := range slices.Sorted(maps.Keys(p.remotes)) {
		r, at := p.remotes[name], path.Root("remote_states").AtMapKey(name)
		switch {
		case kind == kindS3 && r.Key.IsNull():
			diags.AddAttributeError(at.AtName("key"), summary, "A state in a bucket needs its key.")
		case kind == kindHTTP && r.Address.IsNull():
			diags.AddAttributeError(at.AtName("address"), summary, "A state behind a REST address needs its address.")
		}
		for _, group := range []struct {
			kind   backendKind
			why    string
			values map[string]types.String
		}{
			{kindS3, "is about a bucket", map[string]types.String{
				"key": r.Key, "bucket": r.Bucket, "region": r.Region, "endpoint": r.Endpoint, "workspace_key_prefix": r.WorkspaceKeyPrefix}},
			{kindPG, "is about PostgreSQL", map[string]types.String{"schema_name": r.SchemaName, "table_name": r.TableName, "index_name": r.IndexName}},
			{kindHTTP, "is about a REST address", map[string]types.String{"address": r.Address}},
		} {
			if group.kind == kind {
				continue
			}
			for _, other := range slices.Sorted(maps.Keys(group.values)) {
				if isWritten(group.values[other]) {
					diags.AddAttributeError(at.AtName(other), summary, other+" "+group.why+", and this state is "+placeNames[kind]+". Leave it out.")
				}
			}
		}
	}
}

// placeNames say where a state is.
var placeNames = map[backendKind]string{
	kindS3: "in a bucket (s3)", kindPG: "in PostgreSQL (pg)", kindHTTP: "behind a REST address (http)", kindPulumi: "Pulumi's (pulumi)",
}

// fillPG lets the schema be the tools' default, and each remote state inherit what it leaves out.
func (p *backendParts) fillPG() {
	p.pg.SchemaName = orText(p.pg.SchemaName, backendcfg.DefaultPGSchema)
	for name, r := range p.remotes {
		for v, from := range map[*types.String]types.String{
			&r.SchemaName: p.pg.SchemaName, &r.TableName: p.pg.TableName, &r.IndexName: p.pg.IndexName,
		} {
			if v.IsNull() {
				*v = from
			}
		}
		p.remotes[name] = r
	}
}

func unknownPG() *pgModel {
	text, flag := types.StringUnknown(), types.BoolUnknown()
	return &pgModel{SchemaName: text, TableName: text, IndexName: text, SkipSchemaCreation: flag, SkipTableCreation: flag, SkipIndexCreation: flag}
}

func (m *pgModel) settings() *backendcfg.PG {
	out := &backendcfg.PG{SchemaName: m.SchemaName.ValueString(), TableName: m.TableName.ValueString(), IndexName: m.IndexName.ValueString()}
	for to, from := range map[**bool]types.Bool{
		&out.SkipSchemaCreation: m.SkipSchemaCreation, &out.SkipTableCreation: m.SkipTableCreation, &out.SkipIndexCreation: m.SkipIndexCreation,
	} {
		if isWritten(from) {
			*to = from.ValueBoolPointer()
		}
	}
	return out
}

// pgSettings are those of a remote state beside a backend in PostgreSQL.
func (r remoteStateModel) pgSettings(name string, base backendcfg.PG) (backendcfg.RemoteState, error) {
	base.SchemaName, base.TableName, base.IndexName = r.SchemaName.ValueString(), r.TableName.ValueString(), r.IndexName.ValueString()
	out := backendcfg.RemoteState{Name: name, PG: &base, Workspace: r.Workspace.ValueString()}
	return out, r.readDefaults(name, &out)
}

// standInsPG replaces what is unknown by values that pass every check.
func (p *backendParts) standInsPG() {
	drop := func(values ...*types.String) {
		for _, v := range values {
			if v.IsUnknown() {
				*v = types.StringNull()
			}
		}
	}
	if p.in.Tool.IsUnknown() {
		p.in.Tool = types.StringValue(string(backendcfg.OpenTofu))
	}
	if p.in.ToolVersion.IsUnknown() {
		p.in.ToolVersion = types.StringValue(toolLatest)
	}
	drop(&p.pg.SchemaName, &p.pg.TableName, &p.pg.IndexName)
	for name, r := range p.remotes {
		drop(&r.SchemaName, &r.TableName, &r.IndexName, &r.Workspace, &r.Defaults)
		p.remotes[name] = r
	}
}

// pgInputsFrom is backendInputsFrom for a state in PostgreSQL.
func pgInputsFrom(c backendcfg.Config) backendInputs {
	tool := backendcfg.Terraform
	if c.PG.TableName != "" || c.PG.IndexName != "" {
		tool = backendcfg.OpenTofu // which alone has them
	}
	in := emptyInputs()
	in.Tool = types.StringValue(string(tool))
	in.PG = types.ObjectValueMust(pgType, map[string]attr.Value{
		"schema_name": textOrNull(c.PG.SchemaName), "table_name": textOrNull(c.PG.TableName), "index_name": textOrNull(c.PG.IndexName),
		"skip_schema_creation": types.BoolPointerValue(c.PG.SkipSchemaCreation),
		"skip_table_creation":  types.BoolPointerValue(c.PG.SkipTableCreation),
		"skip_index_creation":  types.BoolPointerValue(c.PG.SkipIndexCreation),
	})
	remotes := map[string]attr.Value{}
	for _, r := range c.RemoteStates {
		v := emptyRemote(r)
		v["schema_name"], v["table_name"], v["index_name"] = textOrNull(r.PG.SchemaName), textOrNull(r.PG.TableName), textOrNull(r.PG.IndexName)
		remotes[r.Name] = types.ObjectValueMust(remoteStateType.AttrTypes, v)
	}
	in.RemoteStates = types.MapValueMust(remoteStateType, remotes)
	return in
}
