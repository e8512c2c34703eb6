package s3store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// The size of one DeleteObjects call, S3's own limit, and how many run at once.
const (
	deleteBatch    = 1000
	deleteParallel = 4
	// singleParallel calls run at once where versions have to be deleted one by one.
	singleParallel = 8
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

// Error implements error.
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

func (e *UndeletableError) hint() string {
	return "Either the credentials lack the right to delete versions (s3:DeleteObjectVersion), or object lock retains this one: " +
		"a retention or legal hold has to end first. Repeat the command then; what was deleted so far stays deleted."
}

// LeftBehindError says what a purge met that it was not to delete.
type LeftBehindError struct {
	Bucket, Key string
	// Count of the versions, of which one has the key.
	Count int
}

// Error implements error.
func (e *LeftBehindError) Error() string {
	return fmt.Sprintf("bucket %q: %d versions were left, one of %q among them: they were written after it was decided what to delete", e.Bucket, e.Count, e.Key)
}

// Purge deletes every version, delete marker and unfinished upload in a bucket. It deletes as it
// lists, so that a purge that was cut off goes on where it stopped when it is repeated. progress
// may be nil; it is called from one goroutine at a time.
func (c *Client) Purge(ctx context.Context, bucket string, progress func(Purged)) (Purged, error) {
	return c.PurgeOnly(ctx, bucket, nil, progress)
}

// PurgeOnly is Purge for the versions that only says yes to; the others stay, and are told by a
// *LeftBehindError when all else is done.
func (c *Client) PurgeOnly(ctx context.Context, bucket string, only func(Version) bool, progress func(Purged)) (Purged, error) {
	p := &purge{c: c, bucket: bucket, only: only, progress: progress}
	if err := p.run(ctx, ""); err != nil {
		return p.done, err
	}
	var err error
	if p.done.Uploads, err = c.abortUploads(ctx, bucket); err != nil {
		return p.done, err
	}
	if p.left.Count > 0 {
		return p.done, &p.left
	}
	return p.done, nil
}

func (c *Client) purgePrefix(ctx context.Context, bucket, prefix string) error {
	return (&purge{c: c, bucket: bucket}).run(ctx, prefix)
}

// purge deletes versions in batches while they are listed.
type purge struct {
	c        *Client
	bucket   string
	only     func(Version) bool
	progress func(Purged)
	left     LeftBehindError
	failed   atomic.Bool

	mu   sync.Mutex
	done Purged
}

func (p *purge) run(ctx context.Context, prefix string) error {
	var g errgroup.Group // without a context: what is under way when one fails is finished
	g.SetLimit(deleteParallel)
	var batch []Version
	flush := func() {
		full := batch
		batch = nil
		g.Go(func() error { return p.delete(ctx, full) })
	}
	var listErr error
	for v, err := range p.c.Versions(ctx, p.bucket, prefix) {
		if listErr = err; err != nil || p.failed.Load() {
			break
		}
		if p.only != nil && !p.only(v) {
			p.left = LeftBehindError{Bucket: p.bucket, Key: v.Key, Count: p.left.Count + 1}
			continue
		}
		if batch = append(batch, v); len(batch) == deleteBatch {
			flush()
		}
	}
	if len(batch) > 0 && listErr == nil && !p.failed.Load() {
		flush()
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return listErr
}

func (p *purge) delete(ctx context.Context, batch []Version) error {
	n, err := p.c.deleteVersions(ctx, p.bucket, batch)
	if err != nil {
		p.failed.Store(true)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Versions += n.Versions
	p.done.DeleteMarkers += n.DeleteMarkers
	if p.progress != nil {
		p.progress(p.done)
	}
	return err
}

// deleteVersions deletes one batch. What is gone already counts as deleted.
func (c *Client) deleteVersions(ctx context.Context, bucket string, batch []Version) (Purged, error) {
	var single, many []Version
	for _, v := range batch {
		if xmlSafe(v.Key) {
			many = append(many, v)
		} else {
			single = append(single, v)
		}
	}
	done, retry, err := c.deleteMany(ctx, bucket, many)
	if err != nil {
		return done, err
	}
	rest, err := c.deleteOneByOne(ctx, bucket, append(single, retry...))
	return Purged{Versions: done.Versions + rest.Versions, DeleteMarkers: done.DeleteMarkers + rest.DeleteMarkers}, err
}

// xmlSafe tells whether a key survives in the XML body of DeleteObjects. One that does not would
// be taken for another key, whose deletion succeeds because it does not exist.
func xmlSafe(key string) bool {
	if !utf8.ValidString(key) {
		return false
	}
	for _, r := range key {
		if r < 0x20 && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// deleteMany makes one DeleteObjects call. It returns what is to be tried again one by one: all of
// it where the service lacks the call.
func (c *Client) deleteMany(ctx context.Context, bucket string, batch []Version) (done Purged, again []Version, err error) {
	if len(batch) == 0 {
		return done, nil, nil
	}
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
		return done, batch, nil
	}
	if err != nil {
		return done, nil, err
	}
	refusals := refusalsOf(out.Errors)
	var first *UndeletableError
	refuse := func(key, id string, e types.Error) {
		if first == nil {
			first = &UndeletableError{Bucket: bucket, Key: key, VersionID: id, Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)}
			return
		}
		first.More++
	}
	for _, v := range batch {
		at := v.Key + "\x00" + v.ID
		refusal, refused := refusals[at]
		delete(refusals, at)
		switch {
		case !refused:
			done.count(v)
		case passingCodes[aws.ToString(refusal.Code)]:
			again = append(again, v)
		default:
			refuse(v.Key, v.ID, refusal)
		}
	}
	for _, e := range refusals { // spelled in another way than asked, and refused all the same
		refuse(aws.ToString(e.Key), aws.ToString(e.VersionId), e)
	}
	if first != nil {
		return done, nil, first
	}
	return done, again, nil
}

// passingCodes are refusals of a single key that say nothing against another try.
var passingCodes = map[string]bool{
	"InternalError": true, "SlowDown": true, "ServiceUnavailable": true, "OperationAborted": true, "RequestTimeout": true,
}

// refusalsOf indexes the refusals by key and version; what is not there any more is none.
func refusalsOf(list []types.Error) map[string]types.Error {
	out := make(map[string]types.Error, len(list))
	for _, e := range list {
		if !notFoundCodes[aws.ToString(e.Code)] {
			out[aws.ToString(e.Key)+"\x00"+aws.ToString(e.VersionId)] = e
		}
	}
	return out
}

func (p *Purged) count(v Version) {
	if v.DeleteMarker {
		p.DeleteMarkers++
	} else {
		p.Versions++
	}
}

func (c *Client) deleteOneByOne(ctx context.Context, bucket string, batch []Version) (Purged, error) {
	var (
		mu   sync.Mutex
		done Purged
	)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(singleParallel)
	for _, v := range batch {
		g.Go(func() error {
			if err := c.DeleteObject(gctx, bucket, v.Key, v.ID); err != nil {
				return undeletable(err, v)
			}
			mu.Lock()
			defer mu.Unlock()
			done.count(v)
			return nil
		})
	}
	err := g.Wait()
	return done, err
}

// undeletable types a refusal of one version as DeleteObjects would have told it.
func undeletable(err error, v Version) error {
	var ce *CallError
	if errors.As(err, &ce) && (errors.Is(err, ErrAccessDenied) || ce.Code == "InvalidRequest" || ce.Code == "ObjectLocked") {
		return &UndeletableError{Bucket: ce.Bucket, Key: v.Key, VersionID: v.ID, Code: ce.Code, Message: ce.Message}
	}
	return err
}

// abortUploads drops the parts of unfinished uploads, which keep a bucket from being deleted on
// some services and are invisible to a listing of objects.
func (c *Client) abortUploads(ctx context.Context, bucket string) (int, error) {
	n := 0
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl}
	for {
		out, err := c.api.ListMultipartUploads(ctx, in)
		if err = c.wrap("ListMultipartUploads", bucket, "", err); errors.Is(err, ErrUnsupported) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		d := keyDecoder{encoded: out.EncodingType == types.EncodingTypeUrl}
		for _, u := range out.Uploads {
			if err := c.abortUpload(ctx, bucket, d.key(u.Key), aws.ToString(u.UploadId)); err != nil {
				return n, err
			}
			n++
		}
		if !aws.ToBool(out.IsTruncated) {
			return n, d.err
		}
		key, upload := d.key(out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)
		if d.err != nil {
			return n, d.err
		}
		if key == "" || (key == aws.ToString(in.KeyMarker) && upload == aws.ToString(in.UploadIdMarker)) {
			return n, endlessError("ListMultipartUploads", bucket)
		}
		in.KeyMarker, in.UploadIdMarker = &key, &upload
	}
}

func (c *Client) abortUpload(ctx context.Context, bucket, key, id string) error {
	_, err := c.api.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &id})
	if err = c.wrap("AbortMultipartUpload", bucket, key, err); errors.Is(err, ErrNotFound) {
		return nil // completed or aborted meanwhile
	}
	return err
}

// DeleteBucket deletes an empty bucket. A bucket that is gone already is no error.
func (c *Client) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := c.api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	if err = c.wrap("DeleteBucket", bucket, "", err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
