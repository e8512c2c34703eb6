package s3store

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

// Over https, in a region other than the default one, with an authority of one's own.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := testenv.StartMinIO(t, minio.Options{TLS: true, Region: "fr-par"})
	// MinIO stores the Deny and enforces it for anonymous requests only, so its own profile leaves it
	// out; under another profile the statement is written and read back.
	asAnother := configFor(server)
	asAnother.Service = "versity"
	c := newClient(t, asAnother)
	bucket := newBucket(t, c)
	for _, on := range []bool{true, false} {
		now := apply(t, c, bucket, Settings{RequireTLS: aws.Bool(on)})
		if c.RequiresTLS(bucket, c.Region(), now.Policy) != on {
			t.Errorf("requires TLS %v, shown as %s", on, now.Policy)
		}
	}

	for name, tc := range map[string]struct {
		change func(*Config)
		hint   string
	}{
		"an unknown authority": {func(c *Config) { c.CABundle = "" }, "Set ca_bundle"},
		"plain http":           {func(c *Config) { c.Endpoint = strings.Replace(c.Endpoint, "https", "http", 1) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configFor(server)
			cfg.MaxRetries = 1
			tc.change(&cfg)
			_, err := newClient(t, cfg).Head(t.Context(), bucket)
			if err == nil || !strings.Contains(Hint(err), tc.hint) {
				t.Errorf("%v: %s", err, Hint(err))
			}
		})
	}
}
