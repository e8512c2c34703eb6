package s3proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// env is a proxy with a bucket behind it, a client through it that repeats nothing, and a client
// past it that sees what really happened.
type env struct {
	*testing.T

	proxy           *s3proxy.Proxy
	through, direct *s3.Client
	bucket          string
}

func setup(t *testing.T) *env {
	t.Helper()
	server := testenv.MinIO(t)
	e := &env{T: t, proxy: testenv.Proxy(t, server), direct: server.Client(), bucket: testenv.BucketName(t)}
	e.through = client(server, e.proxy.URL())
	if _, err := e.direct.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &e.bucket}); err != nil {
		t.Fatal(err)
	}
	return e
}

func client(server *minio.Server, url string) *s3.Client {
	return server.ClientFor(url, func(o *s3.Options) {
		o.Retryer = aws.NopRetryer{}
		// A connection of its own, which net/http cannot find broken and try again.
		o.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	})
}

func (e *env) put(key, body string, change ...func(*s3.PutObjectInput)) error {
	in := &s3.PutObjectInput{Bucket: &e.bucket, Key: &key, Body: strings.NewReader(body)}
	for _, f := range change {
		f(in)
	}
	_, err := e.through.PutObject(e.Context(), in)
	return err
}

func ifAbsent(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }

// stored returns what the server really holds; absent is "(absent)".
func (e *env) stored(key string) string {
	e.Helper()
	text, err := read(e.Context(), e.direct, e.bucket, key)
	if code(err) == "NoSuchKey" {
		return "(absent)"
	}
	if err != nil {
		e.Fatal(err)
	}
	return text
}

func read(ctx context.Context, client *s3.Client, bucket, key string) (string, error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(out.Body)
	return string(data), err
}

func (e *env) last() s3proxy.Request {
	e.Helper()
	requests := e.proxy.Requests()
	if len(requests) == 0 {
		e.Fatal("nothing was recorded")
	}
	return requests[len(requests)-1]
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func status(err error) int {
	var response interface{ HTTPStatusCode() int }
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecordsWhatPasses(t *testing.T) {
	e := setup(t)
	ctx := t.Context()
	const key = "a b/ü+%2F/c?d&e=f"
	must(t, e.put(key, "content", ifAbsent))
	if code(e.put(key, "other", ifAbsent)) != "PreconditionFailed" {
		t.Error("the condition did not reach the server")
	}
	if text, err := read(ctx, e.through, e.bucket, key); err != nil || text != "content" {
		t.Errorf("read %q, %v", text, err)
	}
	_, err := e.through.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &e.bucket, Key: aws.String("absent")})
	if status(err) != http.StatusNotFound {
		t.Errorf("head of an absent object: %v", err)
	}
	_, err = e.through.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket:                  &e.bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	_, err = e.through.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &e.bucket, Prefix: aws.String("a")})
	must(t, err)

	want := []string{"PutObject", "PutObject", "GetObject", "HeadObject", "PutBucketVersioning", "ListObjectVersions"}
	if got := e.proxy.Operations(); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	requests := e.proxy.Requests()
	for i, r := range requests {
		if r.Seq != i+1 || r.Bucket != e.bucket || r.Fault != "" || r.Start.IsZero() || r.End.Before(r.Start) || r.Upstream != r.Status {
			t.Errorf("unexpected %+v", r)
		}
		if i > 0 && r.Start.Before(requests[i-1].End) {
			t.Errorf("%s started before %s had ended", r.Operation, requests[i-1].Operation)
		}
	}
	first, second := requests[0], requests[1]
	if first.Key != key || first.Method != http.MethodPut || first.Status != 200 || first.ErrorCode != "" ||
		first.BodyBytes != int64(len("content")) || first.Header.Get("If-None-Match") != "*" {
		t.Errorf("unexpected %+v", first)
	}
	if second.Status != 412 || second.ErrorCode != "PreconditionFailed" {
		t.Errorf("unexpected %+v", second)
	}
	if query := requests[5].Query; !slices.Equal(query, []string{"prefix", "versions"}) {
		t.Errorf("unexpected query %v", query)
	}
	if n := e.proxy.Rounds(); n != len(want) {
		t.Errorf("%d rounds, want %d", n, len(want))
	}
	e.proxy.Reset()
	if n := len(e.proxy.Requests()); n != 0 {
		t.Errorf("%d requests are left after Reset", n)
	}
}

func TestPassesLargeBodies(t *testing.T) {
	e := setup(t)
	ctx := t.Context()
	part := strings.Repeat("0123456789abcdef", 5<<20/16)
	up, err := e.through.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &e.bucket, Key: aws.String("big")})
	must(t, err)
	var parts []types.CompletedPart
	for n := int32(1); n <= 2; n++ {
		out, err := e.through.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &e.bucket, Key: aws.String("big"), UploadId: up.UploadId, PartNumber: &n, Body: strings.NewReader(part),
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: &n})
	}
	_, err = e.through.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &e.bucket, Key: aws.String("big"), UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	text, err := read(ctx, e.through, e.bucket, "big")
	if err != nil || text != part+part {
		t.Errorf("%d bytes came back, %v", len(text), err)
	}
	want := []string{"CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload", "GetObject"}
	if got := e.proxy.Operations(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := e.proxy.Requests()[1].BodyBytes; n != 5<<20 {
		t.Errorf("a part of %d bytes was recorded", n)
	}
}

