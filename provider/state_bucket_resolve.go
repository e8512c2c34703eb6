package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// The hardening of a bucket that groundwork creates.
const (
	defaultNoncurrentDays = 90
	defaultAbortDays      = 7
)

// resolver decides what becomes of the settings that a configuration leaves out. It is the one
// place where that is decided: the plan asks it what to show, the apply what to do.
type resolver struct {
	profile s3store.Profile
	// origin is empty while it is not known whether the bucket will be created or adopted.
	origin string
	// lacking are the capabilities that the service refused earlier.
	lacking map[s3store.Capability]bool
	// creating is true until the bucket exists: an unknown capability is then decided by the call.
	creating bool
	// applying turns "decided by the call" into "try it", and "as it was" into "leave it".
	applying bool
}

// left is what a setting becomes that the configuration leaves out.
type left int

const (
	leftUnknown left = iota
	leftDefault
	leftNull
	leftPrior
)

func (r resolver) left(c s3store.Capability) left {
	switch r.origin {
	case "":
		return leftUnknown
	case originAdopted, originImported:
		if r.applying {
			return leftNull
		}
		return leftPrior
	}
	if r.lacks(c) {
		return leftNull
	}
	if r.profile.Supports(c) == s3store.Unknown && r.creating && !r.applying {
		return leftUnknown
	}
	return leftDefault
}

func (r resolver) lacks(c s3store.Capability) bool {
	if r.lacking[c] || r.profile.Supports(c) == s3store.Unsupported {
		return true
	}
	switch c {
	case s3store.CapLifecycleNoncurrent, s3store.CapLifecycleVersionsToKeep, s3store.CapLifecycleAbortUploads,
		s3store.CapLifecycleDeleteMarkers, s3store.CapLifecycleExpirations:
		return r.lacking[s3store.CapLifecycle] || r.profile.Supports(s3store.CapLifecycle) == s3store.Unsupported
	case s3store.CapRequireTLS:
		return r.profile.Supports(s3store.CapPolicy) == s3store.Unsupported
	}
	return false
}

func (r resolver) bool(c s3store.Capability, config, prior types.Bool) types.Bool {
	if !config.IsNull() {
		return config
	}
	switch r.left(c) {
	case leftDefault:
		return types.BoolValue(true)
	case leftPrior:
		return prior
	case leftUnknown:
		return types.BoolUnknown()
	}
	return types.BoolNull()
}

func (r resolver) int(c s3store.Capability, config, prior types.Int64, byDefault int64) types.Int64 {
	if !config.IsNull() {
		return config
	}
	switch r.left(c) {
	case leftDefault:
		return types.Int64Value(byDefault)
	case leftPrior:
		return prior
	case leftUnknown:
		return types.Int64Unknown()
	}
	return types.Int64Null()
}

func (r resolver) encryption(config, prior types.Object) types.Object {
	if !config.IsNull() {
		return config
	}
	switch r.left(s3store.CapEncryption) {
	case leftDefault:
		return types.ObjectValueMust(encryptionType, map[string]attr.Value{
			"algorithm": types.StringValue(s3store.EncryptionAES256), "kms_key_id": types.StringNull(),
		})
	case leftPrior:
		return prior
	case leftUnknown:
		return types.ObjectUnknown(encryptionType)
	}
	return types.ObjectNull(encryptionType)
}

