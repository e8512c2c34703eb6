package s3store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// smallProbe is enough where the race itself is not what is tried.
func smallProbe(c *Config) { c.Probe = ProbeSize{Rounds: 1, Writers: 3} }

// nothingLeft fails if a probe left something, versions and markers included.
func nothingLeft(t *testing.T, bucket string) {
	t.Helper()
	if left := versionsOf(t, minioClient(t), bucket, ProbePrefix); len(left) > 0 {
		t.Errorf("the probe left %d versions, one of %q", len(left), left[0].Key)
	}
}

func TestProbeSafe(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]types.BucketVersioningStatus{
		"unversioned": "", "versioned": types.BucketVersioningStatusEnabled, "suspended": types.BucketVersioningStatusSuspended,
	} {
		for _, service := range []string{"minio", "custom"} {
			t.Run(name+" "+service, func(t *testing.T) {
				t.Parallel()
				c := minioClient(t, func(c *Config) { c.Service = service })
				bucket := newBucket(t, c)
				if status != "" {
					must(t, c.setVersioning(t, bucket, types.BucketVersioningStatusEnabled))
					must(t, c.setVersioning(t, bucket, status))
				}
				r, err := c.Probe(t.Context(), bucket)
				must(t, err)
				if r.Verdict != LockSafe || r.Reason != "one winner in each of 16 races of 8 writers" {
					t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
				}
				for _, capability := range []Capability{CapConditionalPut, CapConditionalPutAfterDrop, CapConditionalPutConcurrent} {
					if r.Capabilities[capability] != Supported {
						t.Errorf("%s is %s", capability, r.Capabilities[capability])
					}
				}
				nothingLeft(t, bucket)
			})
		}
	}
}

// isRacing tells the writers of the race from the single steps.
func isRacing(r s3proxy.Request) bool { return strings.Contains(r.Key, "/race-") }

func TestProbeUnsafe(t *testing.T) {
	t.Parallel()
	conditional := s3proxy.Match{Operation: "PutObject", Header: "If-None-Match"}
	racing := conditional
	racing.Func = isRacing
	tests := map[string]struct {
		rule   s3proxy.Rule
		reason string
		// works are the steps before.
		works []Capability
	}{
		"the header is ignored": {
			s3proxy.Rule{Match: conditional, Action: s3proxy.StripHeader("If-None-Match")},
			"the service ignores If-None-Match", nil,
		},
		"the header is not implemented": {
			s3proxy.Rule{Match: conditional, Action: s3proxy.Respond(501, "NotImplemented", "A header you provided implies functionality that is not implemented", nil)},
			"NotImplemented, HTTP 501", nil,
		},
		"the header is an invalid argument": {
			s3proxy.Rule{Match: conditional, Action: s3proxy.Respond(400, "InvalidArgument", "no", nil)}, "the service refuses If-None-Match", nil,
		},
		"a deleted object counts as present": {
			s3proxy.Rule{Match: conditional, When: s3proxy.Nth(3), Action: s3proxy.Respond(412, "PreconditionFailed", "still there", nil)},
			"a lock could be taken once and never again", []Capability{CapConditionalPut},
		},
		"a deleted object is not found": {
			s3proxy.Rule{Match: conditional, When: s3proxy.Nth(3), Action: s3proxy.Respond(404, "NoSuchKey", "gone", nil)},
			"a lock could be taken once and never again", []Capability{CapConditionalPut},
		},
		"several win a race": {
			s3proxy.Rule{Match: racing, Action: s3proxy.StripHeader("If-None-Match")},
			"8 of 8 simultaneous writers created the same object", []Capability{CapConditionalPut, CapConditionalPutAfterDrop},
		},
		"two win one race": {
			s3proxy.Rule{Match: racing, When: s3proxy.Nth(40), Action: s3proxy.StripHeader("If-None-Match")},
			"2 of 8 simultaneous writers", []Capability{CapConditionalPut, CapConditionalPutAfterDrop},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			bucket := versioned(t, c)
			proxy.AddRule(tc.rule)
			r, err := c.Probe(t.Context(), bucket)
			if name == "two win one race" && err == nil && r.Verdict == LockSafe {
				return // the one without the header was the first: there was one winner
			}
			must(t, err)
			if r.Verdict != LockUnsafe || !strings.Contains(r.Reason, tc.reason) {
				t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
			}
			for capability, support := range r.Capabilities {
				if (support == Supported) != slices.Contains(tc.works, capability) {
					t.Errorf("%s is %s", capability, support)
				}
			}
			nothingLeft(t, bucket)
		})
	}
}

