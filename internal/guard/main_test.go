package guard

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func TestMain(m *testing.M) {
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
		for _, prefix := range []string{"AWS_", "SCW_", "GROUNDWORK_", "TF_DATA_DIR"} {
			if strings.HasPrefix(name, prefix) && name != toolchain.CacheVariable {
				errs = append(errs, os.Unsetenv(name))
			}
		}
	}
	return errors.Join(append(errs, os.Setenv("AWS_EC2_METADATA_DISABLED", "true"))...)
}

func clientAt(t testing.TB, endpoint string) *s3store.Client {
	t.Helper()
	server := testenv.MinIO(t)
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: "minio", Region: server.Region, Endpoint: endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		MaxRetries: 1, MaxBackoff: 5 * time.Millisecond,
	})
	must(t, err)
	return c
}

func client(t testing.TB) *s3store.Client {
	t.Helper()
	return clientAt(t, testenv.MinIO(t).Endpoint)
}

// proxied returns a client that reaches the shared server through a proxy of this test.
func proxied(t testing.TB) (*s3store.Client, *s3proxy.Proxy) {
	t.Helper()
	proxy := testenv.Proxy(t, testenv.MinIO(t))
	return clientAt(t, proxy.URL()), proxy
}

func newBucket(t testing.TB, c *s3store.Client, keepVersions bool) string {
	t.Helper()
	name := testenv.BucketName(t)
	_, err := c.Ensure(t.Context(), name, s3store.EnsureOptions{})
	must(t, err)
	if keepVersions {
		keepVersionsOf(t, c, name)
	}
	return name
}

func keepVersionsOf(t testing.TB, c *s3store.Client, bucket string) {
	t.Helper()
	on := true
	_, err := c.Apply(t.Context(), bucket, s3store.Settings{Versioning: &on}, &s3store.Observed{}, nil)
	must(t, err)
}

func put(t testing.TB, c *s3store.Client, bucket, key string, content []byte) {
	t.Helper()
	_, err := c.Put(t.Context(), bucket, key, bytes.NewReader(content))
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fixture returns a state that a real tool has written.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "statefile", "testdata", name))
	must(t, err)
	return data
}

func versionsOf(t testing.TB, c *s3store.Client, bucket string) []s3store.Version {
	t.Helper()
	var out []s3store.Version
	for v, err := range c.Versions(t.Context(), bucket, "") {
		must(t, err)
		out = append(out, v)
	}
	return out
}