func (r resolver) lifecycle(ctx context.Context, config, prior types.Object, diags *diag.Diagnostics) types.Object {
	if config.IsUnknown() {
		return config
	}
	if config.IsNull() {
		switch {
		case r.origin == "":
			return types.ObjectUnknown(lifecycleType)
		case r.origin != originCreated && !r.applying:
			return prior
		case r.origin != originCreated, r.lacks(s3store.CapLifecycle):
			return types.ObjectNull(lifecycleType)
		case r.creating && !r.applying && r.profile.Supports(s3store.CapLifecycle) == s3store.Unknown:
			return types.ObjectUnknown(lifecycleType)
		}
	}
	c, p := lifecycleFrom(ctx, config, diags), lifecycleFrom(ctx, prior, diags)
	next := lifecycleModel{
		NoncurrentExpirationDays:   r.int(s3store.CapLifecycleNoncurrent, c.NoncurrentExpirationDays, p.NoncurrentExpirationDays, defaultNoncurrentDays),
		NoncurrentVersionsToKeep:   r.int(s3store.CapLifecycleVersionsToKeep, c.NoncurrentVersionsToKeep, p.NoncurrentVersionsToKeep, 0),
		AbortIncompleteUploadsDays: r.int(s3store.CapLifecycleAbortUploads, c.AbortIncompleteUploadsDays, p.AbortIncompleteUploadsDays, defaultAbortDays),
		ExpireDeleteMarkers:        r.bool(s3store.CapLifecycleDeleteMarkers, c.ExpireDeleteMarkers, p.ExpireDeleteMarkers),
		Expirations:                r.expirations(c.Expirations, p.Expirations),
	}
	obj, d := types.ObjectValueFrom(ctx, lifecycleType, next)
	diags.Append(d...)
	return obj
}

func (r resolver) expirations(config, prior types.Map) types.Map {
	if !config.IsNull() {
		return config
	}
	switch r.left(s3store.CapLifecycleExpirations) {
	case leftDefault:
		return types.MapValueMust(types.Int64Type, map[string]attr.Value{})
	case leftPrior:
		return prior
	case leftUnknown:
		return types.MapUnknown(types.Int64Type)
	}
	return types.MapNull(types.Int64Type)
}

// lifecycleFrom reads the object; null and unknown give a model of nulls.
func lifecycleFrom(ctx context.Context, obj types.Object, diags *diag.Diagnostics) lifecycleModel {
	if obj.IsNull() || obj.IsUnknown() {
		return lifecycleModel{Expirations: types.MapNull(types.Int64Type)}
	}
	var m lifecycleModel
	diags.Append(obj.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	return m
}

// settings lays the resolved values of everything that has a hardening default into m.
func (r resolver) settings(ctx context.Context, config, prior, m *stateBucketModel, diags *diag.Diagnostics) {
	m.Versioning = r.bool(s3store.CapVersioning, config.Versioning, prior.Versioning)
	m.BlockPublicAccess = r.bool(s3store.CapPublicAccessBlock, config.BlockPublicAccess, prior.BlockPublicAccess)
	m.RequireTLS = r.bool(s3store.CapRequireTLS, config.RequireTLS, prior.RequireTLS)
	m.Encryption = r.encryption(config.Encryption, prior.Encryption)
	m.LifecycleRules = r.lifecycle(ctx, config.LifecycleRules, prior.LifecycleRules, diags)
}

// optional lists what the configuration leaves out: the service may lack it.
func optional(ctx context.Context, config *stateBucketModel, diags *diag.Diagnostics) s3store.Optional {
	l := lifecycleFrom(ctx, config.LifecycleRules, diags)
	return s3store.Optional{
		s3store.CapVersioning:              config.Versioning.IsNull(),
		s3store.CapPublicAccessBlock:       config.BlockPublicAccess.IsNull(),
		s3store.CapRequireTLS:              config.RequireTLS.IsNull(),
		s3store.CapEncryption:              config.Encryption.IsNull(),
		s3store.CapLifecycleNoncurrent:     l.NoncurrentExpirationDays.IsNull(),
		s3store.CapLifecycleVersionsToKeep: l.NoncurrentVersionsToKeep.IsNull(),
		s3store.CapLifecycleAbortUploads:   l.AbortIncompleteUploadsDays.IsNull(),
		s3store.CapLifecycleDeleteMarkers:  l.ExpireDeleteMarkers.IsNull(),
		s3store.CapLifecycleExpirations:    l.Expirations.IsNull(),
	}
}
