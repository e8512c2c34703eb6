package s3proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

func TestRespond(t *testing.T) {
	e := setup(t)
	e.proxy.AddRule(s3proxy.Rule{
		Match:  s3proxy.Match{Operation: "PutObject", Bucket: e.bucket, KeyPrefix: "a", KeySuffix: ".json"},
		When:   s3proxy.Nth(2),
		Action: s3proxy.Respond(503, "SlowDown", "reduce <your> rate", http.Header{"Retry-After": {"1"}}),
	})
	must(t, e.put("a1.json", "x"))
	must(t, e.put("b.json", "x")) // another prefix does not count
	err := e.put("a2.json", strings.Repeat("x", 1<<20))
	if status(err) != 503 || code(err) != "SlowDown" || !strings.Contains(err.Error(), "reduce <your> rate") {
		t.Errorf("unexpected %v", err)
	}
	if got := e.stored("a2.json"); got != "(absent)" {
		t.Errorf("the request was forwarded: %q", got)
	}
	if r := e.last(); r.Status != 503 || r.Upstream != 0 || r.ErrorCode != "SlowDown" || r.Fault != "Respond 503 SlowDown" {
		t.Errorf("unexpected %+v", r)
	}
	must(t, e.put("a3.json", "x"))
	if faulted := e.proxy.Faulted(); len(faulted) != 1 || faulted[0].Key != "a2.json" {
		t.Errorf("unexpected %+v", faulted)
	}
}

func TestRespondToHead(t *testing.T) {
	e := setup(t)
	e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Method: http.MethodHead}, Action: s3proxy.Respond(403, "AccessDenied", "", nil)})
	_, err := e.through.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &e.bucket})
	if status(err) != 403 {
		t.Errorf("unexpected %v", err)
	}
	e.proxy.ClearRules()
	_, err = e.through.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &e.bucket})
	must(t, err)
}

func TestRespondHTML(t *testing.T) {
	e := setup(t)
	e.proxy.AddRule(s3proxy.Rule{Action: s3proxy.RespondHTML(200, "<html><body>Please log in</body></html>")})
	resp, err := get(t, e.proxy.URL())
	if err != nil || !strings.Contains(resp, "Please log in") {
		t.Errorf("got %q, %v", resp, err)
	}
	if r := e.last(); r.Upstream != 0 || r.Status != 200 || r.Fault != "RespondHTML 200" {
		t.Errorf("unexpected %+v", r)
	}
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestCuts(t *testing.T) {
	tests := map[string]struct {
		action   s3proxy.Action
		stored   string
		upstream int
	}{
		"before":                   {s3proxy.CutBefore(), "(absent)", 0},
		"after":                    {s3proxy.CutAfter(), "content", 200},
		"in the middle of nothing": {s3proxy.CutMiddle(), "content", 200},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := setup(t)
			e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: tc.action})
			if err := e.put("k", "content"); err == nil || status(err) != 0 {
				t.Errorf("the client got an answer: %v", err)
			}
			if got := e.stored("k"); got != tc.stored {
				t.Errorf("the server holds %q, want %q", got, tc.stored)
			}
			r := e.last()
			if r.Upstream != tc.upstream || r.Status != 0 || r.Fault != tc.action.String() || r.End.IsZero() {
				t.Errorf("unexpected %+v", r)
			}
		})
	}
}

func TestCutMiddle(t *testing.T) {
	for _, size := range []int{1000, 10 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			e := setup(t)
			body := strings.Repeat("x", size)
			must(t, e.put("k", body))
			e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, Action: s3proxy.CutMiddle()})
			text, err := read(t.Context(), e.through, e.bucket, "k")
			if !errors.Is(err, io.ErrUnexpectedEOF) || len(text) != size/2 {
				t.Errorf("got %d bytes, %v", len(text), err)
			}
		})
	}
}

func TestCutAfterRecordsTheHiddenAnswer(t *testing.T) {
	e := setup(t)
	must(t, e.put("k", "one"))
	e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Header: "If-None-Match"}, Action: s3proxy.CutAfter()})
	if err := e.put("k", "two", ifAbsent); err == nil || status(err) != 0 {
		t.Errorf("unexpected %v", err)
	}
	if r := e.last(); r.Upstream != 412 || r.Status != 0 || r.ErrorCode != "PreconditionFailed" {
		t.Errorf("unexpected %+v", r)
	}
}

func TestHang(t *testing.T) {
	e := setup(t)
	e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{KeyPrefix: "hang"}, Action: s3proxy.Hang()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := e.through.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &e.bucket, Key: aws.String("hang"), Body: bytes.NewReader(make([]byte, 1<<20)),
		})
		done <- err
	}()
	r, err := e.proxy.Await(t.Context(), s3proxy.Match{KeyPrefix: "hang"})
	must(t, err)
	if r.Operation != "PutObject" || !r.End.IsZero() {
		t.Errorf("unexpected %+v", r)
	}
	must(t, e.put("other", "x")) // others pass meanwhile
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("unexpected %v", err)
	}
	if got := e.stored("hang"); got != "(absent)" {
		t.Errorf("the request was forwarded: %q", got)
	}
}

