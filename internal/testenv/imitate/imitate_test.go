package imitate

import (
	"context"
	"crypto/md5" //nolint:gosec // the protocol's
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// bench is an imitation with a client of the plain SDK, which sends what the tools send.
type bench struct {
	*Server

	client *s3.Client
	bucket string
}

func newBench(t *testing.T, name Name, opts ...Option) *bench {
	t.Helper()
	s := Start(t, name, opts...)
	hc := awshttp.NewBuildableClient()
	if s.CAFile != "" {
		hc = trusting(t, hc, s.CAFile)
	}
	b := &bench{Server: s, bucket: testenv.BucketName(t), client: s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, Region: s.Region, UsePathStyle: true, HTTPClient: hc, Retryer: aws.NopRetryer{},
		Credentials:                credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})}
	in := &s3.CreateBucketInput{Bucket: &b.bucket}
	if name == AWS {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.Region)}
	}
	if _, err := b.client.CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return b
}

func code(err error) string {
	var api smithy.APIError
	if err == nil {
		return "ok"
	}
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return err.Error()
}

// try makes the calls in which the services differ.
func (b *bench) try(ctx context.Context, call string) error {
	put := func(header string) error {
		in := &s3.PutObjectInput{Bucket: &b.bucket, Key: aws.String(call), Body: strings.NewReader("x")}
		if header != "" {
			in.IfNoneMatch = &header
		}
		_, err := b.client.PutObject(ctx, in)
		return err
	}
	switch call {
	case "PutObject":
		return put("")
	case "PutObject twice, conditional":
		return errors.Join(put("*"), put("*"))
	case "PutBucketVersioning":
		_, err := b.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
			Bucket: &b.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		})
		return err
	case "ListObjectVersions":
		_, err := b.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.bucket})
		return err
	case "PutPublicAccessBlock":
		_, err := b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: &b.bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
		})
		return err
	case "PutBucketTagging":
		_, err := b.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
			Bucket: &b.bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
		})
		return err
	case "PutBucketPolicy":
		_, err := b.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.bucket, Policy: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::` + b.bucket + `"}]}`)})
		return err
	case "PutObject, checksum":
		_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.bucket, Key: aws.String("x"), Body: strings.NewReader("x"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		return err
	}
	panic(call)
}

func TestServicesDiffer(t *testing.T) {
	t.Parallel()
	const none, ok = "NotImplemented", "ok"
	want := map[string]map[Name]string{
		"PutObject":                    {Scaleway: ok, R2: ok, B2: ok, Ceph: ok, Garage: ok},
		"PutObject twice, conditional": {Scaleway: "PreconditionFailed", R2: "PreconditionFailed", B2: none, Ceph: "PreconditionFailed", Garage: ok},
		"PutBucketVersioning":          {Scaleway: ok, R2: none, B2: ok, Ceph: ok, Garage: none},
		"ListObjectVersions":           {Scaleway: ok, R2: none, B2: ok, Ceph: ok, Garage: none},
		"PutPublicAccessBlock":         {Scaleway: none, R2: none, B2: none, Ceph: ok, Garage: none},
		"PutBucketTagging":             {Scaleway: ok, R2: none, B2: none, Ceph: ok, Garage: none},
		"PutBucketPolicy":              {Scaleway: "MalformedPolicy", R2: none, B2: none, Ceph: ok, Garage: none},
		"PutObject, checksum":          {Scaleway: ok, R2: ok, B2: "InvalidArgument", Ceph: ok, Garage: ok},
	}
	for _, name := range Names() {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, name)
			for call, codes := range want {
				if got := code(b.try(t.Context(), call)); got != codes[name] {
					t.Errorf("%s: %s, want %s", call, got, codes[name])
				}
			}
		})
	}
}

