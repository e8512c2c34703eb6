package s3store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Version is one version of an object, or a delete marker. The ID is "null" of what was written
// while the bucket kept no versions, which need not be the current version.
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

// Versions lists versions and delete markers under a prefix in key order, those of one key from the
// newest to the oldest. The next page is fetched while the current one is consumed. Services that lack the call are listed as
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
		in := &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}
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
	d := keyDecoder{encoded: out.EncodingType == types.EncodingTypeUrl}
	page := versionPage{versions: make([]Version, 0, len(out.Versions)+len(out.DeleteMarkers))}
	for _, v := range out.Versions {
		page.versions = append(page.versions, Version{
			Key: d.key(v.Key), ID: aws.ToString(v.VersionId), Size: aws.ToInt64(v.Size),
			ETag: aws.ToString(v.ETag), LastModified: aws.ToTime(v.LastModified), IsLatest: aws.ToBool(v.IsLatest),
		})
	}
	for _, m := range out.DeleteMarkers {
		page.versions = append(page.versions, Version{
			Key: d.key(m.Key), ID: aws.ToString(m.VersionId), DeleteMarker: true,
			LastModified: aws.ToTime(m.LastModified), IsLatest: aws.ToBool(m.IsLatest),
		})
	}
	// The SDK hands versions and markers out apart: put them back into one order.
	slices.SortStableFunc(page.versions, func(a, b Version) int {
		latest := func(v Version) int { return map[bool]int{true: 0, false: 1}[v.IsLatest] }
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(latest(a), latest(b)), b.LastModified.Compare(a.LastModified))
	})
	if aws.ToBool(out.IsTruncated) {
		next := *in
		next.KeyMarker, next.VersionIdMarker = aws.String(d.key(out.NextKeyMarker)), out.NextVersionIdMarker
		page.next = &next
		if *next.KeyMarker == "" || (*next.KeyMarker == aws.ToString(in.KeyMarker) &&
			aws.ToString(next.VersionIdMarker) == aws.ToString(in.VersionIdMarker)) {
			page.err = endlessError("ListObjectVersions", bucket)
		}
	}
	if d.err != nil {
		page.err = fmt.Errorf("listing versions of bucket %q: %w", bucket, d.err)
	}
	return page
}

// keyDecoder undoes the encoding of listed keys. They are asked for URL-encoded, since XML cannot
// carry all the characters that a key may have; not every service does so.
type keyDecoder struct {
	encoded bool
	err     error
}

func (d *keyDecoder) key(p *string) string {
	key := aws.ToString(p)
	if !d.encoded {
		return key
	}
	plain, err := url.QueryUnescape(key)
	if err != nil {
		d.err = fmt.Errorf("the listed key %q is not encoded as announced: %w", key, err)
		return key
	}
	return plain
}

// endlessError stops a listing that would otherwise never end, or end too early.
func endlessError(op, bucket string) error {
	return fmt.Errorf("%s on bucket %q: the service says that there is more, and not where it goes on", op, bucket)
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
		in := &s3.ListObjectsV2Input{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}
		if prefix != "" {
			in.Prefix = &prefix
		}
		for {
			out, err := c.api.ListObjectsV2(ctx, in)
			if err != nil {
				yield(Version{}, c.wrap("ListObjectsV2", bucket, "", err))
				return
			}
			d := keyDecoder{encoded: out.EncodingType == types.EncodingTypeUrl}
			for _, o := range out.Contents {
				v := Version{
					Key: d.key(o.Key), Size: aws.ToInt64(o.Size), ETag: aws.ToString(o.ETag),
					LastModified: aws.ToTime(o.LastModified), IsLatest: true,
				}
				if d.err != nil {
					yield(Version{}, fmt.Errorf("listing bucket %q: %w", bucket, d.err))
					return
				}
				if !yield(v, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) {
				return
			}
			token := aws.ToString(out.NextContinuationToken)
			if token == "" || token == aws.ToString(in.ContinuationToken) {
				yield(Version{}, endlessError("ListObjectsV2", bucket))
				return
			}
			in.ContinuationToken = &token
		}
	}
}

// Get opens an object, or one version of it when versionID is not empty. The caller closes it.
func (c *Client) Get(ctx context.Context, bucket, key, versionID string) (io.ReadCloser, error) {
	out, err := c.get(ctx, bucket, key, versionID)
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

func (c *Client) get(ctx context.Context, bucket, key, versionID string) (*s3.GetObjectOutput, error) {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if versionID != "" {
		in.VersionId = &versionID
	}
	out, err := c.api.GetObject(ctx, in)
	return out, c.wrap("GetObject", bucket, key, err)
}

// ChangedError is an object that is not any more what a listing showed.
type ChangedError struct{ Bucket, Key, VersionID string }

// Error implements error.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("bucket %q: %q was overwritten after it was listed", e.Bucket, e.Key)
}

// GetListed opens exactly what a listing showed, or fails with a *ChangedError. The caller closes
// it.
func (c *Client) GetListed(ctx context.Context, bucket string, v Version) (io.ReadCloser, error) {
	out, err := c.get(ctx, bucket, v.Key, v.ID)
	if v.ID == unversioned && isVersionRefusal(err) {
		// Some services list this ID and do not take it; the ETag tells whether it is the same.
		out, err = c.get(ctx, bucket, v.Key, "")
	}
	if err != nil {
		return nil, err
	}
	if is := aws.ToString(out.ETag); is != "" && v.ETag != "" && strings.Trim(is, `"`) != strings.Trim(v.ETag, `"`) {
		_ = out.Body.Close() // nothing was read
		return nil, &ChangedError{Bucket: bucket, Key: v.Key, VersionID: v.ID}
	}
	return out.Body, nil
}

// unversioned is the version ID of what was written while a bucket kept no versions.
const unversioned = "null"

func isVersionRefusal(err error) bool {
	var ce *CallError
	return errors.Is(err, ErrUnsupported) ||
		errors.As(err, &ce) && (ce.Code == "InvalidArgument" || ce.Code == "InvalidVersionId")
}

// GetStart reads the first bytes of an object, at most n.
func (c *Client) GetStart(ctx context.Context, bucket, key string, n int64) ([]byte, error) {
	out, err := c.api.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=0-%d", n-1)),
	})
	if err = c.wrap("GetObject", bucket, key, err); err != nil {
		var ce *CallError
		if errors.As(err, &ce) && ce.Code == "InvalidRange" {
			return nil, nil // the object is empty
		}
		return nil, err
	}
	start, err := io.ReadAll(io.LimitReader(out.Body, n))
	if cerr := out.Body.Close(); err == nil {
		err = cerr
	}
	return start, c.wrap("GetObject", bucket, key, err)
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
	return c.deleteObject(ctx, in)
}

func (c *Client) deleteObject(ctx context.Context, in *s3.DeleteObjectInput, optFns ...func(*s3.Options)) error {
	_, err := c.api.DeleteObject(ctx, in, optFns...)
	if err = c.wrap("DeleteObject", *in.Bucket, *in.Key, err); errors.Is(err, ErrNotFound) {
		var ce *CallError
		if errors.As(err, &ce) && ce.Code != "NoSuchBucket" {
			return nil
		}
	}
	return err
}
