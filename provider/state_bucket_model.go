package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The values of origin.
const (
	originCreated  = "created"
	originAdopted  = "adopted"
	originImported = "imported"
)

// The values of lock_strategy.
const (
	lockLockfile = "lockfile"
	lockNone     = "none"
	lockUnknown  = "unknown"
)

// stateBucketModel is groundwork_state_bucket.
type stateBucketModel struct {
	ID                 types.String `tfsdk:"id"`
	Name               types.String `tfsdk:"name"`
	Region             types.String `tfsdk:"region"`
	Versioning         types.Bool   `tfsdk:"versioning"`
	BlockPublicAccess  types.Bool   `tfsdk:"block_public_access"`
	RequireTLS         types.Bool   `tfsdk:"require_tls"`
	Encryption         types.Object `tfsdk:"encryption"`
	LifecycleRules     types.Object `tfsdk:"lifecycle_rules"`
	ObjectLock         types.Object `tfsdk:"object_lock"`
	Logging            types.Object `tfsdk:"logging"`
	Tags               types.Map    `tfsdk:"tags"`
	Access             types.Set    `tfsdk:"access"`
	CallerPrincipal    types.String `tfsdk:"caller_principal"`
	Policy             types.String `tfsdk:"policy"`
	AdoptExisting      types.Bool   `tfsdk:"adopt_existing"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	ForceDestroy       types.Bool   `tfsdk:"force_destroy"`
	FinalBackupTo      types.String `tfsdk:"final_backup_to"`
	Origin             types.String `tfsdk:"origin"`
	ARN                types.String `tfsdk:"arn"`
	Endpoint           types.String `tfsdk:"endpoint"`
	PulumiBackendURL   types.String `tfsdk:"pulumi_backend_url"`
	Capabilities       types.Map    `tfsdk:"capabilities"`
	LockStrategy       types.String `tfsdk:"lock_strategy"`
	Unsupported        types.Set    `tfsdk:"unsupported"`
}

type encryptionModel struct {
	Algorithm types.String `tfsdk:"algorithm"`
	KMSKeyID  types.String `tfsdk:"kms_key_id"`
}

type lifecycleModel struct {
	NoncurrentExpirationDays   types.Int64 `tfsdk:"noncurrent_expiration_days"`
	NoncurrentVersionsToKeep   types.Int64 `tfsdk:"noncurrent_versions_to_keep"`
	AbortIncompleteUploadsDays types.Int64 `tfsdk:"abort_incomplete_uploads_days"`
	ExpireDeleteMarkers        types.Bool  `tfsdk:"expire_delete_markers"`
	Expirations                types.Map   `tfsdk:"expirations"`
}

type objectLockModel struct {
	Mode types.String `tfsdk:"mode"`
	Days types.Int64  `tfsdk:"days"`
}

type loggingModel struct {
	TargetBucket types.String `tfsdk:"target_bucket"`
	TargetPrefix types.String `tfsdk:"target_prefix"`
}

type accessModel struct {
	Level      types.String `tfsdk:"level"`
	Principals types.Set    `tfsdk:"principals"`
	Prefix     types.String `tfsdk:"prefix"`
}

var (
	encryptionType = map[string]attr.Type{"algorithm": types.StringType, "kms_key_id": types.StringType}
	lifecycleType  = map[string]attr.Type{
		"noncurrent_expiration_days": types.Int64Type, "noncurrent_versions_to_keep": types.Int64Type,
		"abort_incomplete_uploads_days": types.Int64Type, "expire_delete_markers": types.BoolType,
		"expirations": types.MapType{ElemType: types.Int64Type},
	}
	objectLockType = map[string]attr.Type{"mode": types.StringType, "days": types.Int64Type}
	loggingType    = map[string]attr.Type{"target_bucket": types.StringType, "target_prefix": types.StringType}
	accessType     = types.ObjectType{AttrTypes: map[string]attr.Type{
		"level": types.StringType, "principals": types.SetType{ElemType: types.StringType}, "prefix": types.StringType,
	}}
)
