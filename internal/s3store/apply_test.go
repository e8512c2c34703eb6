package s3store

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// onMinIO is all that MinIO can do.
func onMinIO(bucket string) Settings {
	return Settings{
		Versioning: aws.Bool(true), Encryption: &Encryption{Algorithm: EncryptionAES256},
		Lifecycle: &Lifecycle{
			NoncurrentExpirationDays: days(90), NoncurrentVersionsToKeep: days(5), ExpireDeleteMarkers: aws.Bool(true),
			Expirations: map[string]int32{".pulumi/backups/": 30},
		},
		Access: &[]Access{{Level: AccessReadWrite, Principals: []string{awsRole}, Prefix: "infra/"}},
		Policy: &PolicyClaim{Statements: []Statement{{"Mine", []byte(`{"Sid":"Mine","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::` + bucket + `"}`)}}},
		Tags:   &TagChange{Set: map[string]string{"team": "core", "cost centre": "a/b:c=d@e+f-g_h."}},
	}
}

// apply brings a bucket to settings and proves that they are there.
func apply(t *testing.T, c *Client, bucket string, want Settings) *Observed {
	t.Helper()
	lacking, err := c.Apply(t.Context(), bucket, want, readBucket(t, c, bucket), nil)
	if err != nil || len(lacking) > 0 {
		t.Fatalf("lacking %v, %v", lacking, err)
	}
	now := readBucket(t, c, bucket)
	if _, err := c.Verify(bucket, want, nil, now, nil); err != nil {
		t.Fatal(err)
	}
	return now
}

// Every setting, one after the other: it is made, it is there, a repetition sends nothing, and it
// can be taken back.
func TestApplyEachSetting(t *testing.T) {
	t.Parallel()
	all := onMinIO("b")
	tests := map[string]struct {
		on, off Settings
		calls   []string // to turn it on and off
	}{
		"versioning": {
			Settings{Versioning: all.Versioning}, Settings{Versioning: aws.Bool(false)},
			[]string{"PutBucketVersioning", "PutBucketVersioning"},
		},
		"encryption": {
			Settings{Encryption: all.Encryption}, Settings{Encryption: &Encryption{Algorithm: EncryptionNone}},
			[]string{"PutBucketEncryption", "DeleteBucketEncryption"},
		},
		"encryption by KMS": {
			Settings{Encryption: &Encryption{Algorithm: EncryptionKMS, KMSKeyID: "groundwork"}}, Settings{Encryption: &Encryption{Algorithm: EncryptionNone}},
			[]string{"PutBucketEncryption", "DeleteBucketEncryption"},
		},
		"lifecycle": {
			Settings{Lifecycle: all.Lifecycle},
			Settings{Lifecycle: &Lifecycle{
				NoncurrentExpirationDays: days(0), NoncurrentVersionsToKeep: days(0), ExpireDeleteMarkers: aws.Bool(false), Expirations: map[string]int32{},
			}},
			[]string{"PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"},
		},
		"access": {
			Settings{Access: all.Access}, Settings{Access: &[]Access{}}, []string{"PutBucketPolicy", "DeleteBucketPolicy"},
		},
		"tags": {
			Settings{Tags: all.Tags}, Settings{Tags: &TagChange{Remove: []string{"team", "cost centre"}}}, []string{"PutBucketTagging", "DeleteBucketTagging"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			bucket := newBucket(t, c)
			before := readBucket(t, c, bucket)
			on := apply(t, c, bucket, tc.on)
			apply(t, c, bucket, tc.on)
			off := apply(t, c, bucket, tc.off)
			apply(t, c, bucket, tc.off)
			var writes []string
			for _, op := range proxy.Operations() {
				if !strings.HasPrefix(op, "Get") && !strings.HasPrefix(op, "List") && op != "HeadBucket" && op != "CreateBucket" {
					writes = append(writes, op)
				}
			}
			if !slices.Equal(writes, tc.calls) {
				t.Errorf("sent %v, want %v", writes, tc.calls)
			}
			if cmp.Equal(observable(on), observable(before)) {
				t.Error("nothing changed")
			}
			if name != "versioning" && !cmp.Equal(observable(off), observable(before)) { // versioning leaves "Suspended"
				t.Errorf("something was left: %s", cmp.Diff(observable(before), observable(off)))
			}
		})
	}
}

// observable is what of an Observed can be compared.
func observable(o *Observed) map[string]string {
	rendered, _ := o.Lifecycle.render(o.Lifecycle.Owned.rules())
	policy := ""
	if o.Policy != nil {
		policy = canonicalText(o.Policy.Statements)
	}
	return map[string]string{
		"settings":  fmt.Sprintf("%q %v %v %v %v", o.Versioning, deref(o.Encryption), o.PublicAccessBlocked, o.Tags, deref(o.Logging)),
		"lifecycle": string(rendered), "policy": policy,
	}
}