// What FailNth is for: each request of an operation fails in turn, and then none.
func TestFailNthEnumerates(t *testing.T) {
	e := setup(t)
	var survived []string
	for n := 1; ; n++ {
		e.proxy.ClearRules()
		e.proxy.Reset()
		e.proxy.FailNth(n, s3proxy.CutBefore())
		var done []string
		for _, key := range []string{"a", "b", "c"} {
			if e.put(key, "x") == nil {
				done = append(done, key)
			}
		}
		survived = append(survived, strings.Join(done, ""))
		if len(e.proxy.Faulted()) == 0 {
			break
		}
	}
	if want := []string{"bc", "ac", "ab", "abc"}; !slices.Equal(survived, want) {
		t.Errorf("got %v, want %v", survived, want)
	}
}

func TestRoundsOfParallelRequests(t *testing.T) {
	e := setup(t)
	const parallel = 4
	// Holding each of the four until all have arrived makes them overlap for certain.
	var barrier sync.WaitGroup
	barrier.Add(parallel)
	e.proxy.AddRule(s3proxy.Rule{
		Match: s3proxy.Match{KeyPrefix: "p", Func: func(s3proxy.Request) bool {
			barrier.Done()
			barrier.Wait()
			return false
		}},
		Action: s3proxy.CutBefore(),
	})
	must(t, e.put("head", "x"))
	var group sync.WaitGroup
	for i := range parallel {
		group.Go(func() {
			if err := e.put(fmt.Sprint("p", i), "x"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	must(t, e.put("tail", "x"))
	path := s3proxy.CriticalPath(e.proxy.Requests())
	if len(path) != 3 || path[0].Key != "head" || path[2].Key != "tail" || e.proxy.Rounds() != 3 {
		t.Errorf("unexpected critical path %+v", path)
	}
}

func TestUpstreamIsGone(t *testing.T) {
	server := testenv.StartMinIO(t, minio.Options{})
	proxy := testenv.Proxy(t, server)
	must(t, server.Stop())
	_, err := client(server, proxy.URL()).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if status(err) != 502 || code(err) != "ProxyUpstreamError" {
		t.Errorf("unexpected %v", err)
	}
}

func TestTLSOnBothSides(t *testing.T) {
	server := testenv.StartMinIO(t, minio.Options{TLS: true})
	pair, err := certs.New(t.TempDir())
	must(t, err)
	config, err := pair.ServerConfig()
	must(t, err)
	upstream, ok := server.HTTPClient().Transport.(*http.Transport)
	if !ok {
		t.Fatal("unexpected transport")
	}
	proxy, err := s3proxy.Start(server.Endpoint, s3proxy.Options{
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, TLS: config, UpstreamTLS: upstream.TLSClientConfig,
	})
	must(t, err)
	defer func() { must(t, proxy.Close()) }()

	through := server.ClientFor(proxy.URL(), func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported
		o.HTTPClient = &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pair.Pool, MinVersion: tls.VersionTLS12},
		}}
	})
	bucket := testenv.BucketName(t)
	_, err = through.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	must(t, err)
	proxy.AddRule(s3proxy.Rule{Action: s3proxy.StripHeader("If-None-Match")})
	// Over TLS the SDK sends the checksum as a trailer of an unsigned, chunked body.
	for range 2 {
		_, err = through.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("content"), IfNoneMatch: aws.String("*"),
		})
		must(t, err)
	}
	requests := proxy.Requests()
	if got := requests[len(requests)-1].Header.Get("X-Amz-Trailer"); got == "" {
		t.Error("the SDK sent no trailer, so the test does not show that it passes")
	}
	if text, err := read(t.Context(), server.Client(), bucket, "k"); err != nil || text != "content" {
		t.Errorf("read %q, %v", text, err)
	}
}

func TestStartRefusesNonsense(t *testing.T) {
	for _, upstream := range []string{"", "127.0.0.1:9000", "ftp://x", "http://", "http://%zz"} {
		if proxy, err := s3proxy.Start(upstream, s3proxy.Options{}); err == nil {
			t.Errorf("%q was accepted", upstream)
			must(t, proxy.Close())
		}
	}
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	e := setup(t)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 10 {
				_ = e.put(fmt.Sprint(i, j), "x") // faults are part of it
				e.proxy.FailNth(j, s3proxy.CutBefore())
				e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{KeySuffix: "7"}, When: s3proxy.From(2), Action: s3proxy.CutAfter()})
				e.proxy.Rounds()
				e.proxy.Faulted()
				e.proxy.SetLatency(time.Duration(j) * time.Microsecond)
				if j == 5 {
					e.proxy.Reset()
					e.proxy.ClearRules()
				}
			}
		})
	}
	group.Wait()
	e.proxy.ClearRules()
	must(t, e.put("end", "x"))
}
