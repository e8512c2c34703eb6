package s3store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
)

// imitated returns a client of an imitation under the service's own profile.
func imitated(t testing.TB, name imitate.Name, opts ...imitate.Option) (*Client, *imitate.Server) {
	t.Helper()
	s := imitate.Start(t, name, opts...)
	return newClient(t, Config{
		Service: string(name), Region: s.Region, Endpoint: s.Endpoint, CABundle: s.CAFile,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey, MaxBackoff: 5 * time.Millisecond,
	}), s
}

// lacks is what each imitated service does not do of groundwork's hardening. require_tls stands apart:
// over plain http nobody has it.
var imitatedLacks = map[imitate.Name][]Capability{
	imitate.Scaleway: {CapPublicAccessBlock, CapRequireTLS},
	imitate.R2:       {CapVersioning, CapEncryption, CapPublicAccessBlock, CapRequireTLS, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep, CapLifecycleDeleteMarkers},
	imitate.B2:       {CapPublicAccessBlock, CapRequireTLS},
	imitate.Ceph:     {CapRequireTLS},
	imitate.Garage:   {CapVersioning, CapEncryption, CapPublicAccessBlock, CapRequireTLS, CapLifecycleNoncurrent, CapLifecycleVersionsToKeep, CapLifecycleDeleteMarkers},
}

// On each imitated service, what it lacks is reported and all the rest is there, over https as over
// http, and whether the profile knows the service or has to ask it.
func TestDegradationImitated(t *testing.T) {
	t.Parallel()
	for name, lacks := range imitatedLacks {
		for _, profile := range []string{string(name), "custom"} {
			t.Run(string(name)+" as "+profile, func(t *testing.T) {
				t.Parallel()
				lacks := slices.Clone(lacks)
				c, service := imitated(t, name, imitate.WithTLS())
				if profile == "custom" {
					cfg := c.cfg
					cfg.Service = "custom"
					c = newClient(t, cfg)
				}
				c.profile.SerialSettings = true // MinIO behind it loses settings that come at once
				bucket := newBucket(t, c)
				service.Proxy.Reset()
				want := hardening()
				if profile == "custom" {
					want.RequireTLS = nil // taken where policies are taken
				}
				lacking, err := c.Apply(t.Context(), bucket, want, &Observed{Unsupported: map[Capability]bool{}}, everyOptional())
				must(t, err)
				if profile == "custom" {
					lacks = slices.DeleteFunc(lacks, func(c Capability) bool { return c == CapRequireTLS })
				}
				if !slices.Equal(lacking, lacks) {
					t.Errorf("lacking %v, want %v", lacking, lacks)
				}
				if lost, err := c.Verify(bucket, want, lacking, readBucket(t, c, bucket), everyOptional()); err != nil || len(lost) > 0 {
					t.Errorf("the rest is not there: %v, %v", lost, err)
				}
				if profile != "custom" {
					notAsked(t, service, lacks)
				}
			})
		}
	}
}

// calls are those by which a lack would show.
var calls = map[Capability]string{
	CapVersioning: "PutBucketVersioning", CapEncryption: "PutBucketEncryption", CapPublicAccessBlock: "PutPublicAccessBlock", CapRequireTLS: "PutBucketPolicy",
}

// notAsked checks that what the profile knows to be missing is not sent. What it does not know is.
func notAsked(t *testing.T, service *imitate.Server, lacks []Capability) {
	t.Helper()
	p, err := ProfileByName(string(service.Name))
	must(t, err)
	for _, c := range lacks {
		if calls[c] != "" && slices.Contains(service.Proxy.Operations(), calls[c]) == (p.Supports(c) == Unsupported) {
			t.Errorf("%s is %s, and the requests are %v", c, p.Supports(c), service.Proxy.Operations())
		}
	}
}

