package s3store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ApplyObjectLock sets the default retention. It comes after the probe, whose objects would
// otherwise be kept for as long.
func (c *Client) ApplyObjectLock(ctx context.Context, bucket string, want *ObjectLock, have *Observed) error {
	if want == nil || (have.ObjectLock != nil && *have.ObjectLock == *want) {
		return nil
	}
	conf := &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}
	if want.Mode != "" {
		conf.Rule = &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{
			Mode: types.ObjectLockRetentionMode(want.Mode), Days: aws.Int32(want.Days),
		}}
	}
	_, err := c.api.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: &bucket, ObjectLockConfiguration: conf})
	err = c.wrap("PutObjectLockConfiguration", bucket, "", err)
	if errors.Is(err, ErrUnsupported) {
		return &UnsupportedError{Capability: CapObjectLock, Service: c.profile.DisplayName, Call: "PutObjectLockConfiguration", Err: err}
	}
	return err
}
