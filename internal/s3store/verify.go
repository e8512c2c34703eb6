package s3store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NotKeptError is a setting that the service accepted and, when read back, does not show.
type NotKeptError struct {
	Bucket, Service string
	Capabilities    []Capability
}

// Error implements error.
func (e *NotKeptError) Error() string {
	names := make([]string, len(e.Capabilities))
	for i, c := range e.Capabilities {
		names[i] = string(c)
	}
	return fmt.Sprintf("bucket %q: %s accepted %s and shows something else when read back", e.Bucket, e.Service, strings.Join(names, ", "))
}

// Verify compares what was asked with what the bucket shows, leaving out what is known to lack.
// It proves that a setting is stored, not that it takes effect. Optional settings that were not
// kept are returned; any other is a *NotKeptError.
func (c *Client) Verify(bucket string, want Settings, lacking []Capability, have *Observed, optional Optional) ([]Capability, error) {
	known := map[Capability]bool{}
	for _, l := range lacking {
		known[l] = true
	}
	var soft, hard []Capability
	check := func(capability Capability, ok bool) {
		switch {
		case ok || known[capability]:
		case optional[capability]:
			soft = append(soft, capability)
		default:
			hard = append(hard, capability)
		}
	}
	if w := want.Versioning; w != nil {
		check(CapVersioning, *w == have.VersioningEnabled())
	}
	if w := want.Encryption; w != nil {
		check(CapEncryption, encryptionShows(*w, have.Encryption))
	}
	if w := want.BlockPublicAccess; w != nil {
		check(CapPublicAccessBlock, *w == have.PublicAccessBlocked)
	}
	if w := want.RequireTLS; w != nil {
		check(CapRequireTLS, *w == c.RequiresTLS(bucket, c.cfg.Region, have.Policy))
	}
	if w := want.Lifecycle; w != nil {
		verifyLifecycle(*w, have.Lifecycle.Owned, check)
	}
	if want.Tags != nil {
		check(CapTags, maps.Equal(want.Tags.apply(have.Tags), have.Tags))
	}
	if w := want.Logging; w != nil {
		check(CapLogging, *w == deref(have.Logging))
	}
	if want.Access != nil {
		check(CapPolicy, c.showsAccess(bucket, *want.Access, have.Policy))
	}
	if want.Policy != nil {
		check(CapPolicy, want.Policy.shows(have.Policy))
	}
	if len(hard) > 0 {
		return soft, &NotKeptError{Bucket: bucket, Service: c.profile.DisplayName, Capabilities: SortCapabilities(hard)}
	}
	return SortCapabilities(soft), nil
}

func encryptionShows(want Encryption, have *Encryption) bool {
	if want.Algorithm == EncryptionNone {
		return have == nil
	}
	// Services spell a key's alias out, so only its presence is compared.
	return have != nil && have.Algorithm == want.Algorithm
}

func verifyLifecycle(want, have Lifecycle, check func(Capability, bool)) {
	if want.NoncurrentExpirationDays != nil {
		check(CapLifecycleNoncurrent, deref(want.NoncurrentExpirationDays) == deref(have.NoncurrentExpirationDays))
	}
	if want.NoncurrentVersionsToKeep != nil {
		check(CapLifecycleVersionsToKeep, deref(want.NoncurrentVersionsToKeep) == deref(have.NoncurrentVersionsToKeep))
	}
	if want.AbortIncompleteUploadsDays != nil {
		check(CapLifecycleAbortUploads, deref(want.AbortIncompleteUploadsDays) == deref(have.AbortIncompleteUploadsDays))
	}
	if want.ExpireDeleteMarkers != nil {
		check(CapLifecycleDeleteMarkers, deref(want.ExpireDeleteMarkers) == deref(have.ExpireDeleteMarkers))
	}
	if want.Expirations != nil {
		check(CapLifecycleExpirations, maps.Equal(want.Expirations, have.Expirations))
	}
}

// showsAccess tells whether the policy holds exactly the entries, as groundwork writes them.
func (c *Client) showsAccess(bucket string, want []Access, have *PolicyDocument) bool {
	w := c.policyWriter(bucket, c.cfg.Region)
	var wanted []Statement
	for _, entry := range want {
		wanted = append(wanted, w.access(entry)...)
	}
	return SamePolicy(wanted, have.Select(func(s Statement) bool { return isAccessSid(s.Sid) }))
}

func (p *PolicyClaim) shows(have *PolicyDocument) bool {
	for _, s := range p.Statements {
		if found, ok := have.Find(s.Sid); !ok || !SameStatement(found.Raw, s.Raw) {
			return false
		}
	}
	for _, sid := range p.Remove {
		_, there := have.Find(sid)
		if there && !slices.ContainsFunc(p.Statements, func(s Statement) bool { return s.Sid == sid }) {
			return false
		}
	}
	return true
}
