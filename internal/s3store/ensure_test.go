package s3store

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

func TestEnsure(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	tests := map[string]struct {
		arrange func(t *testing.T, bucket string)
		opts    EnsureOptions
		created bool
		example string // of a HoldsObjectsError
	}{
		"a new bucket": {created: true},
		"one that exists and is empty, as after an interruption": {
			arrange: func(t *testing.T, b string) { ensure(t, c, b) },
		},
		"one that holds an object": {
			arrange: func(t *testing.T, b string) { ensure(t, c, b); put(t, c, b, "infra/terraform.tfstate", "{}") },
			example: "infra/terraform.tfstate",
		},
		"one that holds nothing but a delete marker": {
			arrange: func(t *testing.T, b string) {
				ensure(t, c, b)
				must(t, c.setVersioning(t, b, "Enabled"))
				id := put(t, c, b, "gone", "")
				must(t, c.DeleteObject(t.Context(), b, "gone", ""))
				must(t, c.DeleteObject(t.Context(), b, "gone", id))
			},
			example: "gone",
		},
		"one that holds what a probe left": {
			arrange: func(t *testing.T, b string) { ensure(t, c, b); put(t, c, b, ProbePrefix+"x/lock", "") },
		},
		"one that holds an object, adopted": {
			arrange: func(t *testing.T, b string) { ensure(t, c, b); put(t, c, b, "x", "") },
			opts:    EnsureOptions{Adopt: true},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := testenv.BucketName(t)
			if tc.arrange != nil {
				tc.arrange(t, bucket)
			}
			created, err := c.Ensure(t.Context(), bucket, tc.opts)
			var holds *HoldsObjectsError
			switch {
			case tc.example == "" && err != nil:
				t.Fatal(err)
			case tc.example != "" && (!errors.As(err, &holds) || holds.Example != tc.example || !errors.Is(err, ErrAlreadyOwned)):
				t.Fatalf("unexpected %v", err)
			case tc.example != "" && !strings.Contains(err.Error(), bucket):
				t.Errorf("the message does not name the bucket: %v", err)
			}
			if created != tc.created {
				t.Errorf("created %v, want %v", created, tc.created)
			}
			if _, err := c.Head(t.Context(), bucket); err != nil {
				t.Error(err)
			}
		})
	}
}

func ensure(t *testing.T, c *Client, bucket string) {
	t.Helper()
	_, err := c.Ensure(t.Context(), bucket, EnsureOptions{})
	must(t, err)
}

func TestEnsureWithObjectLock(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := testenv.BucketName(t)
	_, err := c.Ensure(t.Context(), bucket, EnsureOptions{ObjectLock: true})
	must(t, err)
	if o := readBucket(t, c, bucket); o.ObjectLock == nil || o.ObjectLock.Mode != "" || !o.VersioningEnabled() {
		t.Errorf("unexpected %+v", o)
	}
}

// Ensure has to come to the same end wherever the connection was cut, and so does a repetition.
func TestEnsureSurvivesCuts(t *testing.T) {
	t.Parallel()
	for _, action := range []s3proxy.Action{s3proxy.CutBefore(), s3proxy.CutAfter(), s3proxy.Respond(503, "SlowDown", "slow down", nil)} {
		t.Run(action.String(), func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			for n := 1; ; n++ {
				proxy.ClearRules()
				proxy.Reset()
				proxy.FailNth(n, action)
				bucket := testenv.BucketName(t)
				if _, err := c.Ensure(t.Context(), bucket, EnsureOptions{}); err != nil {
					t.Fatalf("request %d: %v", n, err)
				}
				if _, err := c.Ensure(t.Context(), bucket, EnsureOptions{}); err != nil {
					t.Fatalf("request %d, repeated: %v", n, err)
				}
				if len(proxy.Faulted()) == 0 {
					break
				}
			}
		})
	}
}

