package s3proxy

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIdentify(t *testing.T) {
	tests := []struct{ request, want string }{
		{"GET /", "ListBuckets  "},
		{"GET /?x-id=ListBuckets", "ListBuckets  "},
		{"POST /", "Unknown  "},
		{"HEAD /b", "HeadBucket b "},
		{"PUT /b", "CreateBucket b "},
		{"PUT /b/", "CreateBucket b "},
		{"DELETE /b", "DeleteBucket b "},
		{"PATCH /b", "Unknown b "},
		{"GET /b", "ListObjects b "},
		{"GET /b?list-type=2&prefix=versions", "ListObjectsV2 b "},
		{"GET /b?versions", "ListObjectVersions b "},
		{"GET /b?uploads=", "ListMultipartUploads b "},
		{"POST /b?delete=", "DeleteObjects b "},
		{"GET /b?location", "GetBucketLocation b "},
		{"GET /b?versioning", "GetBucketVersioning b "},
		{"PUT /b?versioning", "PutBucketVersioning b "},
		{"GET /b?encryption", "GetBucketEncryption b "},
		{"PUT /b?encryption", "PutBucketEncryption b "},
		{"DELETE /b?encryption", "DeleteBucketEncryption b "},
		{"GET /b?publicAccessBlock", "GetPublicAccessBlock b "},
		{"PUT /b?publicAccessBlock", "PutPublicAccessBlock b "},
		{"DELETE /b?publicAccessBlock", "DeletePublicAccessBlock b "},
		{"GET /b?lifecycle", "GetBucketLifecycleConfiguration b "},
		{"PUT /b?lifecycle", "PutBucketLifecycleConfiguration b "},
		{"DELETE /b?lifecycle", "DeleteBucketLifecycle b "},
		{"PUT /b?tagging", "PutBucketTagging b "},
		{"DELETE /b?tagging", "DeleteBucketTagging b "},
		{"GET /b?policy", "GetBucketPolicy b "},
		{"PUT /b?policy", "PutBucketPolicy b "},
		{"GET /b?policyStatus", "GetBucketPolicyStatus b "},
		{"GET /b?object-lock", "GetObjectLockConfiguration b "},
		{"PUT /b?object-lock", "PutObjectLockConfiguration b "},
		{"PUT /b?logging", "PutBucketLogging b "},
		{"PUT /b?ownershipControls", "PutBucketOwnershipControls b "},
		{"GET /b?acl", "GetBucketAcl b "},
		{"GET /b/k", "GetObject b k"},
		{"GET /b/k?versionId=1", "GetObject b k"},
		{"HEAD /b/a/b", "HeadObject b a/b"},
		{"PUT /b//x//", "PutObject b /x//"},
		{"PUT /b/a%2Fb%20c", "PutObject b a/b c"},
		{"PUT /b/k copy", "CopyObject b k"},
		{"DELETE /b/k", "DeleteObject b k"},
		{"PUT /b/k?tagging", "PutObjectTagging b k"},
		{"GET /b/k?acl", "GetObjectAcl b k"},
		{"PUT /b/k?legal-hold", "PutObjectLegalHold b k"},
		{"PUT /b/k?retention", "PutObjectRetention b k"},
		{"GET /b/k?attributes", "GetObjectAttributes b k"},
		{"POST /b/k?uploads", "CreateMultipartUpload b k"},
		{"PUT /b/k?partNumber=1&uploadId=x", "UploadPart b k"},
		{"PUT /b/k?partNumber=1&uploadId=x copy", "UploadPartCopy b k"},
		{"GET /b/k?uploadId=x", "ListParts b k"},
		{"POST /b/k?uploadId=x", "CompleteMultipartUpload b k"},
		{"DELETE /b/k?uploadId=x", "AbortMultipartUpload b k"},
		{"POST /b/k?restore", "RestoreObject b k"},
		{"POST /b/k?select&select-type=2", "SelectObjectContent b k"},
		{"POST /b/k", "Unknown b k"},
	}
	for _, tc := range tests {
		method, rest, _ := strings.Cut(tc.request, " ")
		target, copied, _ := strings.Cut(rest, " ")
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if copied != "" {
			header.Set("X-Amz-Copy-Source", "b/other")
		}
		got := identify(method, u, header)
		if s := got.operation + " " + got.bucket + " " + got.key; s != tc.want {
			t.Errorf("%s: got %q, want %q", tc.request, s, tc.want)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("GET", "/b/k?versionId=1")
	f.Add("PUT", "/b?policy&tagging")
	f.Add("DELETE", "//%2F?=&lifecycle")
	f.Fuzz(func(t *testing.T, method, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		first := identify(method, u, nil)
		if first.operation == "" {
			t.Fatal("no operation")
		}
		if strings.Contains(first.bucket, "/") {
			t.Fatalf("bucket %q", first.bucket)
		}
		for range 5 {
			if again := identify(method, u, nil); again != first {
				t.Fatalf("%+v and then %+v", first, again)
			}
		}
	})
}

func TestRecordedHeader(t *testing.T) {
	in := http.Header{}
	for _, name := range []string{
		"Authorization", "Cookie", "X-Amz-Security-Token", "Proxy-Authorization",
		"X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key",
		"If-None-Match", "Content-Md5", "X-Amz-Checksum-Crc32", "Range", "X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	} {
		in.Set(name, "value")
	}
	want := []string{"Content-Md5", "If-None-Match", "Range", "X-Amz-Checksum-Crc32", "X-Amz-Server-Side-Encryption-Customer-Key-Md5"}
	var got []string
	for name := range recordedHeader(in) {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCriticalPath(t *testing.T) {
	zero := time.Unix(0, 0)
	// A pair is start and end in milliseconds; an end of -1 has not come.
	tests := map[string]struct {
		spans [][2]int
		want  []int
	}{
		"nothing":                  {},
		"one":                      {[][2]int{{0, 10}}, []int{1}},
		"a chain":                  {[][2]int{{0, 10}, {10, 20}, {25, 30}}, []int{1, 2, 3}},
		"together":                 {[][2]int{{0, 10}, {1, 11}, {2, 12}}, []int{1}},
		"head, parallel, tail":     {[][2]int{{0, 10}, {11, 20}, {12, 30}, {13, 19}, {31, 40}}, []int{1, 4, 5}},
		"a long one beside a pair": {[][2]int{{0, 100}, {0, 10}, {20, 30}}, []int{2, 3}},
		"unfinished at the end":    {[][2]int{{0, 10}, {20, -1}, {21, -1}}, []int{1, 2}},
		"unfinished beside all":    {[][2]int{{0, -1}, {1, 10}, {20, 30}}, []int{2, 3}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var requests []Request
			for i, span := range tc.spans {
				r := Request{Seq: i + 1, Start: zero.Add(time.Duration(span[0]) * time.Millisecond)}
				if span[1] >= 0 {
					r.End = zero.Add(time.Duration(span[1]) * time.Millisecond)
				}
				requests = append(requests, r)
			}
			var got []int
			for _, r := range CriticalPath(requests) {
				got = append(got, r.Seq)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestWhen(t *testing.T) {
	tests := map[string]struct {
		when When
		want []int
	}{
		"every":    {When{}, []int{1, 2, 3, 4}},
		"second":   {Nth(2), []int{2}},
		"from 3":   {From(3), []int{3, 4}},
		"first 2":  {FirstN(2), []int{1, 2}},
		"the zero": {FirstN(0), []int{1, 2, 3, 4}},
	}
	for name, tc := range tests {
		var got []int
		for n := 1; n <= 4; n++ {
			if tc.when.includes(n) {
				got = append(got, n)
			}
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestErrorCode(t *testing.T) {
	tests := map[string]string{
		`<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>`: "NoSuchKey",
		"\n  <Error><Code>SlowDown</Code></Error>":                                       "SlowDown",
		`<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>X</Code></Error>`:  "X",
		`<CopyObjectResult><Code>no</Code></CopyObjectResult>`:                           "",
		`<html><Code>no</Code></html>`:                                                   "",
		`<Error><Code>cut`:                                                               "",
		"":                                                                               "",
	}
	for body, want := range tests {
		if got := errorCode([]byte(body)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestParseSignature(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=AK/20260101/fr-par/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc"
	sig, err := parseSignature(good)
	if err != nil || sig.accessKey != "AK" || sig.region != "fr-par" || sig.service != "s3" ||
		!slices.Equal(sig.headers, []string{"host", "x-amz-date"}) {
		t.Errorf("got %+v, %v", sig, err)
	}
	if sig, err := parseSignature(strings.Replace(good, "AK/", "a/b@c/", 1)); err != nil || sig.accessKey != "a/b@c" {
		t.Errorf("an access key with a slash: %+v, %v", sig, err)
	}
	for _, bad := range []string{"", "Bearer x"} {
		if _, err := parseSignature(bad); !errors.Is(err, errNotSigned) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=AK", "AWS4-HMAC-SHA256 Credential=AK/1/2/3/4"} {
		if _, err := parseSignature(bad); err == nil || errors.Is(err, errNotSigned) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=AK/20260101/fr-par/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc")
	f.Add("AWS4-HMAC-SHA256 ,=,Credential=////,SignedHeaders=")
	f.Fuzz(func(t *testing.T, authorization string) {
		sig, err := parseSignature(authorization)
		if err == nil && (sig.service == "" || len(sig.headers) == 0) {
			t.Fatalf("incomplete and no error: %+v", sig)
		}
	})
}
