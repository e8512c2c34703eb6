package s3store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Capability is one thing that a service may or may not do. The string is a stable code: it
// stands in the provider's `unsupported` and `capabilities` attributes.
type Capability string

// The capabilities, in the order in which they are reported.
const (
	CapVersioning               Capability = "versioning"
	CapEncryption               Capability = "encryption"
	CapPublicAccessBlock        Capability = "public_access_block"
	CapRequireTLS               Capability = "require_tls"
	CapLifecycle                Capability = "lifecycle"
	CapLifecycleNoncurrent      Capability = "lifecycle.noncurrent_expiration_days"
	CapLifecycleVersionsToKeep  Capability = "lifecycle.noncurrent_versions_to_keep"
	CapLifecycleAbortUploads    Capability = "lifecycle.abort_incomplete_uploads_days"
	CapLifecycleDeleteMarkers   Capability = "lifecycle.expire_delete_markers"
	CapLifecycleExpirations     Capability = "lifecycle.expirations"
	CapPolicy                   Capability = "policy"
	CapTags                     Capability = "tags"
	CapObjectLock               Capability = "object_lock"
	CapLogging                  Capability = "logging"
	CapConditionalPut           Capability = "conditional_put"
	CapConditionalPutAfterDrop  Capability = "conditional_put_after_delete"
	CapConditionalPutConcurrent Capability = "conditional_put_concurrent"
)

// Capabilities lists every capability in reporting order.
func Capabilities() []Capability {
	return []Capability{
		CapVersioning, CapEncryption, CapPublicAccessBlock, CapRequireTLS, CapLifecycle,
		CapLifecycleNoncurrent, CapLifecycleVersionsToKeep, CapLifecycleAbortUploads,
		CapLifecycleDeleteMarkers, CapLifecycleExpirations, CapPolicy, CapTags, CapObjectLock,
		CapLogging, CapConditionalPut, CapConditionalPutAfterDrop, CapConditionalPutConcurrent,
	}
}

// Support says whether a service has a capability.
type Support string

// The three answers. Unknown means: ask the live endpoint.
const (
	Unknown     Support = "unknown"
	Supported   Support = "supported"
	Unsupported Support = "unsupported"
)

// LockVerdict says whether the service's conditional writes can carry a lock object.
type LockVerdict string

// The verdicts. LockUnsafe outranks a probe that passed: a race that did not show up in a few
// hundred writes is still a race.
const (
	LockUnknown LockVerdict = "unknown"
	LockSafe    LockVerdict = "safe"
	LockUnsafe  LockVerdict = "unsafe"
)

// PolicyDialect is the language of a service's bucket policies.
type PolicyDialect string

// The dialects.
const (
	// DialectAWS is version 2012-10-17 with ARNs.
	DialectAWS PolicyDialect = "aws"
	// DialectScaleway is version 2023-04-17 with SCW principals and bare bucket names, where a
	// policy denies everyone that it does not name.
	DialectScaleway PolicyDialect = "scaleway"
	// DialectKeys is DialectAWS with access keys for principals: services whose accounts have no ARN.
	DialectKeys PolicyDialect = "aws-keys"
	// DialectNone is for services without bucket policies.
	DialectNone PolicyDialect = "none"
)

// Source is where a profile's facts come from.
type Source struct {
	// URL of the page or file.
	URL string
	// Date of the page as read, ISO 8601.
	Date string
}

// OtherEndpoint is an address of a service beside Profile.Endpoint.
type OtherEndpoint struct {
	// URL with {region} in it.
	URL string
	// Calls and Reasons are what is otherwise there than the profile says.
	Calls   map[Capability]Support
	Reasons map[Capability]string
}

// Profile is what is known about one S3-compatible service before talking to it.
type Profile struct {
	// Name is the value of the provider's `service` attribute.
	Name string
	// DisplayName is for messages.
	DisplayName string
	// Endpoint is the URL with {region} in it; empty when the user has to give one, and for AWS,
	// whose SDK resolves its own.
	Endpoint string
	// RegionEndpoints are the regions whose endpoint is not spelled as the others' is.
	RegionEndpoints map[string]string
	// EndpointRequired says that only the user can know the endpoint, EndpointLike what it looks
	// like where that is known.
	EndpointRequired bool
	EndpointLike     string
	// OtherEndpoints are the service's further addresses of the same buckets.
	OtherEndpoints []OtherEndpoint
	// Domains are further host names of the service, or the ends of such with a leading dot, by
	// which an endpoint is recognised.
	Domains []string
	// Regions are the known regions; empty means any.
	Regions []string
	// DefaultRegion is used when nothing else names one; empty means that one has to be named.
	DefaultRegion string
	// PathStyle addresses buckets in the path, for servers without wildcard DNS.
	PathStyle bool
	// Dialect of the bucket policies.
	Dialect PolicyDialect
	// AccessKeyVars, SecretKeyVars, RegionVars and ProjectVars are the service's own environment
	// variables, first match wins.
	AccessKeyVars, SecretKeyVars, RegionVars, ProjectVars []string
	// Lock is the verdict on conditional writes, LockReason the evidence for it.
	Lock       LockVerdict
	LockReason string
	// AWSChecksums leaves the SDK's own checksum choice on; other services get checksums only
	// where the call requires one, as Content-MD5.
	AWSChecksums bool
	// TrailingChecksums says whether the service takes a body whose checksum follows it, which is what
	// the tools send over https unless they are told not to.
	TrailingChecksums Support
	// AlwaysVersioned is a service that keeps versions of everything and has nothing to switch on.
	AlwaysVersioned bool
	// AccessElsewhere is a service on which keys, tokens or roles say who may use a bucket, and not
	// the bucket's policy, see Guide.
	AccessElsewhere bool
	// AnonymousPolicies is a service that asks bucket policies about requests that are not signed, and
	// about nobody else.
	AnonymousPolicies bool
	// SerialSettings sends settings one after the other: MinIO reads, changes and writes one
	// document for all of them without a lock, so that parallel calls lose each other's change.
	SerialSettings bool
	// IsAWS marks the service that needs none of the skip flags in a backend block.
	IsAWS bool
	// Calls says what is supported; a capability that is absent is Unknown.
	Calls map[Capability]Support
	// Reasons say why something is unsupported, where that is not simply a call that is missing. A
	// reason continues "does not support X: ".
	Reasons map[Capability]string
	// Sources of all this.
	Sources []Source
}

