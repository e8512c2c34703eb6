package s3store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// Optional are the settings that nobody asked for: where the service lacks one, it is left out
// and reported. All others are demanded, and their lack is an error.
type Optional map[Capability]bool

// Apply changes what differs between want and have: all settings in one round, parallel where the
// service bears it, then the policy, which may shut others out. It returns the optional settings
// that the service refused. have is what Read returned, or an empty Observed for a bucket that was
// made just now. Object lock is not part of it, see ApplyObjectLock.
func (c *Client) Apply(ctx context.Context, bucket string, want Settings, have *Observed, optional Optional) ([]Capability, error) {
	parallel := -1
	if c.profile.SerialSettings {
		parallel = 1
	}
	return c.apply(ctx, bucket, want, have, optional, parallel)
}

// Reapply does the same strictly one call after the other. It is for settings that were accepted
// and are not there when read back: some services lose one of two changes made at once.
func (c *Client) Reapply(ctx context.Context, bucket string, want Settings, have *Observed, optional Optional) ([]Capability, error) {
	return c.apply(ctx, bucket, want, have, optional, 1)
}

func (c *Client) apply(ctx context.Context, bucket string, want Settings, have *Observed, optional Optional, parallel int) ([]Capability, error) {
	a := &applier{c: c, bucket: bucket, want: want, have: have, optional: optional}
	if err := a.refuseKnownLacks(); err != nil {
		return nil, err
	}
	if err := a.checkLifecycle(ctx); err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, step := range []func(context.Context) error{
		a.versioning, a.encryption, a.publicAccessBlock, a.lifecycle, a.tags, a.logging,
	} {
		g.Go(func() error {
			if gctx.Err() != nil {
				return gctx.Err()
			}
			return step(gctx)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := a.policy(ctx); err != nil {
		return nil, err
	}
	return SortCapabilities(a.lacking), nil
}

type applier struct {
	c        *Client
	bucket   string
	want     Settings
	have     *Observed
	optional Optional

	mu      sync.Mutex
	lacking []Capability
}

// Asked lists what the settings ask for, by capability. What they turn off or leave alone is not
// asked for.
func (s Settings) Asked() map[Capability]bool {
	l := deref(s.Lifecycle)
	return map[Capability]bool{
		CapVersioning:              deref(s.Versioning),
		CapEncryption:              s.Encryption != nil && s.Encryption.Algorithm != EncryptionNone,
		CapPublicAccessBlock:       deref(s.BlockPublicAccess),
		CapRequireTLS:              deref(s.RequireTLS),
		CapLifecycleNoncurrent:     deref(l.NoncurrentExpirationDays) > 0,
		CapLifecycleVersionsToKeep: deref(l.NoncurrentVersionsToKeep) > 0,
		CapLifecycleAbortUploads:   deref(l.AbortIncompleteUploadsDays) > 0,
		CapLifecycleDeleteMarkers:  deref(l.ExpireDeleteMarkers),
		CapLifecycleExpirations:    len(l.Expirations) > 0,
		CapPolicy:                  (s.Access != nil && len(*s.Access) > 0) || (s.Policy != nil && len(s.Policy.Statements) > 0),
		CapTags:                    s.Tags != nil && len(s.Tags.Set) > 0,
		CapObjectLock:              s.ObjectLock != nil,
		CapLogging:                 s.Logging != nil && s.Logging.TargetBucket != "",
	}
}

// refuseKnownLacks speaks before the first call about what the profile knows to be missing.
func (a *applier) refuseKnownLacks() error {
	if a.want.Access != nil && a.c.profile.AccessElsewhere {
		if err := a.c.profile.RefuseAccess(a.bucket, *a.want.Access); err != nil {
			return err
		}
	}
	asked := a.want.Asked()
	for _, capability := range Capabilities() {
		if !asked[capability] || a.c.profile.Supports(capability) != Unsupported {
			continue
		}
		if !a.optional[capability] {
			return a.c.knownLack(capability)
		}
		a.lacks(capability)
	}
	return nil
}

func (c *Client) knownLack(capability Capability) error {
	e := &UnsupportedError{Capability: capability, Service: c.profile.DisplayName, Because: c.profile.Reasons[capability]}
	if capability == CapRequireTLS && strings.HasPrefix(c.cfg.Endpoint, "http://") {
		e.Reason = "groundwork reaches the bucket at " + c.cfg.Endpoint + ", and would shut itself out"
	}
	return e
}

func (a *applier) lacks(capability Capability) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.lacking, capability) {
		a.lacking = append(a.lacking, capability)
	}
}

func (a *applier) isLacking(capability Capability) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.lacking, capability)
}