// One fault anywhere says nothing about locks: the probe finds out all the same, or fails. It
// never calls the service unsafe, and leaves nothing.
func TestProbeWithOneFault(t *testing.T) {
	t.Parallel()
	for _, action := range []s3proxy.Action{
		s3proxy.Respond(503, "SlowDown", "slow down", nil), s3proxy.Respond(500, "InternalError", "oops", nil),
		s3proxy.CutBefore(), s3proxy.CutAfter(), s3proxy.CutMiddle(),
	} {
		t.Run(action.String(), func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, smallProbe)
			bucket := versioned(t, c)
			for n := 1; ; n++ {
				proxy.ClearRules()
				proxy.Reset()
				proxy.FailNth(n, action)
				r, err := c.Probe(t.Context(), bucket)
				if err != nil || r.Verdict != LockSafe {
					t.Fatalf("request %d, %v: %+v, %v", n, proxy.Faulted(), r, err)
				}
				if len(proxy.Faulted()) == 0 {
					break
				}
			}
			nothingLeft(t, bucket)
		})
	}
}

// A service that fails for good gives an error and no verdict.
func TestProbeWithLastingFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		rule s3proxy.Rule
		left bool // nothing can be removed either
	}{
		"no answer to any write":       {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.CutBefore()}},
		"every write is carried out":   {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.CutAfter()}},
		"throttled":                    {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.Respond(503, "SlowDown", "slow", nil)}},
		"no race is answered":          {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject", Func: isRacing}, Action: s3proxy.CutAfter()}},
		"most of a race are silent":    {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject", Func: isRacing}, When: s3proxy.From(2), Action: s3proxy.CutAfter()}},
		"denied":                       {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.Respond(403, "AccessDenied", "no", nil)}},
		"deleting is denied":           {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "DeleteObject"}, Action: s3proxy.Respond(403, "AccessDenied", "no", nil)}},
		"removing versions is denied":  {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "DeleteObjects"}, Action: s3proxy.Respond(403, "AccessDenied", "no", nil)}, left: true},
		"the second write is answered": {rule: s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, When: s3proxy.From(2), Action: s3proxy.CutMiddle()}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, smallProbe, func(c *Config) { c.MaxRetries = 1 })
			bucket := versioned(t, c)
			proxy.AddRule(tc.rule)
			r, err := c.Probe(t.Context(), bucket)
			if err == nil {
				t.Fatalf("verdict %+v", r)
			}
			if !strings.Contains(err.Error(), "probing conditional writes") || !strings.Contains(err.Error(), bucket) {
				t.Errorf("unexpected %v", err)
			}
			if tc.left != strings.Contains(err.Error(), "removing the probe's objects") {
				t.Errorf("unexpected %v", err)
			}
			if !tc.left {
				nothingLeft(t, bucket)
			}
		})
	}
}

// Whoever gives up in the middle leaves nothing either.
func TestProbeCanceled(t *testing.T) {
	t.Parallel()
	for name, match := range map[string]s3proxy.Match{
		"at the second write": {Operation: "PutObject", Func: func(r s3proxy.Request) bool { return strings.HasSuffix(r.Key, "/lock") }},
		"in the race":         {Operation: "PutObject", Func: isRacing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, smallProbe)
			bucket := versioned(t, c)
			proxy.AddRule(s3proxy.Rule{Match: match, When: s3proxy.From(2), Action: s3proxy.Hang()})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := c.Probe(ctx, bucket)
				done <- err
			}()
			for began := time.Now(); len(proxy.Faulted()) == 0; time.Sleep(time.Millisecond) {
				if time.Since(began) > time.Minute {
					t.Fatalf("no request was held in a minute; there were %v", proxy.Operations())
				}
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("unexpected %v", err)
			}
			nothingLeft(t, bucket)
		})
	}
}

