package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// bucketApply brings a bucket from what it is to what is wanted; Create and Update share it.
type bucketApply struct {
	c                   *s3store.Client
	config, prior, next *stateBucketModel
	have                *s3store.Observed
	// probe asks the live bucket whether lock objects hold.
	probe    bool
	creating bool
}

func (a *bucketApply) do(ctx context.Context, diags *diag.Diagnostics) {
	name := a.next.Name.ValueString()
	r := resolver{
		profile: a.c.Profile(), origin: a.next.Origin.ValueString(), creating: a.creating, applying: true,
		lacking: lackingFrom(ctx, a.prior.Unsupported, diags),
	}
	a.declaredAgain(ctx, r.lacking, diags)
	r.settings(ctx, a.config, a.prior, a.next, diags)
	want, opt := wanted(ctx, a.next, a.config, a.prior, diags), optional(ctx, a.config, diags)
	if diags.HasError() {
		return
	}
	lacking, err := a.c.Apply(ctx, name, want, a.have, opt)
	if err != nil {
		addError(diags, a.failed(), err)
		return
	}
	now, probed := a.lookAgain(ctx, name, want, diags)
	if diags.HasError() {
		return
	}
	notKept, err := a.c.Verify(name, want, lacking, now, opt)
	if err != nil || len(notKept) > 0 {
		// Lost to another change at the same time, most likely: once more, one by one.
		now, notKept, err = a.again(ctx, name, want, lacking, now, opt)
	}
	if err != nil {
		addError(diags, a.failed(), err)
		return
	}
	for _, l := range slices.Concat(lacking, notKept) {
		r.lacking[l] = true
	}
	for _, l := range s3store.Capabilities() {
		if a.creating && r.origin == originCreated && opt[l] && r.lacks(l) {
			r.lacking[l] = true // known from the profile: never sent, still to be reported
		}
	}
	r.settings(ctx, a.config, a.prior, a.next, diags)
	a.next.Unsupported = capabilitySet(r.lacking)
	a.settleCapabilities(ctx, probed, want, r.lacking, diags)
	a.settleLock(probed, diags)
	a.next.show(ctx, a.c, now, diags)
	a.warnLacking(r.lacking, diags)
}

func (a *bucketApply) again(
	ctx context.Context, name string, want s3store.Settings, lacking []s3store.Capability, now *s3store.Observed, opt s3store.Optional,
) (*s3store.Observed, []s3store.Capability, error) {
	if _, err := a.c.Reapply(ctx, name, want, now, opt); err != nil {
		return nil, nil, err
	}
	now, err := a.c.Read(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	notKept, err := a.c.Verify(name, want, lacking, now, opt)
	return now, notKept, err
}

func (a *bucketApply) failed() string {
	if a.creating {
		return "Unable to Create State Bucket"
	}
	return "Unable to Update State Bucket"
}

// declaredAgain forgets a lack that the configuration now demands: the service is asked anew.
func (a *bucketApply) declaredAgain(ctx context.Context, lacking map[s3store.Capability]bool, diags *diag.Diagnostics) {
	for c, left := range optional(ctx, a.config, diags) {
		if !left {
			delete(lacking, c)
		}
	}
}

// lookAgain reads the bucket back while the probe runs. Object lock comes after both: under a
// default retention the probe's objects could not be removed.
func (a *bucketApply) lookAgain(ctx context.Context, name string, want s3store.Settings, diags *diag.Diagnostics) (*s3store.Observed, *s3store.ProbeResult) {
	var now *s3store.Observed
	var probed *s3store.ProbeResult
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		now, err = a.c.Read(gctx, name)
		return err
	})
	if a.probe {
		g.Go(func() (err error) {
			probed, err = a.c.Probe(gctx, name)
			return err
		})
	}
	err := g.Wait()
	if err == nil && want.ObjectLock != nil {
		if err = a.c.ApplyObjectLock(ctx, name, want.ObjectLock, now); err == nil {
			now.ObjectLock = want.ObjectLock
		}
	}
	if err != nil {
		addError(diags, a.failed(), err)
		return nil, nil
	}
	return now, probed
}

