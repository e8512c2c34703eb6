package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *stateBucketResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config stateBucketModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	l := lifecycleFrom(ctx, config.LifecycleRules, &resp.Diagnostics)
	if l.NoncurrentVersionsToKeep.ValueInt64() > 0 && l.NoncurrentExpirationDays.Equal(types.Int64Value(0)) {
		resp.Diagnostics.AddAttributeError(path.Root("lifecycle_rules").AtName("noncurrent_versions_to_keep"), "Invalid Attribute Combination",
			"noncurrent_versions_to_keep says which versions survive their expiry, but noncurrent_expiration_days = 0 lets none expire.")
	}
	if !config.ObjectLock.IsNull() && !config.ObjectLock.IsUnknown() && config.Versioning.Equal(types.BoolValue(false)) {
		resp.Diagnostics.AddAttributeError(path.Root("object_lock"), "Invalid Attribute Combination",
			"object_lock retains versions, so it needs versioning, which is set to false.")
	}
	if !config.FinalBackupTo.IsNull() && config.FinalBackupTo.ValueString() == "s3://"+config.Name.ValueString() {
		resp.Diagnostics.AddAttributeError(path.Root("final_backup_to"), "Invalid Backup Target",
			"The final backup would go into the bucket that is being destroyed.")
	}
	e := config.Encryption.Attributes()
	if key, ok := e["kms_key_id"]; ok && !key.IsNull() && e["algorithm"].Equal(types.StringValue(s3store.EncryptionAES256)) {
		resp.Diagnostics.AddAttributeError(path.Root("encryption").AtName("kms_key_id"), "Invalid Attribute Combination",
			"kms_key_id goes with algorithm = \"aws:kms\"; AES256 uses the service's own keys.")
	}
}

