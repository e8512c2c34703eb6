package s3store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// EnsureOptions say how a bucket may come to be.
type EnsureOptions struct {
	// Adopt takes over a bucket that already holds something.
	Adopt bool
	// ObjectLock creates the bucket able to lock objects, which most services allow only then.
	ObjectLock bool
	// Counts tells whether a version is something that the bucket holds; nil counts every one.
	// Objects of a probe never count.
	Counts func(context.Context, Version) (bool, error)
}

// HoldsObjectsError is a bucket that exists and holds something, met where a new one was wanted.
type HoldsObjectsError struct {
	Bucket, Endpoint string
	// Example is one of the keys.
	Example string
}

// Error implements error.
func (e *HoldsObjectsError) Error() string {
	return fmt.Sprintf("bucket %q at %s exists already and holds objects, %q among them", e.Bucket, e.Endpoint, e.Example)
}

// Is matches ErrAlreadyOwned.
func (e *HoldsObjectsError) Is(target error) bool { return target == ErrAlreadyOwned }

// Ensure makes sure that the bucket exists and is the caller's, and tells whether this call made
// it. It is safe to repeat: a bucket that exists and is empty counts as an earlier, interrupted
// attempt; one that holds anything is taken only with Adopt.
func (c *Client) Ensure(ctx context.Context, bucket string, opts EnsureOptions) (created bool, err error) {
	_, err = c.Head(ctx, bucket)
	if errors.Is(err, ErrNotFound) {
		err = c.create(ctx, bucket, opts)
		if err == nil {
			return true, nil
		}
		if errors.Is(err, ErrAlreadyOwned) || errors.Is(err, ErrAlreadyExists) {
			// Somebody was faster. If it was another run of ours, the bucket answers us; if the
			// name is taken by others, the first error says so best.
			if _, herr := c.Head(ctx, bucket); herr == nil {
				err = nil
			}
		}
	}
	if err != nil || opts.Adopt {
		return false, err
	}
	example, err := c.firstKey(ctx, bucket, opts.Counts)
	if err != nil {
		return false, err
	}
	if example != "" {
		return false, &HoldsObjectsError{Bucket: bucket, Endpoint: c.Endpoint(), Example: example}
	}
	return false, nil
}

func (c *Client) create(ctx context.Context, bucket string, opts EnsureOptions) error {
	in := &s3.CreateBucketInput{Bucket: &bucket}
	if opts.ObjectLock {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if c.cfg.Region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(c.cfg.Region),
		}
	}
	_, err := c.api.CreateBucket(ctx, in)
	return c.wrap("CreateBucket", bucket, "", err)
}

// firstKey returns the key of some version in the bucket, empty when there is none that counts.
// Objects of a probe do not: an attempt that was cut off may have left some, and another that runs
// at this moment has some.
func (c *Client) firstKey(ctx context.Context, bucket string, counts func(context.Context, Version) (bool, error)) (string, error) {
	for v, err := range c.Versions(ctx, bucket, "") {
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(v.Key, ProbePrefix) {
			continue
		}
		held := true
		if counts != nil {
			if held, err = counts(ctx, v); err != nil {
				return "", err
			}
		}
		if held {
			return v.Key, nil
		}
	}
	return "", nil
}