// What somebody wrote down and the service lacks is an error that names the service, and the call
// where the service itself said so.
func TestDemandedOfImitated(t *testing.T) {
	t.Parallel()
	demands := map[Capability]Settings{
		CapVersioning:          {Versioning: aws.Bool(true)},
		CapEncryption:          {Encryption: &Encryption{Algorithm: EncryptionAES256}},
		CapPublicAccessBlock:   {BlockPublicAccess: aws.Bool(true)},
		CapRequireTLS:          {RequireTLS: aws.Bool(true)},
		CapLifecycleNoncurrent: {Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(30)}},
		CapTags:                {Tags: &TagChange{Set: map[string]string{"a": "b"}}},
		CapLogging:             {Logging: &Logging{TargetBucket: "logs"}},
	}
	more := map[imitate.Name][]Capability{
		imitate.Scaleway: {CapLogging}, imitate.R2: {CapTags, CapLogging}, imitate.B2: {CapTags, CapLogging},
		imitate.Ceph: {CapLogging}, imitate.Garage: {CapTags, CapLogging},
	}
	for name, lacks := range imitatedLacks {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			c, _ := imitated(t, name, imitate.WithTLS())
			bucket := newBucket(t, c)
			for capability, want := range demands {
				_, err := c.Apply(t.Context(), bucket, want, readBucket(t, c, bucket), nil)
				if !slices.Contains(lacks, capability) && !slices.Contains(more[name], capability) {
					must(t, err)
					continue
				}
				var lack *UnsupportedError
				if !errors.As(err, &lack) || lack.Capability != capability || lack.Service != c.profile.DisplayName || Hint(err) == "" {
					t.Errorf("%s: unexpected %v", capability, err)
					continue
				}
				if known := c.profile.Supports(capability) == Unsupported; known != (lack.Call == "") {
					t.Errorf("%s is %s, and the call is %q: %v", capability, c.profile.Supports(capability), lack.Call, err)
				}
			}
		})
	}
}

// The verdict by effect, on imitations as on the real servers, for many clients and many rounds.
func TestLockVerdictByEffect(t *testing.T) {
	t.Parallel()
	type service struct {
		verdict LockVerdict
		reason  string
		client  func(testing.TB) *Client
	}
	of := func(name imitate.Name) func(testing.TB) *Client {
		return func(t testing.TB) *Client {
			c, _ := imitated(t, name)
			return c
		}
	}
	// Without versions only the race is open there, which not every probe loses: see TestVersity.
	gateway := func(t testing.TB) *Client { return versity(t) }
	for name, s := range map[string]service{
		"minio":    {LockSafe, "one winner in each", func(t testing.TB) *Client { return minioClient(t) }},
		"versity":  {LockUnsafe, "never again", gateway},
		"scaleway": {LockSafe, "one winner in each", of(imitate.Scaleway)},
		"r2":       {LockSafe, "one winner in each", of(imitate.R2)},
		"ceph":     {LockSafe, "one winner in each", of(imitate.Ceph)},
		"b2":       {LockUnsafe, "NotImplemented, HTTP 501", of(imitate.B2)},
		"garage":   {LockUnsafe, "ignores If-None-Match", of(imitate.Garage)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := s.client(t)
			bucket := newBucket(t, first)
			if first.profile.Supports(CapVersioning) != Unsupported {
				_, err := first.Apply(t.Context(), bucket, Settings{Versioning: aws.Bool(true)}, readBucket(t, first, bucket), nil)
				must(t, err)
			}
			cfg := first.cfg
			cfg.Probe = ProbeSize{Rounds: 30, Writers: 8}
			r, err := newClient(t, cfg).Probe(t.Context(), bucket)
			must(t, err)
			if r.Verdict != s.verdict || !strings.Contains(r.Reason, s.reason) {
				t.Errorf("verdict %s: %s", r.Verdict, r.Reason)
			}
			if s.verdict == LockSafe || name == "garage" {
				holdInTurn(t, cfg, bucket, s.verdict == LockSafe)
			}
			if left := versionsOf(t, first, bucket, ProbePrefix); len(left) > 0 {
				t.Errorf("the probe left %+v", left)
			}
			// What the profile promises agrees with what was found, or leaves it open.
			if p := first.profile; p.Lock != LockUnknown && p.Lock != r.Verdict {
				t.Errorf("the profile says %s: %s", p.Lock, p.LockReason)
			}
		})
	}
}

// holdInTurn lets clients of their own take and release one lock many times, as runs of Terraform do,
// and counts how many hold it: one where it is safe, and several where the header is ignored.
func holdInTurn(t *testing.T, cfg Config, bucket string, safe bool) {
	t.Helper()
	const clients, turns = 6, 6
	var holders, most, taken counter
	done := make(chan error, clients)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Minute, errors.New("three minutes have passed"))
	defer cancel()
	for i := range clients {
		c := newClient(t, cfg)
		go func() {
			done <- takeTurns(ctx, c, bucket, fmt.Sprintf("client %d", i), turns, &holders, &most, &taken)
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if (most.value() == 1) != safe || taken.value() != clients*turns {
		t.Errorf("%d held the lock at once, and it was taken %d times of %d", most.value(), taken.value(), clients*turns)
	}
}
