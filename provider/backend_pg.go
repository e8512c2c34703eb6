package provider

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// isPG is true for a state in PostgreSQL. What is unknown may turn out to be null, so that a
// bucket that is written down counts for more than an unknown pg.
func (in *backendInputs) isPG() bool {
	return !in.PG.IsNull() && (in.S3.IsNull() || !in.PG.IsUnknown())
}

// checkType says whether there is exactly one place, and nothing that is about the other one. What
// is unknown passes: this is asked again when it is known.
func (in *backendInputs) checkType(diags *diag.Diagnostics) {
	const summary = "Invalid Attribute Combination"
	switch {
	case in.S3.IsNull() && in.PG.IsNull():
		diags.AddError(summary, "Nothing says where the state is. Write exactly one of s3, for a bucket, and pg, for PostgreSQL; pg = {} is enough there.")
		return
	case in.S3.IsUnknown() || in.PG.IsUnknown():
		return
	case !in.S3.IsNull() && !in.PG.IsNull():
		diags.AddAttributeError(path.Root("pg"), summary, "A state is in one place. Write exactly one of s3, for a bucket, and pg, for PostgreSQL.")
		return
	case in.PG.IsNull():
		return
	}
	if isWritten(in.Service) {
		diags.AddAttributeError(path.Root("service"), summary, "service is about a bucket, and this state is in PostgreSQL (pg). Leave it out.")
	}
	if isWritten(in.Lock) && in.Lock.ValueString() != string(backendcfg.LockAuto) {
		diags.AddAttributeError(path.Root("lock"), summary, fmt.Sprintf(
			"lock = %q is about a bucket, and this state is in PostgreSQL (pg), where the tool always locks. Leave it out, or write \"auto\".", in.Lock.ValueString()))
	}
	if isWritten(in.DynamoDBTable) {
		diags.AddAttributeError(path.Root("dynamodb_table"), summary,
			"dynamodb_table is about a bucket, and this state is in PostgreSQL (pg), where the tool always locks. Leave it out.")
	}
}

func isWritten(v attr.Value) bool { return !v.IsNull() && !v.IsUnknown() }

// checkRemotes says which attributes of remote states are missing, or about another type of
// backend.
func (p *backendParts) checkRemotes(diags *diag.Diagnostics) {
	const summary = "Invalid Attribute Combination"
	for _, name := range slices.Sorted(maps.Keys(p.remotes)) {
		r, at := p.remotes[name], path.Root("remote_states").AtMapKey(name)
		ofS3 := map[string]types.String{
			"key": r.Key, "bucket": r.Bucket, "region": r.Region, "endpoint": r.Endpoint, "workspace_key_prefix": r.WorkspaceKeyPrefix}
		others, why := ofS3, "is about a bucket, and this state is in PostgreSQL (pg)"
		if p.pg == nil {
			others = map[string]types.String{"schema_name": r.SchemaName, "table_name": r.TableName, "index_name": r.IndexName}
			why = "is about PostgreSQL, and this state is in a bucket (s3)"
			if r.Key.IsNull() {
				diags.AddAttributeError(at.AtName("key"), summary, "A state in a bucket needs its key.")
			}
		}
		for _, other := range slices.Sorted(maps.Keys(others)) {
			if isWritten(others[other]) {
				diags.AddAttributeError(at.AtName(other), summary, other+" "+why+". Leave it out.")
			}
		}
	}
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
	in := backendInputs{
		S3: types.ObjectNull(s3Type), Service: types.StringNull(), Lock: types.StringValue(string(backendcfg.LockAuto)),
		DynamoDBTable: types.StringNull(), Tool: types.StringValue(string(tool)), ToolVersion: types.StringValue(toolLatest),
		PG: types.ObjectValueMust(pgType, map[string]attr.Value{
			"schema_name": textOrNull(c.PG.SchemaName), "table_name": textOrNull(c.PG.TableName), "index_name": textOrNull(c.PG.IndexName),
			"skip_schema_creation": types.BoolPointerValue(c.PG.SkipSchemaCreation),
			"skip_table_creation":  types.BoolPointerValue(c.PG.SkipTableCreation),
			"skip_index_creation":  types.BoolPointerValue(c.PG.SkipIndexCreation),
		}),
	}
	remotes := map[string]attr.Value{}
	for _, r := range c.RemoteStates {
		remotes[r.Name] = types.ObjectValueMust(remoteStateType.AttrTypes, map[string]attr.Value{
			"key": types.StringNull(), "bucket": types.StringNull(), "region": types.StringNull(), "endpoint": types.StringNull(),
			"workspace_key_prefix": types.StringNull(), "schema_name": textOrNull(r.PG.SchemaName), "table_name": textOrNull(r.PG.TableName),
			"index_name": textOrNull(r.PG.IndexName), "workspace": textOrNull(r.Workspace), "defaults": jsonOrNull(r.Defaults),
		})
	}
	in.RemoteStates = types.MapValueMust(remoteStateType, remotes)
	return in
}
