package s3store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// The size of one DeleteObjects call, S3's own limit, and how many run at once.
const (
	deleteBatch    = 1000
	deleteParallel = 4
)

// Purged counts what a purge removed.
type Purged struct {
	Versions, DeleteMarkers, Uploads int
}

// UndeletableError is a version that the service would not delete, such as one under retention.
type UndeletableError struct {
	Bucket, Key, VersionID string
	Code, Message          string
	// More is how many others of the same batch were refused.
	More int
}

func (e *UndeletableError) Error() string {
	s := fmt.Sprintf("bucket %q: version %s of %q cannot be deleted: %s", e.Bucket, e.VersionID, e.Key, e.Code)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.More > 0 {
		s += fmt.Sprintf(" (and %d more)", e.More)
	}
	return s
}

// Purge deletes every version, delete marker and unfinished upload in a bucket. It deletes as it
// lists, so that a purge that was cut off goes on where it stopped when it is repeated. progress
// may be nil; it is called from one goroutine at a time.
func (c *Client) Purge(ctx context.Context, bucket string, progress func(Purged)) (Purged, error) {
	done, err := c.purgeVersions(ctx, bucket, "", progress)
	if err != nil {
		return done, err
	}
	done.Uploads, err = c.abortUploads(ctx, bucket)
	return done, err
}

func (c *Client) purgePrefix(ctx context.Context, bucket, prefix string) error {
	_, err := c.purgeVersions(ctx, bucket, prefix, nil)
	return err
}

func (c *Client) purgeVersions(ctx context.Context, bucket, prefix string, progress func(Purged)) (Purged, error) {
	var (
		mu   sync.Mutex
		done Purged
	)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(deleteParallel)
	flush := func(batch []Version) {
		g.Go(func() error {
			n, err := c.deleteVersions(gctx, bucket, batch)
			mu.Lock()
			defer mu.Unlock()
			done.Versions += n.Versions
			done.DeleteMarkers += n.DeleteMarkers
			if progress != nil {
				progress(done)
			}
			return err
		})
	}
	var batch []Version
	var listErr error
	for v, err := range c.Versions(gctx, bucket, prefix) {
		if err != nil {
			listErr = err
			break
		}
		if batch = append(batch, v); len(batch) == deleteBatch {
			flush(batch)
			batch = nil
		}
	}
	if len(batch) > 0 && listErr == nil {
		flush(batch)
	}
	if err := g.Wait(); err != nil {
		return done, err // the deletion's own error; the listing only saw its context end
	}
	return done, listErr
}

// deleteVersions deletes one batch. What is gone already counts as deleted.
func (c *Client) deleteVersions(ctx context.Context, bucket string, batch []Version) (Purged, error) {
	var done Purged
	ids := make([]types.ObjectIdentifier, 0, len(batch))
	for _, v := range batch {
		id := types.ObjectIdentifier{Key: aws.String(v.Key)}
		if v.ID != "" {
			id.VersionId = aws.String(v.ID)
		}
		ids = append(ids, id)
	}
	out, err := c.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)},
	})
	if err = c.wrap("DeleteObjects", bucket, "", err); errors.Is(err, ErrUnsupported) {
		return c.deleteOneByOne(ctx, bucket, batch)
	}
	if err != nil {
		return done, err
	}
	refused := map[string]bool{}
	var first *UndeletableError
	for _, e := range out.Errors {
		if notFoundCodes[aws.ToString(e.Code)] {
			continue
		}
		refused[aws.ToString(e.Key)+"\x00"+aws.ToString(e.VersionId)] = true
		if first == nil {
			first = &UndeletableError{
				Bucket: bucket, Key: aws.ToString(e.Key), VersionID: aws.ToString(e.VersionId),
				Code: aws.ToString(e.Code), Message: aws.ToString(e.Message),
			}
			continue
		}
		first.More++
	}
	for _, v := range batch {
		if !refused[v.Key+"\x00"+v.ID] {
			done.count(v)
		}
	}
	if first != nil {
		return done, first
	}
	return done, nil
}

func (p *Purged) count(v Version) {
	if v.DeleteMarker {
		p.DeleteMarkers++
	} else {
		p.Versions++
	}
}

func (c *Client) deleteOneByOne(ctx context.Context, bucket string, batch []Version) (Purged, error) {
	var done Purged
	for _, v := range batch {
		if err := c.DeleteObject(ctx, bucket, v.Key, v.ID); err != nil {
			return done, err
		}
		done.count(v)
	}
	return done, nil
}

// abortUploads drops the parts of unfinished uploads, which keep a bucket from being deleted on
// some services and are invisible to a listing of objects.
func (c *Client) abortUploads(ctx context.Context, bucket string) (int, error) {
	n := 0
	pages := s3.NewListMultipartUploadsPaginator(c.api, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err = c.wrap("ListMultipartUploads", bucket, "", err); errors.Is(err, ErrUnsupported) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		for _, u := range out.Uploads {
			_, err := c.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: u.Key, UploadId: u.UploadId})
			if err = c.wrap("AbortMultipartUpload", bucket, aws.ToString(u.Key), err); err != nil && !errors.Is(err, ErrNotFound) {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// DeleteBucket deletes an empty bucket. A bucket that is gone already is no error.
func (c *Client) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := c.api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	if err = c.wrap("DeleteBucket", bucket, "", err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
