package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxSmall is the most that ReadSmall reads. A lock is some hundred bytes.
const maxSmall = 1 << 20

// Small is an object that was read whole, and exactly which one it was.
type Small struct {
	Key  string
	Body []byte
	// VersionID is empty on a bucket that never kept versions, and "null" on some services.
	VersionID    string
	ETag         string
	LastModified time.Time
}

// Versioned tells that the version ID names this content and no other one.
func (o Small) Versioned() bool { return o.VersionID != "" && o.VersionID != unversioned }

// ReadSmall reads the current content of an object of at most 1 MiB, together with its version and
// ETag.
func (c *Client) ReadSmall(ctx context.Context, bucket, key string) (Small, error) {
	out, err := c.get(ctx, bucket, key, "")
	if err != nil {
		return Small{}, err
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, maxSmall+1))
	if cerr := out.Body.Close(); err == nil {
		err = cerr
	}
	if err == nil && len(body) > maxSmall {
		err = fmt.Errorf("it is larger than %d bytes", maxSmall)
	}
	if err != nil {
		return Small{}, c.wrap("GetObject", bucket, key, err)
	}
	return Small{
		Key: key, Body: body, VersionID: aws.ToString(out.VersionId), ETag: aws.ToString(out.ETag),
		LastModified: aws.ToTime(out.LastModified),
	}, nil
}

// CreateSmall writes a JSON object only if no current one exists; ErrPreconditionFailed means that
// there is one. Like PutIfAbsent it is tried once: after any other error the object may be there.
func (c *Client) CreateSmall(ctx context.Context, bucket, key string, body []byte) (Small, error) {
	return c.putOnce(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
	}, body)
}

// ReplaceSmall writes a JSON object only if the current one is still the one that was seen;
// ErrPreconditionFailed means that it is not. A service that ignores the condition overwrites.
func (c *Client) ReplaceSmall(ctx context.Context, bucket string, seen Small, body []byte) (Small, error) {
	return c.putOnce(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &seen.Key, Body: bytes.NewReader(body), IfMatch: &seen.ETag,
	}, body)
}

// PutSmall writes a JSON object, whatever is there.
func (c *Client) PutSmall(ctx context.Context, bucket, key string, body []byte) error {
	_, err := c.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String(jsonType),
	})
	return c.wrap("PutObject", bucket, key, err)
}

// DeleteSmall removes the current object, whatever it is. It is tried once: a second call, after an answer
// that was lost, could meet what somebody else has written since.
func (c *Client) DeleteSmall(ctx context.Context, bucket, key string) error {
	return c.deleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
}

// jsonType is the media type that the tools give to their locks.
const jsonType = "application/json"

func (c *Client) putOnce(ctx context.Context, in *s3.PutObjectInput, body []byte) (Small, error) {
	in.ContentType = aws.String(jsonType)
	out, err := c.api.PutObject(ctx, in, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		err = c.wrap("PutObject", *in.Bucket, *in.Key, err)
		var ce *CallError
		if in.IfMatch != nil && errors.As(err, &ce) && ce.kind == ErrNotFound && ce.Code != "NoSuchBucket" { //nolint:errorlint // kinds are compared as such
			ce.kind = ErrPreconditionFailed // what was seen is gone altogether
		}
		return Small{}, err
	}
	return Small{Key: *in.Key, Body: body, VersionID: aws.ToString(out.VersionId), ETag: aws.ToString(out.ETag)}, nil
}