// settleCapabilities says what is known now: what the probe found, and what was asked for, accepted
// and shown.
func (a *bucketApply) settleCapabilities(
	ctx context.Context, probed *s3store.ProbeResult, want s3store.Settings, lacking map[s3store.Capability]bool, diags *diag.Diagnostics,
) {
	found := knownCapabilities(ctx, a.prior.Capabilities, diags)
	if probed != nil {
		maps.Copy(found, probed.Capabilities)
	}
	if a.next.Capabilities.IsUnknown() { // otherwise the plan has promised what they are
		for c, asked := range want.Asked() {
			if !asked || lacking[c] {
				continue
			}
			found[c] = s3store.Supported
			if strings.HasPrefix(string(c), string(s3store.CapLifecycle)+".") {
				found[s3store.CapLifecycle] = s3store.Supported
			}
		}
	}
	a.next.Capabilities = capabilitiesOf(a.c.Profile(), lacking, found)
}

// settleLock decides lock_strategy. A profile's UNSAFE outranks a probe that passed, and a probe
// that failed outranks a profile's SAFE.
func (a *bucketApply) settleLock(probed *s3store.ProbeResult, diags *diag.Diagnostics) {
	p := a.c.Profile()
	if probed == nil {
		a.next.LockStrategy = a.prior.LockStrategy
		return
	}
	switch {
	case p.Lock == s3store.LockSafe && probed.Verdict == s3store.LockUnknown:
		a.next.LockStrategy = types.StringValue(lockLockfile)
		diags.AddWarning("Lock Strategy Not Probed", fmt.Sprintf("Bucket %q was not probed: %s. lock_strategy is what %s is known to do.",
			a.next.Name.ValueString(), probed.Reason, p.DisplayName))
	case p.Lock == s3store.LockSafe && probed.Verdict != s3store.LockSafe:
		diags.AddError("Lock Strategy Disproved", fmt.Sprintf("%s is known to hold lock objects, but on bucket %q they do not: %s.\n\n"+
			"States in it could be overwritten by two runs at once. Check that %s is really %s, and that no proxy drops request headers. "+
			"If this is how it is, configure the provider with service = \"custom\": lock_strategy is then \"none\".",
			p.DisplayName, a.next.Name.ValueString(), probed.Reason, a.c.Endpoint(), p.DisplayName))
	case p.Lock == s3store.LockUnsafe || probed.Verdict != s3store.LockSafe:
		reason := probed.Reason
		if p.Lock == s3store.LockUnsafe {
			reason = p.LockReason
		}
		a.next.LockStrategy = types.StringValue(lockNone)
		diags.AddWarning("States Cannot Be Locked in the Bucket", fmt.Sprintf("On bucket %q lock objects do not hold: %s. "+
			"lock_strategy is \"none\": serialise runs by other means.", a.next.Name.ValueString(), reason))
	default:
		a.next.LockStrategy = types.StringValue(lockLockfile)
	}
}

// warnLacking says once, when it turns out, what the service does not do.
func (a *bucketApply) warnLacking(lacking map[s3store.Capability]bool, diags *diag.Diagnostics) {
	if !a.creating || len(lacking) == 0 {
		return
	}
	var codes, reasons []string
	because := map[string][]string{}
	for _, c := range s3store.SortCapabilities(slices.Collect(maps.Keys(lacking))) {
		codes = append(codes, string(c))
		if reason := a.c.Profile().Reason(c); reason != "" {
			if because[reason] == nil {
				reasons = append(reasons, reason)
			}
			because[reason] = append(because[reason], string(c))
		}
	}
	var why strings.Builder
	for _, reason := range reasons {
		why.WriteString("\n\n" + strings.Join(because[reason], ", ") + ": " + reason + ".")
	}
	diags.AddWarning("Hardening Not Supported by the Service", fmt.Sprintf("%s does not do the following for bucket %q, so it was left out: %s. The attribute unsupported holds the list.%s",
		a.c.Profile().DisplayName, a.next.Name.ValueString(), strings.Join(codes, ", "), why.String()))
}

// capabilitiesOf joins what the profile says with what was found on the live bucket.
func capabilitiesOf(p s3store.Profile, lacking map[s3store.Capability]bool, found map[s3store.Capability]s3store.Support) types.Map {
	elements := map[string]attr.Value{}
	for _, c := range s3store.Capabilities() {
		s := p.Supports(c)
		if f, ok := found[c]; ok && f != s3store.Unknown {
			s = f
		}
		if lacking[c] {
			s = s3store.Unsupported
		}
		elements[string(c)] = types.StringValue(string(s))
	}
	return types.MapValueMust(types.StringType, elements)
}

func knownCapabilities(ctx context.Context, m types.Map, diags *diag.Diagnostics) map[s3store.Capability]s3store.Support {
	out := map[s3store.Capability]s3store.Support{}
	for c, s := range stringMap(ctx, m, diags) {
		out[s3store.Capability(c)] = s3store.Support(s)
	}
	return out
}