// settle turns a refusal of an optional setting into a note, and types the others.
func (a *applier) settle(capability Capability, op string, err error) error {
	err = a.c.wrap(op, a.bucket, "", err)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, ErrUnsupported):
		return err
	case a.optional[capability]:
		a.lacks(capability)
		return nil
	}
	return &UnsupportedError{Capability: capability, Service: a.c.profile.DisplayName, Call: op, Err: err}
}

func (a *applier) versioning(ctx context.Context) error {
	if a.want.Versioning == nil || *a.want.Versioning == a.have.VersioningEnabled() || a.isLacking(CapVersioning) {
		return nil
	}
	if *a.want.Versioning && a.c.profile.AlwaysVersioned && !a.have.read {
		return nil // there is nothing to switch on; what the bucket shows is compared later
	}
	status := types.BucketVersioningStatusEnabled
	if !*a.want.Versioning {
		status = types.BucketVersioningStatusSuspended
	}
	_, err := a.c.api.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &a.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	})
	return a.settle(CapVersioning, "PutBucketVersioning", err)
}

func (a *applier) encryption(ctx context.Context) error {
	w := a.want.Encryption
	if w == nil || a.isLacking(CapEncryption) {
		return nil
	}
	if w.Algorithm == EncryptionNone {
		if a.have.Encryption == nil {
			return nil
		}
		_, err := a.c.api.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: &a.bucket})
		return a.settle(CapEncryption, "DeleteBucketEncryption", err)
	}
	if a.have.Encryption != nil && *a.have.Encryption == *w {
		return nil
	}
	byDefault := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryption(w.Algorithm)}
	if w.KMSKeyID != "" {
		byDefault.KMSMasterKeyID = &w.KMSKeyID
	}
	rule := a.have.encryptionRule // what stands beside the algorithm stays
	rule.ApplyServerSideEncryptionByDefault = byDefault
	if w.Algorithm != EncryptionKMS {
		rule.BucketKeyEnabled = nil
	}
	_, err := a.c.api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: &a.bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{rule},
		},
	})
	return a.settle(CapEncryption, "PutBucketEncryption", err)
}

func (a *applier) publicAccessBlock(ctx context.Context) error {
	w := a.want.BlockPublicAccess
	if w == nil || *w == a.have.PublicAccessBlocked || a.isLacking(CapPublicAccessBlock) {
		return nil
	}
	if !*w {
		_, err := a.c.api.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: &a.bucket})
		return a.settle(CapPublicAccessBlock, "DeletePublicAccessBlock", err)
	}
	_, err := a.c.api.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
		Bucket: &a.bucket,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
			IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		},
	})
	return a.settle(CapPublicAccessBlock, "PutPublicAccessBlock", err)
}

func (a *applier) tags(ctx context.Context) error {
	if a.want.Tags == nil || a.isLacking(CapTags) {
		return nil
	}
	next := a.want.Tags.apply(a.have.Tags)
	if maps.Equal(next, a.have.Tags) || len(next)+len(a.have.Tags) == 0 {
		return nil
	}
	if len(next) == 0 {
		_, err := a.c.api.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: &a.bucket})
		return a.settle(CapTags, "DeleteBucketTagging", err)
	}
	set := make([]types.Tag, 0, len(next))
	for _, k := range slices.Sorted(maps.Keys(next)) {
		set = append(set, types.Tag{Key: aws.String(k), Value: aws.String(next[k])})
	}
	_, err := a.c.api.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &a.bucket, Tagging: &types.Tagging{TagSet: set}})
	return a.settle(CapTags, "PutBucketTagging", err)
}

func (a *applier) logging(ctx context.Context) error {
	w := a.want.Logging
	if w == nil || *w == deref(a.have.Logging) || a.isLacking(CapLogging) {
		return nil
	}
	status := &types.BucketLoggingStatus{}
	if w.TargetBucket != "" {
		enabled := a.have.loggingEnabled // grants and key format stay
		enabled.TargetBucket, enabled.TargetPrefix = &w.TargetBucket, &w.TargetPrefix
		status.LoggingEnabled = &enabled
	}
	_, err := a.c.api.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: &a.bucket, BucketLoggingStatus: status})
	return a.settle(CapLogging, "PutBucketLogging", err)
}
