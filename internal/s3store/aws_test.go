package s3store

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// onMoto returns a client of moto as of AWS, through a proxy of this test.
func onMoto(t *testing.T) (*Client, *s3proxy.Proxy) {
	t.Helper()
	server, proxy := testenv.Moto(t), testenv.MotoProxy(t)
	return newClient(t, Config{
		Service: "aws", Region: server.Region, Endpoint: proxy.URL(), AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		UsePathStyle: aws.Bool(true),
	}), proxy
}

// logBucket makes a bucket that takes access logs, as AWS wants it.
func logBucket(t *testing.T, c *Client) string {
	t.Helper()
	name := newBucket(t, c)
	_, err := c.api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":["s3:PutObject"],"Resource":"arn:aws:s3:::` + name + `/*"}]}`)})
	must(t, err)
	return name
}

// sent collects the headers and the bodies of the changes that pass a proxy, by call.
type sent struct {
	mu     sync.Mutex
	header map[string]http.Header
	body   map[string]string
}

func tap(proxy *s3proxy.Proxy, calls ...string) *sent {
	s := &sent{header: map[string]http.Header{}, body: map[string]string{}}
	for _, call := range calls {
		proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: call}, Action: s3proxy.Tap(func(header http.Header, body []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.header[call], s.body[call] = header, string(body)
		})})
	}
	return s
}

// Everything that AWS has is written and read back, turned off again, and leaves nothing.
func TestAWSSettings(t *testing.T) {
	t.Parallel()
	c, proxy := onMoto(t)
	bucket, logs := newBucket(t, c), logBucket(t, c)
	want := onMinIO(bucket)
	want.BlockPublicAccess = aws.Bool(true)
	want.Encryption = &Encryption{Algorithm: EncryptionKMS, KMSKeyID: "alias/states"}
	want.Lifecycle.AbortIncompleteUploadsDays = days(7)
	want.Lifecycle.NoncurrentVersionsToKeep = nil // see TestAWSKeepsWhatMotoDrops
	want.Logging = &Logging{TargetBucket: logs, TargetPrefix: "states/"}
	puts := []string{
		"PutBucketVersioning", "PutBucketEncryption", "PutPublicAccessBlock", "PutBucketLifecycleConfiguration", "PutBucketPolicy",
		"PutBucketTagging", "PutBucketLogging", "PutObjectLockConfiguration",
	}
	seen := tap(proxy, puts...)
	for range 2 {
		apply(t, c, bucket, want)
	}
	must(t, c.ApplyObjectLock(t.Context(), bucket, &ObjectLock{Mode: "COMPLIANCE", Days: 30}, &Observed{}))
	now := readBucket(t, c, bucket)
	if deref(now.ObjectLock) != (ObjectLock{Mode: "COMPLIANCE", Days: 30}) || deref(now.Logging) != *want.Logging || !now.PublicAccessBlocked ||
		deref(now.Encryption) != *want.Encryption {
		t.Errorf("shows %+v", now)
	}
	if diff := cmp.Diff(want.Tags.Set, now.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, call := range puts {
		header := seen.header[call]
		if header.Get("Content-MD5") == "" && !strings.Contains(fmt.Sprint(header), "Checksum") {
			t.Errorf("%s was sent without a checksum: %v", call, header)
		}
	}
	proxy.Reset()
	apply(t, c, bucket, want) // nothing is left to do
	if ops := slices.DeleteFunc(proxy.Operations(), func(op string) bool { return !strings.HasPrefix(op, "Put") }); len(ops) > 0 {
		t.Errorf("a repetition sends %v", ops)
	}
	apply(t, c, bucket, Settings{
		BlockPublicAccess: aws.Bool(false), Encryption: &Encryption{Algorithm: EncryptionNone}, Logging: &Logging{},
		Lifecycle: &Lifecycle{
			NoncurrentExpirationDays: days(0), NoncurrentVersionsToKeep: days(0), AbortIncompleteUploadsDays: days(0),
			ExpireDeleteMarkers: aws.Bool(false), Expirations: map[string]int32{},
		},
		Access: &[]Access{}, Policy: &PolicyClaim{Remove: []string{"Mine"}}, Tags: &TagChange{Remove: []string{"team", "cost centre"}},
	})
	left := readBucket(t, c, bucket)
	if left.PublicAccessBlocked || left.Encryption != nil || left.Logging != nil || len(left.Tags) > 0 || left.Policy != nil && len(left.Policy.Statements) > 0 {
		t.Errorf("left is %+v", left)
	}
	for call, err := range map[string]error{
		"policy":    ignored(c.api.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})),
		"lifecycle": ignored(c.api.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})),
		"tags":      ignored(c.api.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &bucket})),
	} {
		if err := c.wrap(call, bucket, "", err); !errors.Is(err, ErrNotFound) {
			t.Errorf("the %s is left: %v", call, err)
		}
	}
}

// Where logging is on, who reads and writes a state stands in the other bucket: moto writes it at once,
// AWS within hours.
func TestAWSLogsAccesses(t *testing.T) {
	t.Parallel()
	c, _ := onMoto(t)
	bucket, logs := newBucket(t, c), logBucket(t, c)
	logged := func() string {
		var text strings.Builder
		for _, v := range versionsOf(t, c, logs, "states/") {
			body, err := c.GetListed(t.Context(), logs, v)
			must(t, err)
			text.WriteString(readAll(t, body))
		}
		return text.String()
	}
	put(t, c, bucket, "infra/before.tfstate", "x")
	apply(t, c, bucket, Settings{Logging: &Logging{TargetBucket: logs, TargetPrefix: "states/"}})
	put(t, c, bucket, "infra/terraform.tfstate", "x")
	if text := logged(); !strings.Contains(text, bucket) || !strings.Contains(text, "infra/terraform.tfstate") || strings.Contains(text, "before.tfstate") {
		t.Errorf("logged is:\n%s", text)
	}
	apply(t, c, bucket, Settings{Logging: &Logging{}})
	put(t, c, bucket, "infra/after.tfstate", "x")
	if strings.Contains(logged(), "after.tfstate") {
		t.Error("it is logged after it was turned off")
	}
}

func ignored[T any](_ T, err error) error { return err }

// What others have set beside a setting stays, since a PUT without it resets it.
func TestAWSKeepsWhatIsBeside(t *testing.T) {
	t.Parallel()
	c, _ := onMoto(t)
	bucket, logs := newBucket(t, c), logBucket(t, c)
	ctx := t.Context()
	group := &types.Grantee{Type: types.TypeGroup, URI: aws.String("http://acs.amazonaws.com/groups/s3/LogDelivery")}
	must(t, errors.Join(
		c.setVersioning(t, bucket, types.BucketVersioningStatusEnabled),
		ignored(c.api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true), ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("old"),
			}}},
		}})),
		ignored(c.api.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: &bucket, BucketLoggingStatus: &types.BucketLoggingStatus{LoggingEnabled: &types.LoggingEnabled{
			TargetBucket: &logs, TargetPrefix: aws.String("old/"), TargetGrants: []types.TargetGrant{{Grantee: group, Permission: types.BucketLogsPermissionRead}},
		}}})),
		ignored(c.api.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{
			Rules: []types.LifecycleRule{{ID: aws.String("theirs"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{},
				Transitions: []types.Transition{{Days: aws.Int32(30), StorageClass: types.TransitionStorageClassGlacier}}}},
		}})),
		ignored(c.api.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}})),
		ignored(c.api.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: &bucket, ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled, Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Years: aws.Int32(2)}},
		}})),
		ignored(c.api.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &bucket, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}},
		}})),
	))
	before := readBucket(t, c, bucket)
	if before.PublicAccessBlocked || deref(before.ObjectLock).Days != 730 || deref(before.Logging) != (Logging{logs, "old/"}) {
		t.Errorf("read %+v", before)
	}
	apply(t, c, bucket, Settings{
		Encryption: &Encryption{Algorithm: EncryptionKMS, KMSKeyID: "new"}, Logging: &Logging{TargetBucket: logs, TargetPrefix: "new/"},
		Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(9)},
	})
	encryption, err := c.api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket})
	must(t, err)
	if r := encryption.ServerSideEncryptionConfiguration.Rules; len(r) != 1 || !aws.ToBool(r[0].BucketKeyEnabled) || aws.ToString(r[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID) != "new" {
		t.Errorf("encryption became %+v", r)
	}
	logging, err := c.api.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &bucket})
	must(t, err)
	if l := logging.LoggingEnabled; l == nil || aws.ToString(l.TargetPrefix) != "new/" || len(l.TargetGrants) != 1 || l.TargetGrants[0].Permission != types.BucketLogsPermissionRead {
		t.Errorf("logging became %+v", l)
	}
	lifecycle, err := c.api.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
	must(t, err)
	theirs := slices.IndexFunc(lifecycle.Rules, func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == "theirs" })
	if len(lifecycle.Rules) != 2 || theirs < 0 || len(lifecycle.Rules[theirs].Transitions) != 1 || lifecycle.Rules[theirs].Transitions[0].StorageClass != types.TransitionStorageClassGlacier {
		t.Errorf("lifecycle became %+v", lifecycle.Rules)
	}
	ownership, err := c.api.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket})
	must(t, err)
	if r := ownership.OwnershipControls.Rules; len(r) != 1 || r[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerPreferred {
		t.Errorf("ownership became %+v", r)
	}
}

// What AWS shows beside a setting and moto does not keep is sent back as well: the proxy shows it,
// and sees what is sent.
func TestAWSKeepsWhatMotoDrops(t *testing.T) {
	t.Parallel()
	const minimum = "X-Amz-Transition-Default-Minimum-Object-Size"
	c, proxy := onMoto(t)
	bucket, logs := newBucket(t, c), logBucket(t, c)
	shows := func(call, document string, header http.Header) {
		proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: call}, Action: s3proxy.RespondWith(http.StatusOK, document, header)})
	}
	shows("GetBucketEncryption", `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>old</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>`+
		`<BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>`, nil)
	shows("GetBucketLogging", `<BucketLoggingStatus><LoggingEnabled><TargetBucket>`+logs+`</TargetBucket><TargetPrefix>old/</TargetPrefix>`+
		`<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>`, nil)
	shows("GetBucketLifecycleConfiguration", `<LifecycleConfiguration><Rule><ID>theirs</ID><Status>Enabled</Status><Filter/><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>`,
		http.Header{minimum: {"varies_by_storage_class"}})
	seen := tap(proxy, "PutBucketEncryption", "PutBucketLogging", "PutBucketLifecycleConfiguration")
	have := readBucket(t, c, bucket)
	send := func(s Settings) {
		t.Helper()
		if _, err := c.Apply(t.Context(), bucket, s, have, nil); err != nil {
			t.Fatal(err)
		}
	}
	send(Settings{
		Encryption: &Encryption{Algorithm: EncryptionKMS, KMSKeyID: "new"}, Logging: &Logging{TargetBucket: logs, TargetPrefix: "new/"},
		Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(9), NoncurrentVersionsToKeep: days(5)},
	})
	for call, parts := range map[string][]string{
		"PutBucketEncryption":             {"<KMSMasterKeyID>new<", "<BucketKeyEnabled>true<", "<EncryptionType>SSE-C<"},
		"PutBucketLogging":                {"<TargetPrefix>new/<", "SimplePrefix"},
		"PutBucketLifecycleConfiguration": {"<Rule><ID>theirs</ID><Status>Enabled</Status><Filter/><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>", ruleNoncurrent, "<NewerNoncurrentVersions>5<"},
	} {
		for _, part := range parts {
			if !strings.Contains(seen.body[call], part) {
				t.Errorf("%s lost %s: %s", call, part, seen.body[call])
			}
		}
		if err := xml.Unmarshal([]byte(seen.body[call]), new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%s is no XML: %v", call, err)
		}
	}
	if got := seen.header["PutBucketLifecycleConfiguration"].Get(minimum); got != "varies_by_storage_class" {
		t.Errorf("the minimum size became %q", got)
	}
	send(Settings{Encryption: &Encryption{Algorithm: EncryptionAES256}})
	if doc := seen.body["PutBucketEncryption"]; strings.Contains(doc, "BucketKeyEnabled") || !strings.Contains(doc, "SSE-C") {
		t.Errorf("AES256 has no key, and what is blocked stays: %s", doc)
	}
}

// A document that cannot be read is an error, and never taken for an empty one.
func TestReadOfBrokenDocuments(t *testing.T) {
	t.Parallel()
	c, proxy := onMoto(t)
	for call, doc := range map[string]string{
		"GetBucketPolicy": `{"Version":"2012-10-17","Statement":[`, "GetBucketLifecycleConfiguration": "<LifecycleConfiguration><Rule>", "GetBucketTagging": "<Tagging><TagSet>",
	} {
		bucket := newBucket(t, c)
		proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: call, Bucket: bucket}, Action: s3proxy.RespondWith(http.StatusOK, doc, nil)})
		o, err := c.Read(t.Context(), bucket)
		var ce *CallError
		if o != nil || !errors.As(err, &ce) || ce.Bucket != bucket {
			t.Errorf("%s: %+v, %v", call, o, err)
		}
	}
}

// moto shows policies as they were sent, so that what is written can be compared with what is read.
func TestAWSPolicyIsReadBack(t *testing.T) {
	t.Parallel()
	c, _ := onMoto(t)
	bucket := newBucket(t, c)
	apply(t, c, bucket, Settings{Access: &[]Access{{Level: AccessReadOnly, Principals: []string{awsRole}}, {Level: AccessAdmin, Principals: []string{awsUser}, Prefix: "infra/"}}})
	out, err := c.api.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	must(t, err)
	if !json.Valid([]byte(aws.ToString(out.Policy))) || !strings.Contains(*out.Policy, "groundwork-") {
		t.Errorf("the policy is %s", aws.ToString(out.Policy))
	}
	now := readBucket(t, c, bucket)
	if got := c.ObservedAccess(bucket, c.Region(), now.Policy); len(got) != 2 {
		t.Errorf("it is read back as %+v", got)
	}
}
