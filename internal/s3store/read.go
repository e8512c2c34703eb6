package s3store

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// Head asks whether a bucket exists and may be used. It returns the region that the service
// names, which is empty on services that name none.
func (c *Client) Head(ctx context.Context, bucket string) (region string, err error) {
	out, err := c.api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion), nil
	}
	err = c.wrap("HeadBucket", bucket, "", err)
	var ce *CallError
	if errors.As(err, &ce) && (ce.Status == http.StatusForbidden || ce.Status == http.StatusBadRequest) && !errors.Is(err, ErrWrongRegion) {
		// An answer to HEAD has no body, so it cannot say why. A GET can.
		_, why := c.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, MaxKeys: aws.Int32(1)})
		if why = c.wrap("ListObjectsV2", bucket, "", why); why != nil {
			return "", why
		}
	}
	return "", err
}

// Read observes a bucket in one round of parallel calls. A bucket that does not exist is
// ErrNotFound. What the profile says is unsupported is not asked.
func (c *Client) Read(ctx context.Context, bucket string) (*Observed, error) {
	o := &Observed{Unsupported: map[Capability]bool{}, read: true}
	r := &reader{c: c, bucket: bucket, out: o}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		region, err := c.Head(ctx, bucket)
		o.Region = region
		return err
	})
	r.ask(ctx, g, CapVersioning, "GetBucketVersioning", r.versioning)
	r.ask(ctx, g, CapEncryption, "GetBucketEncryption", r.encryption)
	r.ask(ctx, g, CapPublicAccessBlock, "GetPublicAccessBlock", r.publicAccessBlock)
	r.ask(ctx, g, CapLifecycle, "GetBucketLifecycleConfiguration", r.lifecycle)
	r.ask(ctx, g, CapPolicy, "GetBucketPolicy", r.policy)
	r.ask(ctx, g, CapTags, "GetBucketTagging", r.tags)
	r.ask(ctx, g, CapObjectLock, "GetObjectLockConfiguration", r.objectLock)
	r.ask(ctx, g, CapLogging, "GetBucketLogging", r.logging)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return o, nil
}

// reader fills one Observed; each call writes fields of its own.
type reader struct {
	c      *Client
	bucket string
	mu     sync.Mutex
	out    *Observed
}

var errNoAnswer = errors.New("the answer holds no configuration")

func (r *reader) ask(ctx context.Context, g *errgroup.Group, capability Capability, op string, call func(context.Context) error) {
	if r.c.profile.Supports(capability) == Unsupported {
		r.unsupported(capability)
		return
	}
	g.Go(func() error {
		err := r.c.wrap(op, r.bucket, "", call(ctx))
		var ce *CallError
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errNoAnswer), errors.Is(err, ErrUnsupported):
			r.unsupported(capability)
			return nil
		case errors.Is(err, ErrNotFound) && errors.As(err, &ce) && ce.Code != "NoSuchBucket":
			return nil // the setting is not set; a missing bucket is the HeadBucket's to tell
		}
		return err
	})
}

func (r *reader) unsupported(capability Capability) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Unsupported[capability] = true
}

func (r *reader) versioning(ctx context.Context) error {
	out, err := r.c.api.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &r.bucket})
	if err == nil {
		r.out.Versioning = string(out.Status)
	}
	return err
}

func (r *reader) encryption(ctx context.Context) error {
	out, err := r.c.api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &r.bucket})
	if err != nil {
		return err
	}
	if out.ServerSideEncryptionConfiguration == nil {
		if r.c.profile.Supports(CapEncryption) == Supported {
			return nil // an empty answer, which is how Scaleway may say that nothing is set
		}
		return errNoAnswer
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if d := rule.ApplyServerSideEncryptionByDefault; d != nil {
			r.out.Encryption = &Encryption{Algorithm: string(d.SSEAlgorithm), KMSKeyID: aws.ToString(d.KMSMasterKeyID)}
			r.out.encryptionRule = rule
		}
	}
	return nil
}

func (r *reader) publicAccessBlock(ctx context.Context) error {
	out, err := r.c.api.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &r.bucket})
	if err != nil {
		return err
	}
	b := out.PublicAccessBlockConfiguration
	if b == nil {
		return errNoAnswer // a service that answered some other call in its place
	}
	r.out.PublicAccessBlocked = aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.BlockPublicPolicy) &&
		aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets)
	return nil
}

func (r *reader) lifecycle(ctx context.Context) error {
	var body []byte
	out, err := r.c.api.GetBucketLifecycleConfiguration(ctx,
		&s3.GetBucketLifecycleConfigurationInput{Bucket: &r.bucket}, captureBody(&body))
	if err != nil {
		return err
	}
	if r.out.Lifecycle, err = ParseLifecycle(body); err == nil {
		r.out.Lifecycle.transitionMinimum = out.TransitionDefaultMinimumObjectSize
	}
	return err
}

func (r *reader) policy(ctx context.Context) error {
	out, err := r.c.api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &r.bucket})
	if err != nil {
		return err
	}
	if aws.ToString(out.Policy) == "" {
		return nil
	}
	r.out.Policy, err = ParsePolicy(*out.Policy)
	return err
}

func (r *reader) tags(ctx context.Context) error {
	out, err := r.c.api.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &r.bucket})
	if err != nil {
		return err
	}
	r.out.Tags = make(map[string]string, len(out.TagSet))
	for _, t := range out.TagSet {
		r.out.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return nil
}

func (r *reader) objectLock(ctx context.Context) error {
	out, err := r.c.api.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &r.bucket})
	if err != nil {
		return err
	}
	conf := out.ObjectLockConfiguration
	if conf == nil || conf.ObjectLockEnabled != types.ObjectLockEnabledEnabled {
		return nil
	}
	r.out.ObjectLock = &ObjectLock{}
	if conf.Rule != nil && conf.Rule.DefaultRetention != nil {
		d := conf.Rule.DefaultRetention
		r.out.ObjectLock.Mode = string(d.Mode)
		r.out.ObjectLock.Days = aws.ToInt32(d.Days) + 365*aws.ToInt32(d.Years)
	}
	return nil
}

func (r *reader) logging(ctx context.Context) error {
	out, err := r.c.api.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &r.bucket})
	if err == nil && out.LoggingEnabled != nil {
		r.out.loggingEnabled = *out.LoggingEnabled
		r.out.Logging = &Logging{
			TargetBucket: aws.ToString(out.LoggingEnabled.TargetBucket),
			TargetPrefix: aws.ToString(out.LoggingEnabled.TargetPrefix),
		}
	}
	return err
}
