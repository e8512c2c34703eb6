package s3store

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// rawLifecycle sets a lifecycle that the SDK's types could not express.
func rawLifecycle(t *testing.T, c *Client, bucket, rules string) {
	t.Helper()
	_, err := c.api.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{}},
	}, replaceBody([]byte("<LifecycleConfiguration>"+rules+"</LifecycleConfiguration>")))
	must(t, err)
}

// foreignRules are two rules with what only MinIO knows, and a disabled one.
const foreignRules = `<Rule><ID>all versions &amp; more</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><Expiration><Days>3</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration></Rule>` +
	`<Rule><ID>markers</ID><Status>Enabled</Status><Filter><Prefix>b/</Prefix></Filter><DelMarkerExpiration><Days>5</Days></DelMarkerExpiration></Rule>` +
	`<Rule><ID>off</ID><Status>Disabled</Status><Filter><And><Prefix>c/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Expiration><Days>9</Days></Expiration></Rule>`

// Whatever groundwork sets, changes and removes, what others set beside it stays byte for byte.
func TestForeignSettingsSurvive(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := newBucket(t, c)
	rawLifecycle(t, c, bucket, foreignRules)
	// Sets of one, since MinIO writes larger ones in any order.
	theirs := `{"Sid":"Theirs","Effect":"Deny","Principal":{"AWS":["` + awsRole + `"]},"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::` + bucket + `"],"Condition":{"NumericLessThan":{"s3:max-keys":["10"]}}}`
	_, err := c.api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: &bucket, Policy: aws.String(`{"Version":"2012-10-17","Id":"their policy","Statement":[` + theirs + `]}`),
	})
	must(t, err)
	_, err = c.api.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
		Bucket: &bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("owner"), Value: aws.String("somebody else")}}},
	})
	must(t, err)

	before := readBucket(t, c, bucket)
	if before.Lifecycle.ForeignRules() != 3 || len(before.Policy.Statements) != 1 || len(before.Tags) != 1 {
		t.Fatalf("read %+v", before)
	}
	for _, needed := range []string{"ExpiredObjectAllVersions", "DelMarkerExpiration"} {
		if rendered, err := before.Lifecycle.render(nil); err != nil || !strings.Contains(string(rendered), needed) {
			t.Fatalf("MinIO does not show %s: %s", needed, rendered)
		}
	}
	check := func(step string, o *Observed) {
		t.Helper()
		is, err := o.Lifecycle.render(nil)
		must(t, err)
		was, err := before.Lifecycle.render(nil)
		must(t, err)
		if string(is) != string(was) {
			t.Errorf("%s: the foreign rules became\n%s\nfrom\n%s", step, is, was)
		}
		found, _ := o.Policy.Find("Theirs")
		if want, _ := before.Policy.Find("Theirs"); string(found.Raw) != string(want.Raw) || o.Policy.ID != "their policy" {
			t.Errorf("%s: the foreign statement became %s (Id %q) from %s", step, found.Raw, o.Policy.ID, want.Raw)
		}
		if o.Tags["owner"] != "somebody else" {
			t.Errorf("%s: the foreign tag became %q", step, o.Tags["owner"])
		}
	}
	want := onMinIO(bucket)
	check("set", apply(t, c, bucket, want))
	want.Lifecycle.NoncurrentExpirationDays = days(30)
	want.Access = &[]Access{{Level: AccessAdmin, Principals: []string{awsUser}}}
	want.Tags = &TagChange{Set: map[string]string{"team": "other"}}
	check("changed", apply(t, c, bucket, want))
	after := apply(t, c, bucket, Settings{
		Lifecycle: &Lifecycle{
			NoncurrentExpirationDays: days(0), NoncurrentVersionsToKeep: days(0), ExpireDeleteMarkers: aws.Bool(false), Expirations: map[string]int32{},
		},
		Access: &[]Access{}, Policy: &PolicyClaim{Remove: []string{"Mine"}}, Tags: &TagChange{Remove: []string{"team", "cost centre"}},
	})
	check("removed", after)
	if len(after.Policy.Statements) != 1 || !after.Lifecycle.Owned.Equal(Lifecycle{}) || !maps.Equal(after.Tags, before.Tags) {
		t.Errorf("something of ours stayed: %+v", after)
	}
}

// A setting that is left out is left alone, as on a bucket that was adopted.
func TestSettingsLeftOutStay(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := newBucket(t, c)
	apply(t, c, bucket, onMinIO(bucket))
	rawLifecycle(t, c, bucket, foreignRules)
	before := readBucket(t, c, bucket)
	lacking, err := c.Apply(t.Context(), bucket, Settings{}, before, nil)
	if err != nil || len(lacking) > 0 {
		t.Fatalf("lacking %v, %v", lacking, err)
	}
	after := observable(readBucket(t, c, bucket))
	for name, was := range observable(before) {
		if after[name] != was {
			t.Errorf("%s became %s from %s", name, after[name], was)
		}
	}
}

// What stands beside a setting in the same call of AWS is sent back: a PUT without it resets it.
func TestReadKeepsWhatIsBeside(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := newBucket(t, c)
	o := readBucket(t, c, bucket)
	o.encryptionRule.BucketKeyEnabled = aws.Bool(true)
	o.Lifecycle.transitionMinimum = types.TransitionDefaultMinimumObjectSizeVariesByStorageClass
	a := &applier{c: c, bucket: bucket, have: o, want: Settings{Encryption: &Encryption{Algorithm: EncryptionAES256}}}
	must(t, a.encryption(t.Context()))
	if got := readBucket(t, c, bucket).Encryption; got == nil || got.Algorithm != EncryptionAES256 {
		t.Errorf("shows %+v", got)
	}
	if deref(o.encryptionRule.BucketKeyEnabled) != true {
		t.Error("what was observed was changed")
	}
}

// Scaleway's documentation shows an answer without a rule where nothing encrypts by default, and not
// an error. That is a bucket without encryption, and not a service without it.
func TestReadWithoutEncryption(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no rule": `<ServerSideEncryptionConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`, "nothing at all": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, service := imitated(t, imitate.Scaleway)
			bucket := newBucket(t, c)
			service.Proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetBucketEncryption"}, Action: s3proxy.Answer("no encryption", func(s3proxy.Request, []byte) s3proxy.Reply {
				return s3proxy.Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}}, Body: []byte(body)}
			})})
			if o := readBucket(t, c, bucket); o.Encryption != nil || o.Unsupported[CapEncryption] {
				t.Errorf("shows %+v, lacking %v", o.Encryption, o.Unsupported)
			}
		})
	}
}
