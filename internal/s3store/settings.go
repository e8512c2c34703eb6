package s3store

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Settings is what a bucket should be. A nil field is left alone: groundwork neither reads a
// wish into it nor changes it.
type Settings struct {
	// Versioning on, or suspended.
	Versioning *bool
	// Encryption by default; algorithm EncryptionNone removes it.
	Encryption *Encryption
	// BlockPublicAccess sets all four flags of the public access block, or removes it.
	BlockPublicAccess *bool
	// RequireTLS denies requests over plain http, by a policy statement.
	RequireTLS *bool
	// Lifecycle rules that groundwork owns.
	Lifecycle *Lifecycle
	// Access lists the principals that the policy lets in; nil leaves groundwork's statements.
	Access *[]Access
	// CallerPrincipal is who groundwork itself acts as, where a policy shuts out everyone else.
	CallerPrincipal string
	// Policy are raw statements to merge, by Sid.
	Policy *PolicyClaim
	// Tags to set and tags to take away.
	Tags *TagChange
	// ObjectLock default retention.
	ObjectLock *ObjectLock
	// Logging target; an empty target bucket turns logging off.
	Logging *Logging
}

// The values of Encryption.Algorithm.
const (
	EncryptionAES256 = "AES256"
	EncryptionKMS    = "aws:kms"
	EncryptionNone   = "none"
)

// Encryption is a bucket's default encryption.
type Encryption struct {
	Algorithm string
	KMSKeyID  string
}

// Lifecycle is what groundwork's own rules do. A nil field is left alone, 0 and false remove.
type Lifecycle struct {
	// NoncurrentExpirationDays deletes versions that many days after they were superseded.
	NoncurrentExpirationDays *int32
	// NoncurrentVersionsToKeep keeps that many superseded versions however old they are.
	NoncurrentVersionsToKeep *int32
	// AbortIncompleteUploadsDays drops the parts of uploads that were never completed.
	AbortIncompleteUploadsDays *int32
	// ExpireDeleteMarkers removes delete markers that hide nothing any more.
	ExpireDeleteMarkers *bool
	// Expirations deletes current objects under a prefix after so many days. Nil leaves alone.
	Expirations map[string]int32
}

// ObjectLock is a bucket's default retention.
type ObjectLock struct {
	// Mode is GOVERNANCE or COMPLIANCE; empty means that no default retention is set.
	Mode string
	// Days of retention.
	Days int32
}

// Logging is where a bucket's access log goes.
type Logging struct {
	TargetBucket string
	TargetPrefix string
}

// TagChange declares tags. Tags that are named in neither field are foreign and stay.
type TagChange struct {
	Set    map[string]string
	Remove []string
}

// apply returns the whole tag set after the change.
func (t *TagChange) apply(current map[string]string) map[string]string {
	next := maps.Clone(current)
	if next == nil {
		next = map[string]string{}
	}
	for _, k := range t.Remove {
		delete(next, k)
	}
	maps.Copy(next, t.Set)
	return next
}

// Observed is what a bucket is. Whatever the service refuses to tell stands in Unsupported.
type Observed struct {
	// Region that the service names, empty when it names none.
	Region string
	// Versioning is Enabled, Suspended or empty.
	Versioning string
	// Encryption is nil when none is set.
	Encryption *Encryption
	// PublicAccessBlocked is true when all four flags are set.
	PublicAccessBlocked bool
	// Lifecycle holds groundwork's own rules as settings, and the foreign ones untouched.
	Lifecycle LifecycleDocument
	// Policy is nil when there is none.
	Policy *PolicyDocument
	// Tags are all the tags, foreign ones included.
	Tags map[string]string
	// ObjectLock is nil when the bucket cannot lock objects.
	ObjectLock *ObjectLock
	// Logging is nil when off.
	Logging *Logging
	// Unsupported are the settings that the service refused to tell.
	Unsupported map[Capability]bool

	// read is false for what stands in for a bucket that was made just now.
	read bool
	// encryptionRule and loggingEnabled hold what groundwork has no setting for, to be sent back.
	encryptionRule types.ServerSideEncryptionRule
	loggingEnabled types.LoggingEnabled
}

// VersioningEnabled tells whether new versions are kept.
func (o *Observed) VersioningEnabled() bool { return o.Versioning == "Enabled" }

// UnsupportedError is a setting that the user asked for and the service lacks.
type UnsupportedError struct {
	// Capability that is missing.
	Capability Capability
	// Service and Call say whose answer it is; Call is empty when the profile knew.
	Service, Call string
	// Err is the refusal; nil when the profile knew.
	Err error
	// Reason, where the service is not at fault.
	Reason string
	// Because is why the service lacks it, where that is known.
	Because string
	// Advice is what to do, where there is more to say than to do without.
	Advice string
}

// Error names the service and the call.
func (e *UnsupportedError) Error() string {
	if e.Reason != "" {
		return string(e.Capability) + " is not possible here: " + e.Reason
	}
	s := e.Service + " does not support " + string(e.Capability)
	if e.Call != "" {
		s += " (" + e.Call + ")"
	}
	switch {
	case e.Err != nil:
		s += ": " + e.Err.Error()
	case e.Because != "":
		s += ": " + e.Because
	}
	return s
}

func (e *UnsupportedError) hint() string {
	switch {
	case e.Reason != "":
		return "Leave the setting out of the configuration, or give an https endpoint."
	case e.Advice != "":
		return e.Advice
	}
	return "Leave the setting out of the configuration, or choose a service that has it."
}

// Unwrap gives the refusal.
func (e *UnsupportedError) Unwrap() error { return e.Err }

// Is matches ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }

// SortCapabilities sorts codes into reporting order and drops duplicates.
func SortCapabilities(codes []Capability) []Capability {
	order := Capabilities()
	slices.SortFunc(codes, func(a, b Capability) int {
		return slices.Index(order, a) - slices.Index(order, b)
	})
	return slices.Compact(codes)
}
