package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// toolLatest is the tool_version that stands for whatever is newest.
const toolLatest = "latest"

// backendInputs is what the text of a backend configuration is made from. The resource that writes
// it and the data source that shows it share it.
type backendInputs struct {
	S3            types.Object `tfsdk:"s3"`
	PG            types.Object `tfsdk:"pg"`
	HTTP          types.Object `tfsdk:"http"`
	Pulumi        types.Object `tfsdk:"pulumi"`
	LockDatabase  types.Object `tfsdk:"lock_database"`
	Service       types.String `tfsdk:"service"`
	Lock          types.String `tfsdk:"lock"`
	DynamoDBTable types.String `tfsdk:"dynamodb_table"`
	RemoteStates  types.Map    `tfsdk:"remote_states"`
	Tool          types.String `tfsdk:"tool"`
	ToolVersion   types.String `tfsdk:"tool_version"`
}

// s3Model is the s3 attribute.
type s3Model struct {
	Bucket             types.String `tfsdk:"bucket"`
	Key                types.String `tfsdk:"key"`
	Region             types.String `tfsdk:"region"`
	Endpoint           types.String `tfsdk:"endpoint"`
	WorkspaceKeyPrefix types.String `tfsdk:"workspace_key_prefix"`
	Encrypt            types.Bool   `tfsdk:"encrypt"`
	KMSKeyID           types.String `tfsdk:"kms_key_id"`
	Profile            types.String `tfsdk:"profile"`
	UsePathStyle       types.Bool   `tfsdk:"use_path_style"`
	SkipS3Checksum     types.Bool   `tfsdk:"skip_s3_checksum"`
	MaxRetries         types.Int64  `tfsdk:"max_retries"`
	CustomCABundle     types.String `tfsdk:"custom_ca_bundle"`
	DynamoDBEndpoint   types.String `tfsdk:"dynamodb_endpoint"`
	STSEndpoint        types.String `tfsdk:"sts_endpoint"`
	AssumeRole         types.Object `tfsdk:"assume_role"`
}

// pgModel is the pg attribute.
type pgModel struct {
	SchemaName         types.String `tfsdk:"schema_name"`
	SkipSchemaCreation types.Bool   `tfsdk:"skip_schema_creation"`
	SkipTableCreation  types.Bool   `tfsdk:"skip_table_creation"`
	SkipIndexCreation  types.Bool   `tfsdk:"skip_index_creation"`
	TableName          types.String `tfsdk:"table_name"`
	IndexName          types.String `tfsdk:"index_name"`
}

// assumeRoleModel is s3.assume_role.
type assumeRoleModel struct {
	RoleARN           types.String `tfsdk:"role_arn"`
	SessionName       types.String `tfsdk:"session_name"`
	ExternalID        types.String `tfsdk:"external_id"`
	Duration          types.String `tfsdk:"duration"`
	Policy            types.String `tfsdk:"policy"`
	PolicyARNs        types.List   `tfsdk:"policy_arns"`
	Tags              types.Map    `tfsdk:"tags"`
	TransitiveTagKeys types.List   `tfsdk:"transitive_tag_keys"`
}

// remoteStateModel is one element of remote_states.
type remoteStateModel struct {
	Key                types.String `tfsdk:"key"`
	Bucket             types.String `tfsdk:"bucket"`
	Region             types.String `tfsdk:"region"`
	Endpoint           types.String `tfsdk:"endpoint"`
	WorkspaceKeyPrefix types.String `tfsdk:"workspace_key_prefix"`
	SchemaName         types.String `tfsdk:"schema_name"`
	TableName          types.String `tfsdk:"table_name"`
	IndexName          types.String `tfsdk:"index_name"`
	Address            types.String `tfsdk:"address"`
	Workspace          types.String `tfsdk:"workspace"`
	Defaults           types.String `tfsdk:"defaults"`
}

var (
	textListType   = types.ListType{ElemType: types.StringType}
	textMapType    = types.MapType{ElemType: types.StringType}
	assumeRoleType = map[string]attr.Type{
		"role_arn": types.StringType, "session_name": types.StringType, "external_id": types.StringType,
		"duration": types.StringType, "policy": types.StringType, "policy_arns": textListType, "tags": textMapType,
		"transitive_tag_keys": textListType,
	}
	s3Type = map[string]attr.Type{
		"bucket": types.StringType, "key": types.StringType, "region": types.StringType, "endpoint": types.StringType,
		"workspace_key_prefix": types.StringType, "encrypt": types.BoolType, "kms_key_id": types.StringType,
		"profile": types.StringType, "use_path_style": types.BoolType, "skip_s3_checksum": types.BoolType,
		"max_retries": types.Int64Type, "custom_ca_bundle": types.StringType, "dynamodb_endpoint": types.StringType,
		"sts_endpoint": types.StringType, "assume_role": types.ObjectType{AttrTypes: assumeRoleType},
	}
	pgType = map[string]attr.Type{
		"schema_name": types.StringType, "skip_schema_creation": types.BoolType, "skip_table_creation": types.BoolType,
		"skip_index_creation": types.BoolType, "table_name": types.StringType, "index_name": types.StringType,
	}
	remoteStateType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"key": types.StringType, "bucket": types.StringType, "region": types.StringType, "endpoint": types.StringType,
		"workspace_key_prefix": types.StringType, "schema_name": types.StringType, "table_name": types.StringType, "index_name": types.StringType,
		"address": types.StringType, "workspace": types.StringType, "defaults": types.StringType,
	}}
)