// ModifyPlan implements resource.ResourceWithModifyPlan. It writes nothing, and asks the bucket
// only when a destroy is planned.
func (r *stateBucketResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.data == nil {
		return
	}
	var state *stateBucketModel
	if !req.State.Raw.IsNull() {
		state = &stateBucketModel{}
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if req.Plan.Raw.IsNull() {
		if state != nil && !resp.Diagnostics.HasError() {
			r.guardDestroy(ctx, state, "destroy", &resp.Diagnostics)
		}
		return
	}
	var plan, config stateBucketModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	region := plan.Region.ValueString()
	if state != nil && config.Region.IsNull() {
		region = state.Region.ValueString()
	}
	c, err := r.data.store(ctx, region)
	if errors.Is(err, errUnknownConfig) {
		return // all that is computed stays unknown until the apply
	}
	if err != nil {
		addError(&resp.Diagnostics, "Unable to Plan State Bucket", err)
		return
	}
	p := bucketPlan{c: c, config: &config, plan: &plan, state: state}
	replaced := state != nil && (!plan.Name.Equal(state.Name) || (!config.Region.IsNull() && !config.Region.Equal(state.Region)))
	if replaced {
		r.guardDestroy(ctx, state, "replace", &resp.Diagnostics)
		p.state = nil
	}
	p.fill(ctx, &resp.Diagnostics)
	p.refuseLacks(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// bucketPlan computes what a plan shows.
type bucketPlan struct {
	c            *s3store.Client
	config, plan *stateBucketModel
	// state is nil for a bucket that is to be created.
	state *stateBucketModel
}

func (p *bucketPlan) fill(ctx context.Context, diags *diag.Diagnostics) {
	if p.state == nil {
		p.fillCreate(ctx, diags)
		return
	}
	state, plan := p.state, p.plan
	r := resolver{profile: p.c.Profile(), origin: state.Origin.ValueString(), lacking: lackingFrom(ctx, state.Unsupported, diags)}
	plan.Region, plan.Origin, plan.LockStrategy = state.Region, state.Origin, state.LockStrategy
	plan.ID, plan.ARN, plan.Endpoint, plan.PulumiBackendURL = state.ID, state.ARN, state.Endpoint, state.PulumiBackendURL
	plan.Capabilities, plan.Unsupported = state.Capabilities, state.Unsupported
	for c, left := range optional(ctx, p.config, diags) {
		if !left && r.lacking[c] {
			// Demanded now, refused once: the call decides.
			delete(r.lacking, c)
			plan.Capabilities, plan.Unsupported = types.MapUnknown(types.StringType), types.SetUnknown(types.StringType)
		}
	}
	r.settings(ctx, p.config, state, plan, diags)
	p.leaveAlone(state)
	p.claim(ctx, state, diags)
	if plan.Versioning.ValueBool() != state.Versioning.ValueBool() {
		plan.Capabilities = types.MapUnknown(types.StringType)
		if p.c.Profile().Lock == s3store.LockUnknown {
			plan.LockStrategy = types.StringUnknown()
		}
	}
}

// leaveAlone keeps what is untouched unless it is declared.
func (p *bucketPlan) leaveAlone(state *stateBucketModel) {
	if p.config.ObjectLock.IsNull() {
		p.plan.ObjectLock = state.ObjectLock
	}
	if p.config.Logging.IsNull() {
		p.plan.Logging = state.Logging
	}
	if p.config.Access.IsNull() {
		p.plan.Access = state.Access
	}
	if p.config.Policy.IsNull() {
		p.plan.Policy = state.Policy
	}
	p.plan.Tags = p.config.Tags
}

// claim plans for a bucket that was imported and not changed since. Its state shows all tags and
// statements, of which the configuration may declare some: that alone is no change. The first real
// change makes the declared ones groundwork's, and the bucket an adopted one.
func (p *bucketPlan) claim(ctx context.Context, state *stateBucketModel, diags *diag.Diagnostics) {
	if state.Origin.ValueString() != originImported {
		return
	}
	declaredTags, declaredPolicy := p.plan.Tags, p.plan.Policy
	if !p.config.Tags.IsUnknown() && isSubset(stringMap(ctx, p.config.Tags, diags), stringMap(ctx, state.Tags, diags)) {
		p.plan.Tags = state.Tags
	}
	if !p.config.Policy.IsUnknown() && !p.config.Policy.IsNull() && coversPolicy(state.Policy, p.config.Policy, diags) {
		p.plan.Policy = state.Policy
	}
	if p.sameAs(state) {
		return
	}
	p.plan.Tags, p.plan.Policy = declaredTags, declaredPolicy
	if p.config.Policy.IsNull() {
		p.plan.Policy = types.StringNull()
	}
	if p.config.Access.IsNull() {
		p.plan.Access = state.Access
	}
	p.plan.Origin = types.StringValue(originAdopted)
	if state.LockStrategy.ValueString() == lockUnknown {
		p.plan.LockStrategy, p.plan.Capabilities = types.StringUnknown(), types.MapUnknown(types.StringType)
	}
}

// sameAs compares everything that a user can set.
func (p *bucketPlan) sameAs(s *stateBucketModel) bool {
	n := p.plan
	return n.Versioning.Equal(s.Versioning) && n.BlockPublicAccess.Equal(s.BlockPublicAccess) && n.RequireTLS.Equal(s.RequireTLS) &&
		n.Encryption.Equal(s.Encryption) && n.LifecycleRules.Equal(s.LifecycleRules) && n.ObjectLock.Equal(s.ObjectLock) &&
		n.Logging.Equal(s.Logging) && n.Tags.Equal(s.Tags) && n.Access.Equal(s.Access) && n.Policy.Equal(s.Policy) &&
		n.CallerPrincipal.Equal(s.CallerPrincipal) && n.AdoptExisting.Equal(s.AdoptExisting) &&
		n.DeletionProtection.Equal(s.DeletionProtection) && n.ForceDestroy.Equal(s.ForceDestroy) && n.FinalBackupTo.Equal(s.FinalBackupTo)
}

func isSubset(part, whole map[string]string) bool {
	for k, v := range part {
		if w, ok := whole[k]; !ok || w != v {
			return false
		}
	}
	return true
}

func coversPolicy(whole, part types.String, diags *diag.Diagnostics) bool {
	have := parsePolicy(whole, diags)
	for _, s := range parsePolicy(part, diags).Statements {
		if found, ok := have.Find(s.Sid); !ok || !s3store.SameStatement(found.Raw, s.Raw) {
			return false
		}
	}
	return true
}

func (p *bucketPlan) fillCreate(ctx context.Context, diags *diag.Diagnostics) {
	plan := p.plan
	r := resolver{profile: p.c.Profile(), origin: originCreated, creating: true}
	plan.Origin = types.StringValue(originCreated)
	if !plan.AdoptExisting.Equal(types.BoolValue(false)) {
		r.origin, plan.Origin = "", types.StringUnknown()
	}
	none := &stateBucketModel{}
	r.settings(ctx, p.config, none, plan, diags)
	plan.Tags = p.config.Tags
	plan.Access, plan.Policy = p.config.Access, p.config.Policy
	if r.origin == originCreated {
		plan.ObjectLock, plan.Logging = p.config.ObjectLock, p.config.Logging
	}
	if plan.Region.IsUnknown() && p.config.Region.IsNull() {
		plan.Region = types.StringValue(p.c.Region())
	}
	if !plan.Name.IsUnknown() && !plan.Region.IsUnknown() {
		plan.place(p.c)
	}
	plan.LockStrategy = plannedLock(p.c.Profile())
	plan.Capabilities, plan.Unsupported = types.MapUnknown(types.StringType), types.SetUnknown(types.StringType)
}

// plannedLock is what the profile promises; unknown means that the probe decides.
func plannedLock(p s3store.Profile) types.String {
	switch p.Lock {
	case s3store.LockSafe:
		return types.StringValue(lockLockfile)
	case s3store.LockUnsafe:
		return types.StringValue(lockNone)
	}
	return types.StringUnknown()
}

// refuseLacks speaks at plan time about settings that are written down and known to be missing.
func (p *bucketPlan) refuseLacks(ctx context.Context, diags *diag.Diagnostics) {
	l := lifecycleFrom(ctx, p.config.LifecycleRules, diags)
	rules := path.Root("lifecycle_rules")
	algorithm := p.config.Encryption.Attributes()["algorithm"]
	for _, demand := range []struct {
		capability s3store.Capability
		at         path.Path
		asked      bool
		call       string
	}{
		{s3store.CapVersioning, path.Root("versioning"), p.config.Versioning.ValueBool(), "PutBucketVersioning"},
		{s3store.CapPublicAccessBlock, path.Root("block_public_access"), p.config.BlockPublicAccess.ValueBool(), "PutPublicAccessBlock"},
		{s3store.CapRequireTLS, path.Root("require_tls"), p.config.RequireTLS.ValueBool(), "PutBucketPolicy"},
		{s3store.CapEncryption, path.Root("encryption"), algorithm != nil && !algorithm.Equal(types.StringValue(s3store.EncryptionNone)), "PutBucketEncryption"},
		{s3store.CapLifecycleNoncurrent, rules.AtName("noncurrent_expiration_days"), l.NoncurrentExpirationDays.ValueInt64() > 0, "PutBucketLifecycleConfiguration"},
		{s3store.CapLifecycleVersionsToKeep, rules.AtName("noncurrent_versions_to_keep"), l.NoncurrentVersionsToKeep.ValueInt64() > 0, "PutBucketLifecycleConfiguration"},
		{s3store.CapLifecycleAbortUploads, rules.AtName("abort_incomplete_uploads_days"), l.AbortIncompleteUploadsDays.ValueInt64() > 0, "PutBucketLifecycleConfiguration"},
		{s3store.CapLifecycleDeleteMarkers, rules.AtName("expire_delete_markers"), l.ExpireDeleteMarkers.ValueBool(), "PutBucketLifecycleConfiguration"},
		{s3store.CapLifecycleExpirations, rules.AtName("expirations"), len(l.Expirations.Elements()) > 0, "PutBucketLifecycleConfiguration"},
		{s3store.CapPolicy, path.Root("policy"), p.config.Policy.ValueString() != "", "PutBucketPolicy"},
		{s3store.CapPolicy, path.Root("access"), len(p.config.Access.Elements()) > 0 && !p.c.Profile().AccessElsewhere, "PutBucketPolicy"},
		{s3store.CapTags, path.Root("tags"), len(p.config.Tags.Elements()) > 0, "PutBucketTagging"},
		{s3store.CapObjectLock, path.Root("object_lock"), !p.config.ObjectLock.IsNull(), "PutObjectLockConfiguration"},
		{s3store.CapLogging, path.Root("logging"), !p.config.Logging.IsNull(), "PutBucketLogging"},
	} {
		r := resolver{profile: p.c.Profile()}
		if demand.asked && r.lacks(demand.capability) {
			diags.AddAttributeError(demand.at, "Setting Not Supported by the Service", fmt.Sprintf("%s at %s does not support %s (%s)%s. Leave it out of the configuration, or choose a service that has it.",
				p.c.Profile().DisplayName, p.c.Endpoint(), demand.capability, demand.call, because(p.c.Profile(), demand.capability)))
		}
	}
	p.checkAccess(ctx, diags)
}

// because is why a service lacks something, where that is known.
func because(p s3store.Profile, c s3store.Capability) string {
	if reason := p.Reason(c); reason != "" {
		return ": " + reason
	}
	return ""
}

// refuseAccess says where access is given on services whose bucket policies are not the place.
func (p *bucketPlan) refuseAccess(ctx context.Context, diags *diag.Diagnostics) bool {
	if len(p.config.Access.Elements()) == 0 {
		return false
	}
	entries := []s3store.Access{{}}
	if isFullyKnown(ctx, p.config.Access) {
		entries = accessFrom(ctx, p.config.Access, diags)
	}
	err := p.c.Profile().RefuseAccess(cmp.Or(p.config.Name.ValueString(), "BUCKET"), entries)
	if err != nil {
		addAttributeError(diags, path.Root("access"), "Access Is Given Elsewhere", err)
	}
	return err != nil
}

func (p *bucketPlan) checkAccess(ctx context.Context, diags *diag.Diagnostics) {
	if p.refuseAccess(ctx, diags) {
		return
	}
	dialect := p.c.Profile().Dialect
	needsCaller := len(p.config.Access.Elements()) > 0 || p.config.Policy.ValueString() != ""
	if dialect == s3store.DialectScaleway && needsCaller && p.config.CallerPrincipal.IsNull() {
		diags.AddAttributeError(path.Root("caller_principal"), "Caller Principal Required", fmt.Sprintf(
			"On %s a bucket policy denies everyone that it does not name, groundwork itself included. Set caller_principal to who groundwork runs as, such as application_id:<uuid>.",
			p.c.Profile().DisplayName))
	}
	if caller := p.config.CallerPrincipal; caller.ValueString() != "" {
		if err := s3store.CheckPrincipal(dialect, caller.ValueString()); err != nil {
			addAttributeError(diags, path.Root("caller_principal"), "Invalid Principal", err)
		}
	}
	if p.config.Access.IsNull() || !isFullyKnown(ctx, p.config.Access) {
		return
	}
	entries := accessFrom(ctx, p.config.Access, diags)
	if err := s3store.CheckAccess(dialect, entries); err != nil {
		addAttributeError(diags, path.Root("access"), "Invalid Access Entry", err)
	}
	if why := p.c.Profile().AccessWithoutEffect(cmp.Or(p.config.Name.ValueString(), "BUCKET"), entries); why != "" {
		diags.AddAttributeWarning(path.Root("access"), "Access Has No Effect on This Service", why)
	}
}
