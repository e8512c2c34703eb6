package matrix

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// written are the numbers that a bucket's lifecycle rules have to show.
type written struct{ noncurrent, keep, abort, expire int32 }

// shows asks the service with a client of the bare SDK what a bucket has, by code.
func (c *cell) shows(bucket string, want written) map[s3store.Capability]bool {
	c.t.Helper()
	ctx, client, b := c.t.Context(), c.client(c.t), aws.String(bucket)
	shown := map[s3store.Capability]bool{}
	if o, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: b}); c.answered(err) {
		shown[s3store.CapVersioning] = o.Status == types.BucketVersioningStatusEnabled
	}
	if o, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b}); c.answered(err) && o.ServerSideEncryptionConfiguration != nil {
		for _, r := range o.ServerSideEncryptionConfiguration.Rules {
			how := aws.ToString((*string)(&r.ApplyServerSideEncryptionByDefault.SSEAlgorithm))
			shown[s3store.CapEncryption] = how == "AES256" || how == "aws:kms" && aws.ToString(r.ApplyServerSideEncryptionByDefault.KMSMasterKeyID) == "alias/states"
		}
	}
	if o, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b}); c.answered(err) && o.PublicAccessBlockConfiguration != nil {
		p := o.PublicAccessBlockConfiguration
		shown[s3store.CapPublicAccessBlock] = aws.ToBool(p.BlockPublicAcls) && aws.ToBool(p.BlockPublicPolicy) &&
			aws.ToBool(p.IgnorePublicAcls) && aws.ToBool(p.RestrictPublicBuckets)
	}
	if o, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b}); c.answered(err) {
		shown[s3store.CapPolicy] = strings.Contains(aws.ToString(o.Policy), `"Demanded"`)
		shown[s3store.CapRequireTLS] = strings.Contains(aws.ToString(o.Policy), "aws:SecureTransport")
	}
	if o, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b}); c.answered(err) {
		for _, tag := range o.TagSet {
			shown[s3store.CapTags] = shown[s3store.CapTags] || aws.ToString(tag.Key) == "demanded" && aws.ToString(tag.Value) == "yes"
		}
	}
	if o, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: b}); c.answered(err) && o.ObjectLockConfiguration != nil {
		r := o.ObjectLockConfiguration.Rule
		shown[s3store.CapObjectLock] = r != nil && r.DefaultRetention != nil &&
			r.DefaultRetention.Mode == types.ObjectLockRetentionModeGovernance && aws.ToInt32(r.DefaultRetention.Days) == 1
	}
	if o, err := client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b}); c.answered(err) && o.LoggingEnabled != nil {
		shown[s3store.CapLogging] = aws.ToString(o.LoggingEnabled.TargetBucket) == c.logs && aws.ToString(o.LoggingEnabled.TargetPrefix) == "states/"
	}
	if o, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b}); c.answered(err) {
		for _, r := range o.Rules {
			want.find(r, shown)
		}
	}
	return shown
}

// find notes what one rule does.
func (w written) find(r types.LifecycleRule, shown map[s3store.Capability]bool) {
	note := func(code s3store.Capability, is bool) {
		shown[code] = shown[code] || is && r.Status == types.ExpirationStatusEnabled
	}
	if n := r.NoncurrentVersionExpiration; n != nil {
		note(s3store.CapLifecycleNoncurrent, aws.ToInt32(n.NoncurrentDays) == w.noncurrent)
		note(s3store.CapLifecycleVersionsToKeep, w.keep > 0 && aws.ToInt32(n.NewerNoncurrentVersions) == w.keep)
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil {
		note(s3store.CapLifecycleAbortUploads, aws.ToInt32(a.DaysAfterInitiation) == w.abort)
	}
	if e := r.Expiration; e != nil {
		note(s3store.CapLifecycleDeleteMarkers, aws.ToBool(e.ExpiredObjectDeleteMarker))
		note(s3store.CapLifecycleExpirations, w.expire > 0 && aws.ToInt32(e.Days) == w.expire && r.Filter != nil && aws.ToString(r.Filter.Prefix) == ".pulumi/backups/")
	}
}

// answered tells an answer from a refusal; a service that does not answer at all fails the test.
func (c *cell) answered(err error) bool {
	c.t.Helper()
	var api smithy.APIError
	if err != nil && !errors.As(err, &api) {
		c.t.Fatal(err)
	}
	return err == nil
}
