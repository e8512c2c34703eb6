package provider

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// wanted turns resolved values into the engine's settings. prior is what the state declared
// before, from which tags and policy statements may have been dropped since.
func wanted(ctx context.Context, m, config, prior *stateBucketModel, diags *diag.Diagnostics) s3store.Settings {
	s := s3store.Settings{
		Versioning:        m.Versioning.ValueBoolPointer(),
		BlockPublicAccess: m.BlockPublicAccess.ValueBoolPointer(),
		RequireTLS:        m.RequireTLS.ValueBoolPointer(),
		CallerPrincipal:   m.CallerPrincipal.ValueString(),
		Tags:              wantedTags(ctx, config, prior, diags),
		Policy:            wantedPolicy(config, prior, diags),
	}
	if !m.Encryption.IsNull() {
		var e encryptionModel
		diags.Append(m.Encryption.As(ctx, &e, basetypes.ObjectAsOptions{})...)
		s.Encryption = &s3store.Encryption{Algorithm: e.Algorithm.ValueString(), KMSKeyID: e.KMSKeyID.ValueString()}
	}
	if !m.LifecycleRules.IsNull() {
		s.Lifecycle = wantedLifecycle(ctx, m.LifecycleRules, diags)
	}
	if !config.ObjectLock.IsNull() {
		var o objectLockModel
		diags.Append(config.ObjectLock.As(ctx, &o, basetypes.ObjectAsOptions{})...)
		s.ObjectLock = &s3store.ObjectLock{Mode: o.Mode.ValueString(), Days: int32(o.Days.ValueInt64())} //nolint:gosec // validated
	}
	if !config.Logging.IsNull() {
		var l loggingModel
		diags.Append(config.Logging.As(ctx, &l, basetypes.ObjectAsOptions{})...)
		s.Logging = &s3store.Logging{TargetBucket: l.TargetBucket.ValueString(), TargetPrefix: l.TargetPrefix.ValueString()}
	}
	if !config.Access.IsNull() {
		entries := accessFrom(ctx, config.Access, diags)
		s.Access = &entries
	}
	return s
}

func wantedLifecycle(ctx context.Context, obj types.Object, diags *diag.Diagnostics) *s3store.Lifecycle {
	m := lifecycleFrom(ctx, obj, diags)
	l := &s3store.Lifecycle{
		NoncurrentExpirationDays:   int32Pointer(m.NoncurrentExpirationDays),
		NoncurrentVersionsToKeep:   int32Pointer(m.NoncurrentVersionsToKeep),
		AbortIncompleteUploadsDays: int32Pointer(m.AbortIncompleteUploadsDays),
		ExpireDeleteMarkers:        m.ExpireDeleteMarkers.ValueBoolPointer(),
	}
	if !m.Expirations.IsNull() {
		l.Expirations = map[string]int32{}
		diags.Append(m.Expirations.ElementsAs(ctx, &l.Expirations, false)...)
	}
	return l
}

func int32Pointer(v types.Int64) *int32 {
	if v.IsNull() || v.IsUnknown() {
		return nil
	}
	n := int32(v.ValueInt64()) //nolint:gosec // validated
	return &n
}

// wantedTags declares the configured tags and drops those that were declared before. The tags of
// a bucket that was just imported were declared by nobody.
func wantedTags(ctx context.Context, config, prior *stateBucketModel, diags *diag.Diagnostics) *s3store.TagChange {
	change := &s3store.TagChange{Set: stringMap(ctx, config.Tags, diags)}
	if prior.Origin.ValueString() != originImported {
		for k := range stringMap(ctx, prior.Tags, diags) {
			if _, kept := change.Set[k]; !kept {
				change.Remove = append(change.Remove, k)
			}
		}
	}
	return change
}

// wantedPolicy is nil when the configuration leaves the policy out.
func wantedPolicy(config, prior *stateBucketModel, diags *diag.Diagnostics) *s3store.PolicyClaim {
	if config.Policy.IsNull() {
		return nil
	}
	doc := parsePolicy(config.Policy, diags)
	claim := &s3store.PolicyClaim{Statements: doc.Statements}
	if prior.Origin.ValueString() != originImported {
		for _, s := range parsePolicy(prior.Policy, diags).Statements {
			claim.Remove = append(claim.Remove, s.Sid)
		}
	}
	return claim
}