// Over https the SDK lets the checksum of a body follow it. Only R2, the Ceph family and B2 mind.
func TestTrailingChecksums(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, name, WithTLS())
			got := code(b.try(t.Context(), "PutObject, checksum"))
			if want := map[Name]string{R2: "NotImplemented", Ceph: "XAmzContentSHA256Mismatch", B2: "InvalidArgument"}[name]; got != want && (want != "" || got != "ok") {
				t.Errorf("got %s", got)
			}
			if got := code(b.try(t.Context(), "PutObject")); got != "ok" {
				t.Errorf("without: %s", got)
			}
		})
	}
}

// What the imitation keeps is shown as it was sent, bucket by bucket, and ends with the bucket.
func TestKeptSettings(t *testing.T) {
	t.Parallel()
	b := newBench(t, Scaleway)
	ctx := t.Context()
	get := func() (string, error) {
		out, err := b.client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &b.bucket})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Rules[0].ID), nil
	}
	if _, err := get(); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("unexpected %v", err)
	}
	put := func() error {
		_, err := b.client.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &b.bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
				ID: aws.String("abort"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{},
				AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)},
			}}},
		})
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	if id, err := get(); err != nil || id != "abort" {
		t.Errorf("shown %q, %v", id, err)
	}
	if _, err := b.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := get(); code(err) != "NoSuchLifecycleConfiguration" {
		t.Errorf("after the bucket: %v", err)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	rule := func(inside string) string {
		return "<LifecycleConfiguration><Rule><ID>a</ID>" + inside + "</Rule></LifecycleConfiguration>"
	}
	const statement = `{"Version":"2023-04-17","Statement":[{"Sid":"a","Principal":{"SCW":["user_id:11111111-2222-3333-4444-555555555555"]},"Resource":["bucket","bucket/*"]}]}`
	for name, tc := range map[string]struct {
		check    check
		document string
		ok       bool
	}{
		"a rule":                      {anyLifecycle, rule(""), true},
		"no rule":                     {anyLifecycle, "<LifecycleConfiguration/>", false},
		"no document":                 {anyLifecycle, "{}", false},
		"versions without versioning": {noVersions, rule("<NoncurrentVersionExpiration/>"), false},
		"markers without versioning":  {noVersions, rule("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"), false},
		"an expiration":               {noVersions, rule("<Expiration><Days>1</Days></Expiration>"), true},
		"a prefix inside":             {prefixInFilter, rule("<Filter><Prefix>a</Prefix></Filter>"), true},
		"a prefix outside":            {prefixInFilter, rule("<Prefix>a</Prefix>"), false},
		"Scaleway's dialect":          {scalewayPolicy, statement, true},
		"for everyone":                {scalewayPolicy, `{"Version":"2023-04-17","Statement":[{"Principal":"*","Resource":"bucket"}]}`, true},
		"the older version":           {scalewayPolicy, strings.Replace(statement, "2023-04-17", "2012-10-17", 1), false},
		"an ARN":                      {scalewayPolicy, strings.Replace(statement, `"bucket"`, `"arn:aws:s3:::bucket"`, 1), false},
		"AWS's dialect":               {awsPolicy, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Resource":["arn:aws:s3:::b"]}]}`, true},
		"not AWS's version":           {awsPolicy, statement, false},
		"not AWS's names":             {awsPolicy, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Resource":"b"}]}`, false},
		"nobody":                      {awsPolicy, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Resource":"arn:aws:s3:::b"}]}`, false},
		"no AWS policy":               {awsPolicy, "<xml/>", false},
		"another principal":           {scalewayPolicy, strings.Replace(statement, "user_id:", "user:", 1), false},
		"no policy":                   {scalewayPolicy, "<xml/>", false},
	} {
		if err := tc.check([]byte(tc.document)); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A document without a digest, or with a wrong one, is refused.
func TestDigests(t *testing.T) {
	t.Parallel()
	b := newBench(t, R2)
	good := md5.Sum([]byte("<LifecycleConfiguration><Rule/></LifecycleConfiguration>")) //nolint:gosec // the protocol's
	for digest, want := range map[string]string{
		"": "InvalidRequest", "AAAAAAAAAAAAAAAAAAAAAA==": "BadDigest", base64.StdEncoding.EncodeToString(good[:]): "ok",
	} {
		if got := code(b.raw(t, digest)); got != want {
			t.Errorf("digest %q: %s, want %s", digest, got, want)
		}
	}
}

// A policy that demands TLS is kept and shown, and shuts nobody out, as moto alone would: it passes over
// conditions.
func TestAWSOnMoto(t *testing.T) {
	t.Parallel()
	server := testenv.Moto(t)
	for name, tc := range map[string]struct {
		options []Option
		after   string
	}{
		"moto alone": {nil, "Forbidden"}, "imitated": {[]Option{WithTLS()}, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			on := Upstream{Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey, Region: server.Region}
			b := newBench(t, AWS, append(tc.options, On(on))...)
			if name == "moto alone" {
				b.Proxy.ClearRules()
			}
			policy := `{"Version":"2012-10-17","Statement":[{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` +
				b.bucket + `","arn:aws:s3:::` + b.bucket + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
			if _, err := b.client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &b.bucket, Policy: &policy}); err != nil {
				t.Fatal(err)
			}
			if got := code(b.try(t.Context(), "PutObject")); got != tc.after {
				t.Errorf("then a PUT is %s", got)
			}
			if shown, err := b.client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &b.bucket}); err != nil || aws.ToString(shown.Policy) != policy {
				t.Errorf("shown is %+v, %v", shown, err)
			}
			if got := code(b.try(t.Context(), "PutPublicAccessBlock")); got != "ok" {
				t.Errorf("what moto has is %s", got)
			}
		})
	}
}