// canonicalText is a policy without the order in which MinIO happens to write its sets.
func canonicalText(statements []Statement) string {
	var out []string
	for _, s := range statements {
		v, _ := decodeExactly(s.Raw)
		text, _ := json.Marshal(canonicalStatement(v))
		out = append(out, string(text))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// MinIO keeps all settings of a bucket in one document, which it reads, changes and writes without
// a lock: settings that are sent at once get lost, and its profile says so.
func TestSettingsSurviveEachOther(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"minio", "custom"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := minioClient(t, service(name))
			if !c.Profile().SerialSettings {
				t.Fatal("the profile sends settings at once")
			}
			for i := range 8 {
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					t.Parallel()
					bucket := newBucket(t, c)
					apply(t, c, bucket, onMinIO(bucket))
				})
			}
		})
	}
}

// A setting that was accepted and is not there is noticed, and made once more.
func TestReapply(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	proxy.AddRule(s3proxy.Rule{
		Match: s3proxy.Match{Operation: "PutBucketTagging"}, When: s3proxy.Nth(1), Action: s3proxy.RespondHTML(http.StatusOK, ""),
	})
	want := onMinIO(bucket)
	_, err := c.Apply(t.Context(), bucket, want, &Observed{}, nil)
	must(t, err)
	now := readBucket(t, c, bucket)
	var lost *NotKeptError
	if _, err := c.Verify(bucket, want, nil, now, nil); !errors.As(err, &lost) || !slices.Equal(lost.Capabilities, []Capability{CapTags}) {
		t.Fatalf("unexpected %v", err)
	}
	proxy.ClearRules()
	proxy.Reset()
	_, err = c.Reapply(t.Context(), bucket, want, now, nil)
	must(t, err)
	if ops := proxy.Operations(); !slices.Equal(ops, []string{"PutBucketTagging"}) {
		t.Errorf("sent %v", ops)
	}
	if _, err := c.Verify(bucket, want, nil, readBucket(t, c, bucket), nil); err != nil {
		t.Error(err)
	}
}