func parsePolicy(v types.String, diags *diag.Diagnostics) *s3store.PolicyDocument {
	if v.ValueString() == "" {
		return &s3store.PolicyDocument{}
	}
	doc, err := s3store.ParsePolicy(v.ValueString())
	if err != nil {
		addError(diags, "Invalid Policy", err)
		return &s3store.PolicyDocument{}
	}
	return doc
}

func accessFrom(ctx context.Context, set types.Set, diags *diag.Diagnostics) []s3store.Access {
	var models []accessModel
	diags.Append(set.ElementsAs(ctx, &models, false)...)
	out := make([]s3store.Access, 0, len(models))
	for _, m := range models {
		var principals []string
		diags.Append(m.Principals.ElementsAs(ctx, &principals, false)...)
		slices.Sort(principals)
		out = append(out, s3store.Access{Level: m.Level.ValueString(), Principals: principals, Prefix: m.Prefix.ValueString()})
	}
	// A set has no order of its own; the policy should not change with it.
	slices.SortFunc(out, func(a, b s3store.Access) int {
		return slices.Compare([]string{a.Level, a.Prefix}, []string{b.Level, b.Prefix})
	})
	return out
}

func stringMap(ctx context.Context, m types.Map, diags *diag.Diagnostics) map[string]string {
	out := map[string]string{}
	if !m.IsNull() && !m.IsUnknown() {
		diags.Append(m.ElementsAs(ctx, &out, false)...)
	}
	return out
}

// show writes what the bucket is into m, which comes holding what was planned or stored before.
func (m *stateBucketModel) show(ctx context.Context, c *s3store.Client, o *s3store.Observed, diags *diag.Diagnostics) {
	name, region := m.Name.ValueString(), m.Region.ValueString()
	lacking := lackingFrom(ctx, m.Unsupported, diags)
	lacks := func(capability s3store.Capability) bool {
		return lacking[capability] || o.Unsupported[capability] || c.Profile().Supports(capability) == s3store.Unsupported
	}
	showBool := func(capability s3store.Capability, was types.Bool, is bool) types.Bool {
		// What was asked explicitly is shown as it is; what the service lacks shows nothing.
		if lacks(capability) && (was.IsNull() || was.IsUnknown()) {
			return types.BoolNull()
		}
		return types.BoolValue(is)
	}
	m.Versioning = showBool(s3store.CapVersioning, m.Versioning, o.VersioningEnabled())
	m.BlockPublicAccess = showBool(s3store.CapPublicAccessBlock, m.BlockPublicAccess, o.PublicAccessBlocked)
	m.RequireTLS = showBool(s3store.CapRequireTLS, m.RequireTLS, c.RequiresTLS(name, region, o.Policy))
	m.Encryption = showEncryption(ctx, m.Encryption, o.Encryption, lacks(s3store.CapEncryption), diags)
	m.LifecycleRules = showLifecycle(ctx, m.LifecycleRules, o.Lifecycle.Owned, lacks, diags)
	m.ObjectLock = showObjectLock(o.ObjectLock)
	m.Logging = showLogging(ctx, m.Logging, o.Logging, diags)
	m.Tags = showTags(m.Tags, m.Origin, o.Tags)
	m.Access = showAccess(m.Access, m.Origin, c.ObservedAccess(name, region, o.Policy))
	m.Policy = showPolicy(m.Policy, m.Origin, o.Policy, diags)
	m.place(c)
}