// On another server the imitation is the same.
func TestOnVersity(t *testing.T) {
	t.Parallel()
	server := testenv.Versity(t)
	b := newBench(t, Garage, On(Upstream{Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey, Region: server.Region}))
	if got := code(b.try(t.Context(), "PutObject twice, conditional")); got != "ok" {
		t.Errorf("the header was not ignored: %s", got)
	}
	if got := code(b.try(t.Context(), "PutBucketPolicy")); got != "NotImplemented" {
		t.Errorf("a policy: %s", got)
	}
}

func TestProviderBlock(t *testing.T) {
	t.Parallel()
	s := &Server{Name: R2, Endpoint: "https://127.0.0.1:1", Region: "auto", AccessKey: "a", SecretKey: "b", CAFile: "/ca.pem"}
	for _, want := range []string{`service    = "r2"`, `region     = "auto"`, `ca_bundle  = "/ca.pem"`} {
		if !strings.Contains(s.ProviderBlock(), want) {
			t.Errorf("it lacks %s:\n%s", want, s.ProviderBlock())
		}
	}
	if env := strings.Join(s.Env(), " "); !strings.Contains(env, "AWS_CA_BUNDLE=/ca.pem") || !strings.Contains(env, "AWS_ACCESS_KEY_ID=a") {
		t.Errorf("unexpected %s", env)
	}
}

// raw sends a document with a digest of its own.
func (b *bench) raw(t *testing.T, digest string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.Endpoint+"/"+b.bucket+"?lifecycle",
		strings.NewReader("<LifecycleConfiguration><Rule/></LifecycleConfiguration>"))
	if err != nil {
		t.Fatal(err)
	}
	if digest != "" {
		req.Header.Set("Content-MD5", digest)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var answer struct{ Code string }
	if err := xml.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return errors.New(answer.Code)
}

// trusting adds an authority to a client.
func trusting(t *testing.T, hc *awshttp.BuildableClient, caFile string) *awshttp.BuildableClient {
	t.Helper()
	pem, err := os.ReadFile(caFile) //nolint:gosec // made by this test
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate")
	}
	return hc.WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	})
}

// B2 keeps versions of everything, asked or not.
func TestAlwaysVersioned(t *testing.T) {
	t.Parallel()
	b := newBench(t, B2)
	for range 2 {
		if err := b.try(t.Context(), "PutObject"); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &b.bucket})
	if err != nil || len(out.Versions) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
	status, err := b.client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &b.bucket})
	if err != nil || status.Status != types.BucketVersioningStatusEnabled {
		t.Errorf("%+v, %v", status, err)
	}
}