func TestCloseEndsHangingRequests(t *testing.T) {
	e := setup(t)
	e.proxy.AddRule(s3proxy.Rule{Action: s3proxy.Hang()})
	done := make(chan error, 1)
	go func() { done <- e.put("k", "x") }()
	_, err := e.proxy.Await(t.Context(), s3proxy.Match{})
	must(t, err)
	must(t, e.proxy.Close())
	if err := <-done; err == nil {
		t.Error("the request succeeded")
	}
	if r := e.last(); r.End.IsZero() {
		t.Errorf("still under way after Close: %+v", r)
	}
	if err := e.put("k", "x"); err == nil {
		t.Error("a closed proxy serves")
	}
}

func TestAwaitEndsWithTheContext(t *testing.T) {
	e := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.proxy.Await(ctx, s3proxy.Match{}); !errors.Is(err, context.Canceled) {
		t.Errorf("unexpected %v", err)
	}
}

func TestLatency(t *testing.T) {
	e := setup(t)
	const delay = 50 * time.Millisecond
	e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{KeyPrefix: "slow"}, Action: s3proxy.Latency(delay)})
	e.proxy.SetLatency(delay)
	must(t, e.put("slow", "x"))
	e.proxy.SetLatency(0)
	must(t, e.put("slow", "x"))
	e.proxy.ClearRules()

	requests := e.proxy.Requests()
	for i, least := range []time.Duration{2 * delay, delay} {
		r := requests[i]
		if took := r.End.Sub(r.Start); took < least || r.Status != 200 || r.Fault != "Latency 50ms" {
			t.Errorf("it took %s, and at least %s was asked for: %+v", took, least, r)
		}
	}
}

func TestStripHeader(t *testing.T) {
	e := setup(t)
	must(t, e.put("k", "one"))
	e.proxy.AddRule(s3proxy.Rule{Action: s3proxy.StripHeader("If-None-Match")})
	must(t, e.put("k", "two", ifAbsent)) // a server that ignores the condition
	if got := e.stored("k"); got != "two" {
		t.Errorf("the server holds %q", got)
	}
	if r := e.last(); r.Fault != "StripHeader If-None-Match" || r.Header.Get("If-None-Match") != "*" {
		t.Errorf("unexpected %+v", r)
	}
	must(t, e.put("a b/ü+%2F/c?d&e=f", "three", ifAbsent)) // the path is signed too
	must(t, e.put("k", "four"))
	if r := e.last(); r.Fault != "" {
		t.Errorf("there was nothing to strip: %+v", r)
	}
}

// A change and a fault go together: the server that ignores the condition is also cut off.
func TestChangesComposeWithFaults(t *testing.T) {
	e := setup(t)
	must(t, e.put("k", "one"))
	e.proxy.Reset()
	e.proxy.FailNth(1, s3proxy.CutAfter())
	e.proxy.AddRule(s3proxy.Rule{Action: s3proxy.StripHeader("If-None-Match")})
	e.proxy.AddRule(s3proxy.Rule{Action: s3proxy.Respond(500, "Never", "the cut comes first", nil)})
	if err := e.put("k", "two", ifAbsent); err == nil || status(err) != 0 {
		t.Errorf("unexpected %v", err)
	}
	if got := e.stored("k"); got != "two" {
		t.Errorf("the server holds %q", got)
	}
	if r := e.last(); r.Fault != "CutAfter+StripHeader If-None-Match" {
		t.Errorf("unexpected %+v", r)
	}
}

func TestStripHeaderNeedsTheCredentials(t *testing.T) {
	server := testenv.MinIO(t)
	for name, opts := range map[string]s3proxy.Options{
		"none":  {},
		"other": {AccessKey: "other", SecretKey: "secret"},
	} {
		t.Run(name, func(t *testing.T) {
			proxy, err := s3proxy.Start(server.Endpoint, opts)
			must(t, err)
			defer func() { must(t, proxy.Close()) }()
			proxy.AddRule(s3proxy.Rule{Action: s3proxy.StripHeader("X-Amz-Content-Sha256")})
			_, err = client(server, proxy.URL()).ListBuckets(t.Context(), &s3.ListBucketsInput{})
			if status(err) != 400 || code(err) != "ProxyError" {
				t.Errorf("unexpected %v", err)
			}
			// A header that is not part of the signature needs nobody's.
			proxy.ClearRules()
			proxy.AddRule(s3proxy.Rule{Action: s3proxy.StripHeader("User-Agent")})
			_, err = client(server, proxy.URL()).ListBuckets(t.Context(), &s3.ListBucketsInput{})
			must(t, err)
		})
	}
}

func TestRespondWithAndTap(t *testing.T) {
	e := setup(t)
	const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
	e.proxy.AddRule(s3proxy.Rule{
		Match:  s3proxy.Match{Operation: "GetBucketTagging"},
		Action: s3proxy.RespondWith(http.StatusOK, tags, http.Header{"X-Amz-Seen": {"yes"}}),
	})
	var header http.Header
	var body string
	e.proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "PutObject"}, Action: s3proxy.Tap(func(h http.Header, b []byte) { header, body = h, string(b) })})
	out, err := e.through.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &e.bucket})
	if err != nil || len(out.TagSet) != 1 || e.last().Upstream != 0 {
		t.Errorf("unexpected %+v, %v, %+v", out, err, e.last())
	}
	must(t, e.put("k", "content"))
	if !strings.Contains(body, "content") || header.Get("Authorization") == "" || e.stored("k") != "content" {
		t.Errorf("seen %q %v, stored %q", body, header, e.stored("k"))
	}
}