// place fills what follows from the name and the client alone, and so is known at plan time.
func (m *stateBucketModel) place(c *s3store.Client) {
	name, region := m.Name.ValueString(), m.Region.ValueString()
	m.ID = types.StringValue(name + "@" + region)
	m.Endpoint = types.StringValue(c.Endpoint())
	m.ARN = types.StringValue(s3store.BucketARN(name, region))
	if c.Profile().Dialect == s3store.DialectScaleway {
		m.ARN = types.StringValue(name)
	}
	endpoint := c.Endpoint()
	if c.Profile().IsAWS {
		endpoint = "" // Pulumi finds AWS by the region
	}
	m.PulumiBackendURL = types.StringValue(backendcfg.PulumiS3URL(name, "", region, endpoint, c.PathStyle()))
}

func showEncryption(ctx context.Context, was types.Object, is *s3store.Encryption, lacks bool, diags *diag.Diagnostics) types.Object {
	var w encryptionModel
	if !was.IsNull() && !was.IsUnknown() {
		diags.Append(was.As(ctx, &w, basetypes.ObjectAsOptions{})...)
	}
	if is == nil {
		if lacks && w.Algorithm.IsNull() {
			return types.ObjectNull(encryptionType)
		}
		is = &s3store.Encryption{Algorithm: s3store.EncryptionNone}
	}
	key := types.StringNull()
	// A service may name the key that it chose by itself: that was nobody's setting.
	if is.KMSKeyID != "" && (!w.KMSKeyID.IsNull() || w.Algorithm.ValueString() != is.Algorithm) {
		key = types.StringValue(is.KMSKeyID)
	}
	return types.ObjectValueMust(encryptionType, map[string]attr.Value{"algorithm": types.StringValue(is.Algorithm), "kms_key_id": key})
}

func showLifecycle(ctx context.Context, was types.Object, is s3store.Lifecycle, lacks func(s3store.Capability) bool, diags *diag.Diagnostics) types.Object {
	w := lifecycleFrom(ctx, was, diags)
	all := lacks(s3store.CapLifecycle)
	if all && (was.IsNull() || was.IsUnknown()) {
		return types.ObjectNull(lifecycleType)
	}
	absent := func(c s3store.Capability, v attr.Value) bool {
		return (all || lacks(c)) && (v.IsNull() || v.IsUnknown())
	}
	number := func(c s3store.Capability, was types.Int64, is *int32) types.Int64 {
		if absent(c, was) {
			return types.Int64Null()
		}
		if is == nil {
			return types.Int64Value(0)
		}
		return types.Int64Value(int64(*is))
	}
	markers := types.BoolValue(is.ExpireDeleteMarkers != nil && *is.ExpireDeleteMarkers)
	if absent(s3store.CapLifecycleDeleteMarkers, w.ExpireDeleteMarkers) {
		markers = types.BoolNull()
	}
	expirations := types.MapNull(types.Int64Type)
	if !absent(s3store.CapLifecycleExpirations, w.Expirations) {
		elements := map[string]attr.Value{}
		for prefix, days := range is.Expirations {
			elements[prefix] = types.Int64Value(int64(days))
		}
		expirations = types.MapValueMust(types.Int64Type, elements)
	}
	return types.ObjectValueMust(lifecycleType, map[string]attr.Value{
		"noncurrent_expiration_days":    number(s3store.CapLifecycleNoncurrent, w.NoncurrentExpirationDays, is.NoncurrentExpirationDays),
		"noncurrent_versions_to_keep":   number(s3store.CapLifecycleVersionsToKeep, w.NoncurrentVersionsToKeep, is.NoncurrentVersionsToKeep),
		"abort_incomplete_uploads_days": number(s3store.CapLifecycleAbortUploads, w.AbortIncompleteUploadsDays, is.AbortIncompleteUploadsDays),
		"expire_delete_markers":         markers,
		"expirations":                   expirations,
	})
}

func showObjectLock(is *s3store.ObjectLock) types.Object {
	if is == nil || is.Mode == "" {
		return types.ObjectNull(objectLockType)
	}
	return types.ObjectValueMust(objectLockType, map[string]attr.Value{
		"mode": types.StringValue(is.Mode), "days": types.Int64Value(int64(is.Days)),
	})
}

