package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Version is one version of an object, or a delete marker. On a bucket that never had versioning
// the ID is "null".
type Version struct {
	Key, ID      string
	Size         int64
	ETag         string
	LastModified time.Time
	IsLatest     bool
	DeleteMarker bool
}

// versionPage is one page of ListObjectVersions, fetched ahead of its use.
type versionPage struct {
	versions []Version
	next     *s3.ListObjectVersionsInput
	err      error
}

// Versions lists versions and delete markers under a prefix in key order. The next page is
// fetched while the current one is consumed. Services that lack the call are listed as
// unversioned objects.
func (c *Client) Versions(ctx context.Context, bucket, prefix string) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		fetch := func(in *s3.ListObjectVersionsInput) <-chan versionPage {
			ch := make(chan versionPage, 1)
			go func() { ch <- c.versionPage(ctx, bucket, in) }()
			return ch
		}
		in := &s3.ListObjectVersionsInput{Bucket: &bucket}
		if prefix != "" {
			in.Prefix = &prefix
		}
		page := <-fetch(in)
		if errors.Is(page.err, ErrUnsupported) {
			c.listPlain(ctx, bucket, prefix, yield)
			return
		}
		for {
			if page.err != nil {
				yield(Version{}, page.err)
				return
			}
			var ahead <-chan versionPage
			if page.next != nil {
				ahead = fetch(page.next)
			}
			for _, v := range page.versions {
				if !yield(v, nil) {
					return
				}
			}
			if ahead == nil {
				return
			}
			page = <-ahead
		}
	}
}

func (c *Client) versionPage(ctx context.Context, bucket string, in *s3.ListObjectVersionsInput) versionPage {
	out, err := c.api.ListObjectVersions(ctx, in)
	if err != nil {
		return versionPage{err: c.wrap("ListObjectVersions", bucket, "", err)}
	}
	page := versionPage{versions: make([]Version, 0, len(out.Versions)+len(out.DeleteMarkers))}
	for _, v := range out.Versions {
		page.versions = append(page.versions, Version{
			Key: aws.ToString(v.Key), ID: aws.ToString(v.VersionId), Size: aws.ToInt64(v.Size),
			ETag: aws.ToString(v.ETag), LastModified: aws.ToTime(v.LastModified), IsLatest: aws.ToBool(v.IsLatest),
		})
	}
	for _, m := range out.DeleteMarkers {
		page.versions = append(page.versions, Version{
			Key: aws.ToString(m.Key), ID: aws.ToString(m.VersionId), DeleteMarker: true,
			LastModified: aws.ToTime(m.LastModified), IsLatest: aws.ToBool(m.IsLatest),
		})
	}
	if aws.ToBool(out.IsTruncated) {
		if out.NextKeyMarker == nil {
			page.err = fmt.Errorf("listing versions of bucket %q: the service says that there is more and not where", bucket)
			return page
		}
		page.next = &s3.ListObjectVersionsInput{
			Bucket: in.Bucket, Prefix: in.Prefix, KeyMarker: out.NextKeyMarker, VersionIdMarker: out.NextVersionIdMarker,
		}
	}
	return page
}

func (c *Client) listPlain(ctx context.Context, bucket, prefix string, yield func(Version, error) bool) {
	for o, err := range c.Objects(ctx, bucket, prefix) {
		if !yield(o, err) || err != nil {
			return
		}
	}
}

// Objects lists the current objects under a prefix in key order, without version IDs.
func (c *Client) Objects(ctx context.Context, bucket, prefix string) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		pages := s3.NewListObjectsV2Paginator(c.api, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			if err != nil {
				yield(Version{}, c.wrap("ListObjectsV2", bucket, "", err))
				return
			}
			for _, o := range out.Contents {
				v := Version{
					Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), ETag: aws.ToString(o.ETag),
					LastModified: aws.ToTime(o.LastModified), IsLatest: true,
				}
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// Get opens an object, or one version of it when versionID is not empty. The caller closes it.
func (c *Client) Get(ctx context.Context, bucket, key, versionID string) (io.ReadCloser, error) {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if versionID != "" && versionID != "null" {
		in.VersionId = &versionID
	}
	out, err := c.api.GetObject(ctx, in)
	if err != nil {
		return nil, c.wrap("GetObject", bucket, key, err)
	}
	return out.Body, nil
}

// Put writes an object whole and returns its version ID, which is empty without versioning.
func (c *Client) Put(ctx context.Context, bucket, key string, body io.ReadSeeker) (versionID string, err error) {
	out, err := c.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: body})
	if err != nil {
		return "", c.wrap("PutObject", bucket, key, err)
	}
	return aws.ToString(out.VersionId), nil
}

// PutIfAbsent writes an object only if no current one exists; ErrPreconditionFailed means that
// there is one. It is tried once: after a cut connection nobody can tell who won, and a second
// try would find its own first one.
func (c *Client) PutIfAbsent(ctx context.Context, bucket, key string, body []byte) (versionID string, err error) {
	out, err := c.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
	}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		return "", c.wrap("PutObject", bucket, key, err)
	}
	return aws.ToString(out.VersionId), nil
}

// DeleteObject deletes an object, or for good one version of it. Deleting what is not there is
// no error.
func (c *Client) DeleteObject(ctx context.Context, bucket, key, versionID string) error {
	in := &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}
	if versionID != "" {
		in.VersionId = &versionID
	}
	_, err := c.api.DeleteObject(ctx, in)
	if err = c.wrap("DeleteObject", bucket, key, err); errors.Is(err, ErrNotFound) {
		var ce *CallError
		if errors.As(err, &ce) && ce.Code != "NoSuchBucket" {
			return nil
		}
	}
	return err
}