// restricted returns credentials of a session that may use nothing but buckets named so.
func restricted(t *testing.T, resource string) func(*Config) {
	t.Helper()
	server := testenv.MinIO(t)
	api := sts.New(sts.Options{
		BaseEndpoint: &server.Endpoint, Region: server.Region,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	})
	out, err := api.AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/test"), RoleSessionName: aws.String("test"),
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::` + resource + `"]}]}`),
	})
	must(t, err)
	return func(c *Config) {
		c.AccessKey, c.SecretKey = *out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey
		c.SessionToken = *out.Credentials.SessionToken
	}
}

// What stands in the way of reaching a bucket is recognised and explained.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	taken := newBucket(t, minioClient(t))
	html := s3proxy.RespondHTML(http.StatusOK, "<html><body>Please <b>sign in</b><br></body></html>")
	tests := map[string]struct {
		change []func(*Config)
		rules  []s3proxy.Rule
		bucket string
		kind   error
		hint   string
	}{
		"a bucket of somebody else": {
			change: []func(*Config){restricted(t, "other*")}, bucket: taken,
			kind: ErrAccessDenied, hint: "look for a bucket policy that leaves the caller out",
		},
		"a name that is taken": {
			rules: []s3proxy.Rule{
				{Match: s3proxy.Match{Operation: "CreateBucket"}, Action: s3proxy.Respond(409, "BucketAlreadyExists", "taken", nil)},
			},
			kind: ErrAlreadyExists, hint: "Choose another name",
		},
		"a name blocked by a deletion": {
			rules: []s3proxy.Rule{
				{Match: s3proxy.Match{Operation: "CreateBucket"}, Action: s3proxy.Respond(409, "OperationAborted", "conflict", nil)},
			},
			hint: "Wait some minutes",
		},
		"an access key that nobody knows": {
			change: []func(*Config){func(c *Config) { c.AccessKey = "AKIAUNKNOWN" }},
			kind:   ErrCredentials, hint: "does not know this access key",
		},
		"a secret key of another access key": {
			change: []func(*Config){func(c *Config) { c.SecretKey = "hunter2hunter2" }},
			kind:   ErrCredentials, hint: "does not belong to the access key",
		},
		"no credentials": {
			change: []func(*Config){func(c *Config) { c.AccessKey, c.SecretKey = "", "" }},
			kind:   ErrCredentials, hint: "Set access_key and secret_key",
		},
		"expired credentials": {
			rules: []s3proxy.Rule{{Action: s3proxy.Respond(400, "ExpiredToken", "expired", nil)}},
			kind:  ErrCredentials, hint: "Sign in again",
		},
		"a clock that is wrong": {
			rules: []s3proxy.Rule{{Action: s3proxy.Respond(403, "RequestTimeTooSkewed", "skewed", nil)}},
			kind:  ErrCredentials, hint: "Set the clock",
		},
		"another region than the server's": {
			change: []func(*Config){func(c *Config) { c.Region = "eu-west-3" }},
			kind:   ErrWrongRegion, hint: `Set region = "us-east-1"`,
		},
		"another region, named by the service": {
			rules: []s3proxy.Rule{{Action: s3proxy.Respond(301, "PermanentRedirect", "moved", http.Header{"X-Amz-Bucket-Region": {"nl-ams"}})}},
			kind:  ErrWrongRegion, hint: `Set region = "nl-ams"`,
		},
		"a proxy's login page": {
			rules: []s3proxy.Rule{{Action: html}}, hint: "check HTTPS_PROXY and NO_PROXY",
		},
		"a proxy's login page in place of a refusal": {
			rules: []s3proxy.Rule{{Action: s3proxy.RespondHTML(http.StatusForbidden, "<html>no</html>")}}, hint: "check HTTPS_PROXY and NO_PROXY",
		},
		"a gateway that fails": {
			rules: []s3proxy.Rule{{Action: s3proxy.RespondHTML(http.StatusBadGateway, "<html>bad gateway</html>")}}, hint: "could not be reached or failed",
		},
		"a connection that is cut": {
			rules: []s3proxy.Rule{{Action: s3proxy.CutBefore()}}, hint: "could not be reached or failed",
		},
		"a port on which nobody listens": {
			change: []func(*Config){func(c *Config) { c.Endpoint = "http://127.0.0.1:1" }}, hint: "could not be reached or failed",
		},
		"https to a server that speaks http": {
			change: []func(*Config){func(c *Config) { c.Endpoint = strings.Replace(c.Endpoint, "http:", "https:", 1) }}, hint: "speaks no TLS",
		},
		"a host that does not exist": {
			change: []func(*Config){func(c *Config) { c.Endpoint = "http://nowhere.invalid" }}, hint: "cannot be resolved",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := testenv.Proxy(t, testenv.MinIO(t))
			for _, r := range tc.rules {
				proxy.AddRule(r)
			}
			through := func(c *Config) { c.Endpoint, c.MaxRetries = proxy.URL(), 1 }
			c := minioClient(t, append([]func(*Config){through}, tc.change...)...)
			bucket := tc.bucket
			if bucket == "" {
				bucket = testenv.BucketName(t)
			}
			_, err := c.Ensure(t.Context(), bucket, EnsureOptions{})
			if err == nil {
				t.Fatal("it succeeded")
			}
			if tc.kind != nil && !errors.Is(err, tc.kind) {
				t.Errorf("%v is no %v", err, tc.kind)
			}
			if hint := Hint(err); !strings.Contains(hint, tc.hint) {
				t.Errorf("%v has the hint %q, want %q", err, hint, tc.hint)
			}
			for _, needed := range []string{bucket, c.Endpoint(), c.Region()} {
				if !strings.Contains(err.Error(), needed) {
					t.Errorf("%v does not say %s", err, needed)
				}
			}
			for _, secret := range []string{c.cfg.SecretKey, c.cfg.SessionToken} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows a secret", err)
				}
			}
		})
	}
}