// Probes run at once, as by two applies, do not disturb each other, nor remove each other's objects.
func TestProbesAtOnce(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := versioned(t, c)
	put(t, c, bucket, ProbePrefix+"somebody/lock", "theirs")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if r, err := c.Probe(t.Context(), bucket); err != nil || r.Verdict != LockSafe {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if left := versionsOf(t, c, bucket, ProbePrefix); len(left) != 1 || left[0].Key != ProbePrefix+"somebody/lock" {
		t.Errorf("left are %+v", left)
	}
	must(t, c.RemoveProbes(t.Context(), bucket))
	nothingLeft(t, bucket)
}

// What a probe that was killed has left is swept up once it is old, and nothing else.
func TestStaleProbes(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := versioned(t, c)
	for range 2 {
		put(t, c, bucket, ProbePrefix+"dead/lock", "")
	}
	must(t, c.DeleteObject(t.Context(), bucket, ProbePrefix+"dead/lock", ""))
	put(t, c, bucket, "infra/terraform.tfstate", "{}")
	c.sweepProbes(t.Context(), bucket, time.Now().Add(-staleProbe))
	if n := len(versionsOf(t, c, bucket, ProbePrefix)); n != 3 {
		t.Errorf("%d of a probe's 3 versions are left while it may still run", n)
	}
	c.sweepProbes(t.Context(), bucket, time.Now().Add(time.Hour)) // as if they were old
	nothingLeft(t, bucket)
	if n := len(versionsOf(t, c, bucket, "")); n != 1 {
		t.Errorf("%d versions are left beside them", n)
	}
}

// Under a default retention nothing could be removed again, so nothing is written.
func TestProbeUnderRetention(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := testenv.BucketName(t)
	_, err := c.Ensure(t.Context(), bucket, EnsureOptions{ObjectLock: true})
	must(t, err)
	if r, err := c.Probe(t.Context(), bucket); err != nil || r.Verdict != LockSafe {
		t.Fatalf("object lock alone retains nothing: %+v, %v", r, err)
	}
	must(t, c.ApplyObjectLock(t.Context(), bucket, &ObjectLock{Mode: "GOVERNANCE", Days: 2}, &Observed{}))
	proxy.Reset()
	r, err := c.Probe(t.Context(), bucket)
	must(t, err)
	if r.Verdict != LockUnknown || !strings.Contains(r.Reason, "2 days (GOVERNANCE)") || len(r.Capabilities) > 0 {
		t.Errorf("unexpected %+v", r)
	}
	if slices.Contains(proxy.Operations(), "PutObject") {
		t.Error("something was written")
	}
	nothingLeft(t, bucket)
}

func TestProbeWithoutRightToSeeRetention(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t, smallProbe)
	bucket := newBucket(t, c)
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObjectLockConfiguration"}, Action: s3proxy.Respond(403, "AccessDenied", "no", nil)})
	if r, err := c.Probe(t.Context(), bucket); err != nil || r.Verdict != LockSafe {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestProbeFailsWithoutBucketOrCredentials(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	if _, err := c.Probe(t.Context(), testenv.BucketName(t)); !errors.Is(err, ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
	bucket := newBucket(t, c)
	wrong := minioClient(t, func(c *Config) { c.SecretKey = "hunter2hunter2" })
	if _, err := wrong.Probe(t.Context(), bucket); !errors.Is(err, ErrCredentials) {
		t.Errorf("unexpected %v", err)
	}
}

// PutIfAbsent is what locks are made of.
func TestPutIfAbsent(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := versioned(t, c)
	id, err := c.PutIfAbsent(t.Context(), bucket, "x.tflock", []byte("mine"))
	if err != nil || id == "" {
		t.Fatalf("version %q, %v", id, err)
	}
	if _, err := c.PutIfAbsent(t.Context(), bucket, "x.tflock", []byte("theirs")); !errors.Is(err, ErrPreconditionFailed) {
		t.Errorf("unexpected %v", err)
	}
	// It is tried once: after a cut, a second try would find the first one's object.
	proxy.Reset()
	proxy.FailNth(1, s3proxy.CutAfter())
	if _, err := c.PutIfAbsent(t.Context(), bucket, "y.tflock", nil); err == nil || errors.Is(err, ErrPreconditionFailed) {
		t.Errorf("unexpected %v", err)
	}
	if n := len(proxy.Requests()); n != 1 {
		t.Errorf("tried %d times", n)
	}
}
