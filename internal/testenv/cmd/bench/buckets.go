package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// parallel is how many buckets are worked on at once: Terraform's own default.
const parallel = 10

// The jobs.
const (
	jobCreate  = "create"
	jobRefresh = "refresh"
)

// contender is one way to do both jobs.
type contender struct {
	create, refresh way
}

// way makes n buckets whose names begin with prefix, or finds out what they are like now.
type way struct {
	name string
	do   func(ctx context.Context, prefix string, n int) error
}

// bareSDK is what the others are compared with.
const bareSDK = "AWS SDK, bare calls"

func (l *lab) contenders(ctx context.Context) ([]contender, error) {
	api := l.server.ClientFor(l.proxy.URL())
	engine, err := s3store.New(ctx, s3store.Config{
		Service: "minio", Endpoint: l.proxy.URL(), Region: l.server.Region,
		AccessKey: l.server.AccessKey, SecretKey: l.server.SecretKey, Version: "bench",
	})
	if err != nil {
		return nil, err
	}
	return []contender{
		{way{bareSDK, each(bareCreate(api))}, way{bareSDK, each(bareRefresh(api))}},
		{way{"groundwork's engine, no probe", each(engineCreate(engine, false))}, way{}},
		{way{"groundwork's engine", each(engineCreate(engine, true))}, way{"groundwork's engine", each(engineRefresh(engine))}},
		{way{"terraform apply", l.apply}, way{"terraform plan", l.plan}},
	}, nil
}

// each runs a job on every bucket, some at a time.
func each(job func(context.Context, string) error) func(context.Context, string, int) error {
	return func(ctx context.Context, prefix string, n int) error {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i := range n {
			g.Go(func() error { return job(ctx, fmt.Sprintf("%s-%d", prefix, i)) })
		}
		return g.Wait()
	}
}

// bareCreate is what a short script does: the calls that make the same bucket, one after the other,
// with no look at what is there, no proof that locks hold and no reading back.
func bareCreate(api *s3.Client) func(context.Context, string) error {
	return func(ctx context.Context, bucket string) error {
		if _, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err == nil {
			return fmt.Errorf("bucket %q exists already", bucket)
		}
		if _, err := api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			return err
		}
		if _, err := api.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		}); err != nil {
			return err
		}
		if _, err := api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
			Bucket: &bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
				Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
				}},
			},
		}); err != nil {
			return err
		}
		everything := &types.LifecycleRuleFilter{Prefix: aws.String("")}
		_, err := api.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
				{
					ID: aws.String("noncurrent"), Status: types.ExpirationStatusEnabled, Filter: everything,
					NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(90)},
				}, {
					ID: aws.String("delete-markers"), Status: types.ExpirationStatusEnabled, Filter: everything,
					Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)},
				},
			}},
		})
		return err
	}
}

// bareRefresh reads the same settings back, one after the other.
func bareRefresh(api *s3.Client) func(context.Context, string) error {
	return func(ctx context.Context, bucket string) error {
		if _, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err != nil {
			return err
		}
		if _, err := api.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket}); err != nil {
			return err
		}
		if _, err := api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket}); err != nil {
			return err
		}
		_, err := api.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
		return err
	}
}

// engineCreate does what the provider does to create a bucket, without a plan around it.
func engineCreate(c *s3store.Client, probe bool) func(context.Context, string) error {
	want := s3store.Settings{
		Versioning: aws.Bool(true), Encryption: &s3store.Encryption{Algorithm: s3store.EncryptionAES256},
		Lifecycle: &s3store.Lifecycle{NoncurrentExpirationDays: aws.Int32(90), ExpireDeleteMarkers: aws.Bool(true)},
	}
	return func(ctx context.Context, bucket string) error {
		if _, err := c.Ensure(ctx, bucket, s3store.EnsureOptions{}); err != nil {
			return err
		}
		lacking, err := c.Apply(ctx, bucket, want, &s3store.Observed{}, nil)
		if err != nil {
			return err
		}
		var now *s3store.Observed
		g, gctx := errgroup.WithContext(ctx)
		g.Go(func() (err error) {
			now, err = c.Read(gctx, bucket)
			return err
		})
		if probe {
			g.Go(func() error { return proveLock(gctx, c, bucket) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		_, err = c.Verify(bucket, want, lacking, now, nil)
		return err
	}
}

func proveLock(ctx context.Context, c *s3store.Client, bucket string) error {
	result, err := c.Probe(ctx, bucket)
	if err == nil && result.Verdict != s3store.LockSafe {
		err = fmt.Errorf("locks do not hold on bucket %q: %s", bucket, result.Reason)
	}
	return err
}

func engineRefresh(c *s3store.Client) func(context.Context, string) error {
	return func(ctx context.Context, bucket string) error {
		_, err := c.Read(ctx, bucket)
		return err
	}
}

func (l *lab) apply(ctx context.Context, prefix string, n int) error {
	return l.terraform(ctx, append([]string{"apply", "-auto-approve"}, arguments(prefix, n)...)...)
}

// plan refreshes, and fails if anything would change: exit code 2.
func (l *lab) plan(ctx context.Context, prefix string, n int) error {
	return l.terraform(ctx, append([]string{"plan", "-detailed-exitcode"}, arguments(prefix, n)...)...)
}

func arguments(prefix string, n int) []string {
	return []string{
		"-var", "prefix=" + prefix, "-var", fmt.Sprintf("buckets=%d", n), "-state=" + prefix + ".tfstate",
		fmt.Sprintf("-parallelism=%d", parallel),
	}
}

// buckets measures every contender on n buckets and adds what it finds to the report. Contenders
// take turns, so that all of them meet the same state of the machine.
func (l *lab) buckets(ctx context.Context, r *report, n, repeats int, note func(string, ...any)) error {
	contenders, err := l.contenders(ctx)
	if err != nil {
		return err
	}
	created, refreshed := make([][]sample, len(contenders)), make([][]sample, len(contenders))
	for i := range repeats {
		for at, c := range contenders {
			note("%s: %s, run %d of %d", c.create.name, count(n, "bucket"), i+1, repeats)
			prefix := "bench-" + strings.ToLower(rand.Text()[:10])
			if created[at], err = l.sample(ctx, c.create, prefix, n, created[at]); err != nil {
				return err
			}
			if refreshed[at], err = l.sample(ctx, c.refresh, prefix, n, refreshed[at]); err != nil {
				return err
			}
		}
	}
	for at, c := range contenders {
		r.add(jobCreate, c.create.name, n, created[at])
	}
	for at, c := range contenders {
		r.add(jobRefresh, c.refresh.name, n, refreshed[at])
	}
	return nil
}

// sample is one measurement.
type sample struct {
	requests, rounds int
	took             time.Duration
}

func (l *lab) sample(ctx context.Context, w way, prefix string, n int, samples []sample) ([]sample, error) {
	if w.do == nil {
		return samples, nil
	}
	l.proxy.Reset()
	start := time.Now()
	if err := w.do(ctx, prefix, n); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", w.name, count(n, "bucket"), err)
	}
	took := time.Since(start)
	return append(samples, sample{requests: len(l.proxy.Requests()), rounds: l.proxy.Rounds(), took: took}), nil
}

// median is the sample in the middle by time.
func median(samples []sample) sample {
	sorted := slices.SortedFunc(slices.Values(samples), func(a, b sample) int { return int(a.took - b.took) })
	return sorted[len(sorted)/2]
}