// Supports answers for one capability.
func (p Profile) Supports(c Capability) Support {
	if s, ok := p.Calls[c]; ok {
		return s
	}
	return Unknown
}

// Reason is why a service lacks something, where that is known. What is said of lifecycle rules as a
// whole holds for each of them.
func (p Profile) Reason(c Capability) string {
	whole, _, _ := strings.Cut(string(c), ".")
	return cmp.Or(p.Reasons[c], p.Reasons[Capability(whole)])
}

// EndpointFor returns the endpoint URL for a region, empty when the SDK or the user decides.
func (p Profile) EndpointFor(region string) string {
	if at, ok := p.RegionEndpoints[region]; ok {
		return at
	}
	return strings.ReplaceAll(p.Endpoint, regionMark, region)
}

// regionOf is the inverse of EndpointFor, empty for an endpoint that is not the service's own. The
// region may be a new one, of which the profile does not know yet.
func (p Profile) regionOf(endpoint string) string {
	for region, at := range p.RegionEndpoints {
		if endpoint == at {
			return region
		}
	}
	for _, template := range p.templates() {
		if region := regionIn(template, endpoint); region != "" {
			return region
		}
	}
	return ""
}

// inRegion is the same address of the service in another region, for an endpoint of its own.
func (p Profile) inRegion(endpoint, region string) string {
	for _, other := range p.OtherEndpoints {
		if regionIn(other.URL, endpoint) != "" {
			return strings.ReplaceAll(other.URL, regionMark, region)
		}
	}
	return p.EndpointFor(region)
}

// regionMark stands for the region in an endpoint.
const regionMark = "{region}"

// templates are the endpoints with a region in them.
func (p Profile) templates() []string {
	all := []string{p.Endpoint}
	for _, other := range p.OtherEndpoints {
		all = append(all, other.URL)
	}
	return slices.DeleteFunc(all, func(at string) bool { return !strings.Contains(at, regionMark) })
}

// regionIn reads the region out of an endpoint, empty where it is not spelled as the template is.
func regionIn(template, endpoint string) string {
	before, after, _ := strings.Cut(template, regionMark)
	rest, ok := strings.CutPrefix(endpoint, before)
	region, ok2 := strings.CutSuffix(rest, after)
	if !ok || !ok2 || strings.ContainsAny(region, "./:") {
		return ""
	}
	return region
}

// isAt tells whether a host name belongs to an endpoint with a region in it: whatever the region, and
// with or without a bucket before it.
func isAt(host, template string) bool {
	_, domain, templated := strings.Cut(template, regionMark)
	return templated && strings.HasSuffix(host, domain)
}

// serves tells whether a host name is one of the service's own.
func (p Profile) serves(host string) bool {
	if slices.ContainsFunc(p.templates(), func(at string) bool { return isAt(host, at) }) {
		return true
	}
	for _, at := range p.RegionEndpoints {
		if at == "https://"+host {
			return true
		}
	}
	return slices.ContainsFunc(p.Domains, func(domain string) bool {
		return host == domain || strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain)
	})
}

// CheckRegion refuses a region that the service does not have.
func (p Profile) CheckRegion(region string) error {
	if len(p.Regions) == 0 || slices.Contains(p.Regions, region) {
		return nil
	}
	return fmt.Errorf("%s has no region %q; its regions are %s", p.DisplayName, region, strings.Join(p.Regions, ", "))
}

// ServiceNames lists the profiles by name, in documentation order.
func ServiceNames() []string {
	names := make([]string, 0, len(profiles))
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// ProfileByName finds a profile.
func ProfileByName(name string) (Profile, error) {
	for _, p := range profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("unknown service %q; the services are %s", name, strings.Join(ServiceNames(), ", "))
}

// forEndpoint adjusts what follows from how the service is reached: which of its addresses it is, and
// that a bucket behind a plain-http one cannot demand TLS without locking everyone out.
func (p Profile) forEndpoint(endpoint string) Profile {
	host := hostOf(endpoint)
	for _, other := range p.OtherEndpoints {
		if isAt(host, other.URL) {
			p.Calls, p.Reasons = overlaid(p.Calls, other.Calls), overlaid(p.Reasons, other.Reasons)
		}
	}
	if strings.HasPrefix(endpoint, "http://") {
		p.Calls = overlaid(p.Calls, map[Capability]Support{CapRequireTLS: Unsupported})
	}
	return p
}

// overlaid is a copy: profiles are shared.
func overlaid[V any](under, over map[Capability]V) map[Capability]V {
	out := make(map[Capability]V, len(under)+len(over))
	maps.Copy(out, under)
	maps.Copy(out, over)
	return out
}
