package s3store

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// hardening is what groundwork asks of every service.
func hardening() Settings {
	return Settings{
		Versioning: aws.Bool(true), Encryption: &Encryption{Algorithm: EncryptionAES256}, BlockPublicAccess: aws.Bool(true),
		RequireTLS: aws.Bool(true),
		Lifecycle: &Lifecycle{
			NoncurrentExpirationDays: days(90), NoncurrentVersionsToKeep: days(2), AbortIncompleteUploadsDays: days(7), ExpireDeleteMarkers: aws.Bool(true),
		},
	}
}

// everyOptional leaves the service free to lack anything.
func everyOptional() Optional {
	o := Optional{}
	for _, c := range Capabilities() {
		o[c] = true
	}
	return o
}

// A service that nobody knows: what it refuses is reported, and all the rest is there.
func TestDegradation(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		client  func(*testing.T) *Client
		lacking []Capability
	}{
		"MinIO without a KMS, unknown": {
			func(t *testing.T) *Client {
				cfg := configFor(testenv.MinIOWithoutKMS(t))
				cfg.Service = "custom"
				return newClient(t, cfg)
			},
			[]Capability{CapEncryption, CapPublicAccessBlock, CapRequireTLS, CapLifecycleAbortUploads},
		},
		"MinIO with a KMS, unknown": {
			func(t *testing.T) *Client { return minioClient(t, service("custom")) },
			[]Capability{CapPublicAccessBlock, CapRequireTLS, CapLifecycleAbortUploads},
		},
		"MinIO, known": {
			func(t *testing.T) *Client { return minioClient(t) },
			[]Capability{CapPublicAccessBlock, CapRequireTLS, CapLifecycleAbortUploads},
		},
		"a service without lifecycle rules": {
			func(t *testing.T) *Client {
				c, proxy := proxied(t, service("custom"))
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "PutBucketLifecycleConfiguration"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
				return c
			},
			[]Capability{
				CapPublicAccessBlock, CapRequireTLS, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep, CapLifecycleAbortUploads, CapLifecycleDeleteMarkers,
			},
		},
		"a service without versions": {
			func(t *testing.T) *Client {
				c, proxy := proxied(t, service("custom"))
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "PutBucketVersioning"}, Action: s3proxy.Respond(405, "MethodNotAllowed", "no", nil)})
				return c
			},
			[]Capability{CapVersioning, CapPublicAccessBlock, CapRequireTLS, CapLifecycleAbortUploads},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tc.client(t)
			bucket := newBucket(t, c)
			lacking, err := c.Apply(t.Context(), bucket, hardening(), readBucket(t, c, bucket), everyOptional())
			must(t, err)
			if !slices.Equal(lacking, tc.lacking) {
				t.Errorf("lacking %v, want %v", lacking, tc.lacking)
			}
			if lost, err := c.Verify(bucket, hardening(), lacking, readBucket(t, c, bucket), everyOptional()); err != nil || len(lost) > 0 {
				t.Errorf("the rest is not there: %v, %v", lost, err)
			}
		})
	}
}