// Whatever was changed beside groundwork is put right, and nothing else is touched.
func TestDrift(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	tests := map[string]Settings{
		"versioning suspended": {Versioning: aws.Bool(false)},
		"encryption off":       {Encryption: &Encryption{Algorithm: EncryptionNone}},
		"rules removed":        {Lifecycle: &Lifecycle{ExpireDeleteMarkers: aws.Bool(false), Expirations: map[string]int32{}}},
		"a rule changed":       {Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(1)}},
		"access removed":       {Access: &[]Access{}},
		"access widened":       {Access: &[]Access{{Level: AccessAdmin, Principals: []string{awsUser}}}},
		"a claim removed":      {Policy: &PolicyClaim{Remove: []string{"Mine"}}},
		"a tag changed":        {Tags: &TagChange{Set: map[string]string{"team": "other"}}},
		"a tag removed":        {Tags: &TagChange{Remove: []string{"team"}}},
	}
	for name, drift := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, c)
			want := onMinIO(bucket)
			before := apply(t, c, bucket, want)
			apply(t, c, bucket, drift)
			var lost *NotKeptError
			if _, err := c.Verify(bucket, want, nil, readBucket(t, c, bucket), nil); !errors.As(err, &lost) {
				t.Fatalf("the drift is not seen: %v", err)
			}
			after := apply(t, c, bucket, want)
			if diff := cmp.Diff(observable(before), observable(after)); diff != "" {
				t.Errorf("not as it was (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyObjectLock(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := testenv.BucketName(t)
	_, err := c.Ensure(t.Context(), bucket, EnsureOptions{ObjectLock: true})
	must(t, err)
	want := &ObjectLock{Mode: "GOVERNANCE", Days: 3}
	for range 2 {
		must(t, c.ApplyObjectLock(t.Context(), bucket, want, readBucket(t, c, bucket)))
	}
	if got := readBucket(t, c, bucket).ObjectLock; got == nil || *got != *want {
		t.Errorf("shows %+v", got)
	}
	if n := len(slices.DeleteFunc(proxy.Operations(), func(op string) bool { return op != "PutObjectLockConfiguration" })); n != 1 {
		t.Errorf("sent %d times", n)
	}
	must(t, c.ApplyObjectLock(t.Context(), bucket, nil, &Observed{}))

	plain := newBucket(t, c)
	var lacks *UnsupportedError
	err = c.ApplyObjectLock(t.Context(), plain, want, readBucket(t, c, plain))
	if !errors.As(err, &lacks) || lacks.Capability != CapObjectLock || lacks.Call != "PutObjectLockConfiguration" || !strings.Contains(err.Error(), "MinIO") {
		t.Errorf("unexpected %v", err)
	}
}

// An expiration is refused where a state would expire, whatever its name, and nothing is changed.
func TestExpirationOfLiveState(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys   []string
		have   map[string]int32 // rules that are there already
		want   map[string]int32
		refuse string // the key
	}{
		"a Terraform state":         {keys: []string{"infra/terraform.tfstate"}, want: map[string]int32{"infra/": 1}, refuse: "infra/terraform.tfstate"},
		"part of a name":            {keys: []string{"infra/terraform.tfstate"}, want: map[string]int32{"in": 1}, refuse: "infra/terraform.tfstate"},
		"a workspace":               {keys: []string{"ws/dev/x.tfstate"}, want: map[string]int32{"ws/": 1}, refuse: "ws/dev/x.tfstate"},
		"a Pulumi stack":            {keys: []string{"team/.pulumi/stacks/shop/dev.json.gz"}, want: map[string]int32{"team/": 1}, refuse: "team/.pulumi/stacks/shop/dev.json.gz"},
		"one of two prefixes":       {keys: []string{"infra/terraform.tfstate"}, want: map[string]int32{"a/": 1, "infra/": 1}, refuse: "infra/terraform.tfstate"},
		"behind many others":        {keys: []string{"infra/a", "infra/b", "infra/z.tfstate"}, want: map[string]int32{"infra/": 1}, refuse: "infra/z.tfstate"},
		"in fewer days than before": {keys: []string{"infra/x.tfstate"}, have: map[string]int32{"infra/": 9}, want: map[string]int32{"infra/": 1}, refuse: "infra/x.tfstate"},
		"as before":                 {keys: []string{"infra/x.tfstate"}, have: map[string]int32{"infra/": 9}, want: map[string]int32{"infra/": 9}},
		"elsewhere":                 {keys: []string{"infra/terraform.tfstate", "logs/x"}, want: map[string]int32{"logs/": 1}},
		"backups":                   {keys: []string{"b/terraform.tfstate.backup", "b/x.tfstate.tflock", "b/.pulumi/backups/shop/dev/dev.1.json"}, want: map[string]int32{"b/": 1}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			bucket := newBucket(t, c)
			if tc.have != nil {
				apply(t, c, bucket, Settings{Lifecycle: &Lifecycle{Expirations: tc.have}})
			}
			for _, key := range tc.keys {
				put(t, c, bucket, key, "x")
			}
			before := readBucket(t, c, bucket)
			proxy.Reset()
			want := Settings{Versioning: aws.Bool(true), Lifecycle: &Lifecycle{Expirations: tc.want}}
			_, err := c.Apply(t.Context(), bucket, want, before, nil)
			if tc.refuse == "" {
				must(t, err)
				return
			}
			var live *LiveStateExpirationError
			if !errors.As(err, &live) || live.Key != tc.refuse || !strings.Contains(err.Error(), bucket) || !strings.Contains(err.Error(), tc.refuse) {
				t.Fatalf("unexpected %v", err)
			}
			if diff := cmp.Diff(observable(before), observable(readBucket(t, c, bucket))); diff != "" {
				t.Errorf("something was changed (-want +got):\n%s", diff)
			}
		})
	}
}

// A bucket that was made just now is not searched: one call less.
func TestExpirationOnNewBucket(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	proxy.Reset()
	_, err := c.Apply(t.Context(), bucket, Settings{Lifecycle: &Lifecycle{Expirations: map[string]int32{"logs/": 1}}}, &Observed{}, nil)
	must(t, err)
	if ops := proxy.Operations(); !slices.Equal(ops, []string{"PutBucketLifecycleConfiguration"}) {
		t.Errorf("sent %v", ops)
	}
}

// A cut at any request leaves an error, and the same again finishes.
func TestApplyAfterCuts(t *testing.T) {
	t.Parallel()
	for _, action := range []s3proxy.Action{s3proxy.CutAfter(), s3proxy.Respond(http.StatusServiceUnavailable, "SlowDown", "slow down", nil)} {
		t.Run(action.String(), func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, func(c *Config) { c.MaxRetries = 1 })
			bucket := newBucket(t, c)
			want := onMinIO(bucket)
			for n := 1; ; n++ {
				proxy.Reset()
				proxy.ClearRules()
				// The second try is broken as well, so that the call fails.
				proxy.FailNth(n, action)
				proxy.FailNth(n+1, action)
				_, err := c.Apply(t.Context(), bucket, want, &Observed{}, nil)
				if len(proxy.Faulted()) == 0 {
					must(t, err)
					break
				}
				if err == nil && len(proxy.Faulted()) > 1 {
					t.Errorf("request %d was cut twice, and nobody noticed", n)
				}
				proxy.ClearRules()
				apply(t, c, bucket, want)
			}
		})
	}
}
