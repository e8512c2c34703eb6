package s3store

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func TestMain(m *testing.M) {
	if os.Getenv(proberBucket) != "" {
		if err := runProber(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Most tests wait for a server.
	flag.Parse()
	if err := errors.Join(flag.Set("test.parallel", "8"), cleanEnvironment()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Main(m)
}

// cleanEnvironment keeps the settings of the machine out: a test must not find credentials.
func cleanEnvironment() error {
	var errs []error
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"AWS_", "SCW_", "GROUNDWORK_"} {
			if strings.HasPrefix(name, prefix) && name != toolchain.CacheVariable {
				errs = append(errs, os.Unsetenv(name))
			}
		}
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		errs = append(errs, os.Setenv(name, os.DevNull))
	}
	return errors.Join(append(errs, os.Setenv("AWS_EC2_METADATA_DISABLED", "true"))...)
}

// configFor reaches a server with short pauses.
func configFor(server *minio.Server) Config {
	return Config{
		Service: "minio", Region: server.Region, Endpoint: server.Endpoint, CABundle: server.CAFile,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, MaxBackoff: 5 * time.Millisecond,
	}
}

func newClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// minioClient returns a client of the shared server; change adapts its configuration.
func minioClient(t testing.TB, change ...func(*Config)) *Client {
	t.Helper()
	cfg := configFor(testenv.MinIO(t))
	for _, f := range change {
		f(&cfg)
	}
	return newClient(t, cfg)
}

func service(name string) func(*Config) { return func(c *Config) { c.Service = name } }

// proxied returns a client that reaches the shared server through a proxy of this test.
func proxied(t testing.TB, change ...func(*Config)) (*Client, *s3proxy.Proxy) {
	t.Helper()
	proxy := testenv.Proxy(t, testenv.MinIO(t))
	return minioClient(t, append([]func(*Config){func(c *Config) { c.Endpoint = proxy.URL() }}, change...)...), proxy
}

// newBucket makes a bucket.
func newBucket(t testing.TB, c *Client) string {
	t.Helper()
	name := testenv.BucketName(t)
	if created, err := c.Ensure(t.Context(), name, EnsureOptions{}); err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	return name
}

// versioned makes a bucket that keeps versions.
func versioned(t testing.TB, c *Client) string {
	t.Helper()
	name := newBucket(t, c)
	must(t, c.setVersioning(t, name, types.BucketVersioningStatusEnabled))
	return name
}

func (c *Client) setVersioning(t testing.TB, bucket string, status types.BucketVersioningStatus) error {
	t.Helper()
	_, err := c.api.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status},
	})
	return err
}

func put(t testing.TB, c *Client, bucket, key, content string) string {
	t.Helper()
	id, err := c.Put(t.Context(), bucket, key, strings.NewReader(content))
	must(t, err)
	return id
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// versionsOf lists everything under a prefix.
func versionsOf(t testing.TB, c *Client, bucket, prefix string) []Version {
	t.Helper()
	var out []Version
	for v, err := range c.Versions(t.Context(), bucket, prefix) {
		must(t, err)
		out = append(out, v)
	}
	return out
}

// readBucket observes a bucket.
func readBucket(t testing.TB, c *Client, bucket string) *Observed {
	t.Helper()
	o, err := c.Read(t.Context(), bucket)
	must(t, err)
	return o
}

// latency of a network that is not a loopback.
const latency = 50 * time.Millisecond

func days(n int32) *int32 { return aws.Int32(n) }