// A setting that was asked for and that the service lacks is an error, which names both.
func TestDemandedAndLacking(t *testing.T) {
	t.Parallel()
	all := hardening()
	noKMS := configFor(testenv.MinIOWithoutKMS(t))
	tests := map[string]struct {
		service    string
		want       Settings
		optional   Optional
		capability Capability
		call       string
		says       string
	}{
		"encryption without a KMS": {
			"custom", Settings{Encryption: all.Encryption}, nil, CapEncryption, "PutBucketEncryption", "the S3-compatible service does not support encryption (PutBucketEncryption)",
		},
		"public access block": {"custom", Settings{BlockPublicAccess: all.BlockPublicAccess}, nil, CapPublicAccessBlock, "PutPublicAccessBlock", "PutPublicAccessBlock"},
		"what the profile knows": {
			"minio", Settings{BlockPublicAccess: all.BlockPublicAccess}, nil, CapPublicAccessBlock, "", "MinIO does not support public_access_block",
		},
		"TLS over plain http": {"custom", Settings{RequireTLS: all.RequireTLS}, nil, CapRequireTLS, "", "shut itself out"},
		"one rule": {
			"custom", Settings{Lifecycle: &Lifecycle{AbortIncompleteUploadsDays: days(7)}}, nil, CapLifecycleAbortUploads, "PutBucketLifecycleConfiguration", "abort_incomplete_uploads_days",
		},
		"one rule beside optional ones": {
			"custom", Settings{Lifecycle: all.Lifecycle}, Optional{CapLifecycleNoncurrent: true, CapLifecycleVersionsToKeep: true, CapLifecycleDeleteMarkers: true},
			CapLifecycleAbortUploads, "PutBucketLifecycleConfiguration", "abort_incomplete_uploads_days",
		},
		"one of two rules": {
			"custom", Settings{Lifecycle: &Lifecycle{AbortIncompleteUploadsDays: days(7), ExpireDeleteMarkers: aws.Bool(true)}}, nil,
			CapLifecycle, "PutBucketLifecycleConfiguration", "lifecycle",
		},
		"logging": {"custom", Settings{Logging: &Logging{TargetBucket: "logs"}}, nil, CapLogging, "PutBucketLogging", "logging"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := noKMS
			cfg.Service = tc.service
			c := newClient(t, cfg)
			bucket := newBucket(t, c)
			_, err := c.Apply(t.Context(), bucket, tc.want, readBucket(t, c, bucket), tc.optional)
			var lacks *UnsupportedError
			if !errors.As(err, &lacks) || lacks.Capability != tc.capability || lacks.Call != tc.call || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("unexpected %v", err)
			}
			if Hint(err) == "" {
				t.Error("nothing says what to do")
			}
		})
	}
}

// A refusal that is no lack is told as it is, and nothing is reported as lacking.
func TestRefusalIsNoLack(t *testing.T) {
	t.Parallel()
	for op, action := range map[string]s3proxy.Action{
		"PutBucketVersioning":             s3proxy.Respond(http.StatusForbidden, "AccessDenied", "no", nil),
		"PutBucketEncryption":             s3proxy.Respond(http.StatusForbidden, "AccessDenied", "no", nil),
		"PutBucketLifecycleConfiguration": s3proxy.Respond(http.StatusServiceUnavailable, "SlowDown", "no", nil),
		"PutBucketPolicy":                 s3proxy.Respond(http.StatusBadRequest, "MalformedPolicy", "no", nil),
		"PutBucketTagging":                s3proxy.CutBefore(),
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, func(c *Config) { c.MaxRetries = 1 })
			bucket := newBucket(t, c)
			proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: op}, Action: action})
			lacking, err := c.Apply(t.Context(), bucket, onMinIO(bucket), &Observed{}, everyOptional())
			var ce *CallError
			if !errors.As(err, &ce) || ce.Op != op || errors.Is(err, ErrUnsupported) || lacking != nil {
				t.Errorf("lacking %v, %v", lacking, err)
			}
		})
	}
}

// Read tells what a service does not show, and does not ask what its profile knows.
func TestReadUnsupported(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t, service("custom"))
	bucket := newBucket(t, c)
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetBucketTagging"}, Action: s3proxy.Respond(405, "MethodNotAllowed", "no", nil)})
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetBucketEncryption"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
	o := readBucket(t, c, bucket)
	for capability, want := range map[Capability]bool{
		CapTags: true, CapEncryption: true, CapPublicAccessBlock: true, CapVersioning: false, CapLifecycle: false, CapPolicy: false, CapObjectLock: false,
	} {
		if o.Unsupported[capability] != want {
			t.Errorf("%s is unsupported: %v", capability, o.Unsupported[capability])
		}
	}
	known, proxy := proxied(t)
	if !readBucket(t, known, bucket).Unsupported[CapPublicAccessBlock] || slices.Contains(proxy.Operations(), "GetPublicAccessBlock") {
		t.Error("the profile was not believed")
	}
	_, err := known.Read(t.Context(), "no-such-bucket-here")
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
}

// Read is one round of calls at once.
func TestReadIsOneRound(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	apply(t, c, bucket, onMinIO(bucket))
	proxy.Reset()
	proxy.SetLatency(latency)
	readBucket(t, c, bucket)
	if n := proxy.Rounds(); n != 1 {
		t.Errorf("%d rounds: %v", n, proxy.Operations())
	}
}