func showLogging(ctx context.Context, was types.Object, is *s3store.Logging, diags *diag.Diagnostics) types.Object {
	var w loggingModel
	if !was.IsNull() && !was.IsUnknown() {
		diags.Append(was.As(ctx, &w, basetypes.ObjectAsOptions{})...)
	}
	if is == nil {
		if w.TargetBucket.IsNull() || w.TargetBucket.ValueString() != "" {
			return types.ObjectNull(loggingType)
		}
		return was // turned off on purpose
	}
	prefix := types.StringValue(is.TargetPrefix)
	if is.TargetPrefix == "" && w.TargetPrefix.IsNull() {
		prefix = types.StringNull()
	}
	return types.ObjectValueMust(loggingType, map[string]attr.Value{
		"target_bucket": types.StringValue(is.TargetBucket), "target_prefix": prefix,
	})
}

// showTags shows the declared tags; all of them on a bucket that was just imported.
func showTags(was types.Map, origin types.String, is map[string]string) types.Map {
	imported := origin.ValueString() == originImported
	if was.IsNull() || was.IsUnknown() {
		if !imported || len(is) == 0 {
			return types.MapNull(types.StringType)
		}
	}
	elements := map[string]attr.Value{}
	for k, v := range is {
		if _, declared := was.Elements()[k]; declared || imported {
			elements[k] = types.StringValue(v)
		}
	}
	return types.MapValueMust(types.StringType, elements)
}

func showAccess(was types.Set, origin types.String, is []s3store.Access) types.Set {
	if (was.IsNull() || was.IsUnknown()) && (origin.ValueString() != originImported || len(is) == 0) {
		return types.SetNull(accessType)
	}
	elements := make([]attr.Value, 0, len(is))
	for _, a := range is {
		principals := make([]attr.Value, 0, len(a.Principals))
		for _, p := range a.Principals {
			principals = append(principals, types.StringValue(p))
		}
		prefix := types.StringNull()
		if a.Prefix != "" {
			prefix = types.StringValue(a.Prefix)
		}
		elements = append(elements, types.ObjectValueMust(accessType.AttrTypes, map[string]attr.Value{
			"level": types.StringValue(a.Level), "principals": types.SetValueMust(types.StringType, principals), "prefix": prefix,
		}))
	}
	return types.SetValueMust(accessType, elements)
}

// showPolicy shows the declared statements; all foreign ones on a bucket that was just imported.
// While they are as declared, the text stays as it was written.
func showPolicy(was types.String, origin types.String, is *s3store.PolicyDocument, diags *diag.Diagnostics) types.String {
	imported := origin.ValueString() == originImported
	if (was.IsNull() || was.IsUnknown()) && !imported {
		return types.StringNull()
	}
	declared := parsePolicy(was, diags)
	found := is.Select(func(s s3store.Statement) bool {
		_, ours := declared.Find(s.Sid)
		return (ours || imported) && !s3store.Owned(s.Sid)
	})
	if s3store.SamePolicy(found, declared.Statements) {
		if was.IsUnknown() {
			return types.StringNull()
		}
		return was
	}
	if len(found) == 0 && was.IsNull() {
		return types.StringNull()
	}
	doc := s3store.PolicyDocument{Version: declared.Version, Statements: found}
	if is != nil && doc.Version == "" {
		doc.Version = is.Version
	}
	return types.StringValue(doc.String())
}

func lackingFrom(ctx context.Context, set types.Set, diags *diag.Diagnostics) map[s3store.Capability]bool {
	out := map[s3store.Capability]bool{}
	if set.IsNull() || set.IsUnknown() {
		return out
	}
	var codes []string
	diags.Append(set.ElementsAs(ctx, &codes, false)...)
	for _, c := range codes {
		out[s3store.Capability(c)] = true
	}
	return out
}

func capabilitySet(codes map[s3store.Capability]bool) types.Set {
	elements := []attr.Value{}
	for _, c := range s3store.SortCapabilities(slices.Collect(maps.Keys(codes))) {
		if codes[c] {
			elements = append(elements, types.StringValue(string(c)))
		}
	}
	return types.SetValueMust(types.StringType, elements)
}