// A page in place of an answer must not read as "nothing there": the bucket would be deleted.
func TestNoAnswerIsNotAnEmptyBucket(t *testing.T) {
	t.Parallel()
	full := newBucket(t, minioClient(t))
	put(t, minioClient(t), full, "infra/terraform.tfstate", "{}")
	tests := map[string]s3proxy.Action{
		"a page":                    s3proxy.RespondHTML(http.StatusOK, "<html><body>sign in</body></html>"),
		"a page that is not closed": s3proxy.RespondHTML(http.StatusOK, "<!DOCTYPE html><html><p>sign in<br>"),
		"an answer to another call": s3proxy.Respond(http.StatusOK, "Nothing", "nothing", nil),
		"an answer that ends early": s3proxy.CutMiddle(),
		"nothing, with status 200":  s3proxy.RespondHTML(http.StatusOK, ""),
	}
	for name, action := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, func(c *Config) { c.MaxRetries = 1 })
			for _, op := range []string{"ListObjectVersions", "ListObjectsV2", "DeleteObjects", "GetBucketVersioning"} {
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: op}, Action: action})
			}
			for _, err := range c.Versions(t.Context(), full, "") {
				if err == nil {
					t.Error("a version was listed")
				}
			}
			if _, err := c.Ensure(t.Context(), full, EnsureOptions{}); err == nil {
				t.Error("the bucket passes for an empty one")
			}
			if done, err := c.Purge(t.Context(), full, nil); err == nil {
				t.Errorf("a purge did %+v", done)
			}
		})
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	proxy.AddRule(s3proxy.Rule{Action: s3proxy.Hang()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.Ensure(ctx, testenv.BucketName(t), EnsureOptions{})
		done <- err
	}()
	waits, stop := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("a minute has passed"))
	defer stop()
	if _, err := proxy.Await(waits, s3proxy.Match{Operation: "HeadBucket"}); err != nil {
		t.Fatal(err)
	}
	cancel()
	err := <-done
	if !errors.Is(err, context.Canceled) || Hint(err) != "" {
		t.Errorf("%v, hint %q", err, Hint(err))
	}
}
