package guard

import (
	"context"
	"errors"
	"fmt"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

// largestEmpty bounds the size of a state that may hold nothing; the tools write a few hundred bytes.
const largestEmpty = 64 << 10

// Missed returns a function that tells whether somebody would miss a version in a bucket which is
// about to be completed. A run whose own state is to be kept in that bucket is there before it: when
// an earlier run has lost its state between making the bucket and moving the state into it, the
// next one finds its own lock, those of others that failed, and the empty states that they wrote.
func Missed(c *s3store.Client, bucket string) func(context.Context, s3store.Version) (bool, error) {
	return func(ctx context.Context, v s3store.Version) (bool, error) {
		switch kind := statefile.ClassifyKey(v.Key).Kind; {
		case kind == statefile.KeyTerraformLock, kind == statefile.KeyPulumiLock, kind == statefile.KeyPulumiMeta:
			return false, nil
		case !kind.State(), v.Size > largestEmpty:
			return true, nil
		case v.DeleteMarker:
			return false, nil // what it hides is listed as well
		}
		return holdsSomething(ctx, c, bucket, v)
	}
}

// holdsSomething reads one version of a state. One that cannot be made sense of holds something.
func holdsSomething(ctx context.Context, c *s3store.Client, bucket string, v s3store.Version) (bool, error) {
	body, err := c.GetListed(ctx, bucket, v)
	if errors.Is(err, s3store.ErrNotFound) {
		return false, nil // deleted since it was listed
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = body.Close() }() // it was only read
	summary, err := statefile.Summarize(ctx, body, statefile.Options{Name: v.Key})
	var cut *statefile.ReadError
	switch {
	case errors.As(err, &cut):
		return false, fmt.Errorf("reading %q in bucket %q: %w", v.Key, bucket, err)
	case errors.Is(err, statefile.ErrEmpty):
		return false, nil
	case err != nil:
		return true, nil //nolint:nilerr // what it is nobody knows, so somebody may miss it
	}
	return summary.Live() || summary.Outputs > 0, nil
}
