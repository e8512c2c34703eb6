package s3store

import (
	"context"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
)

// sdkError is what the SDK returns for an answer.
func sdkError(op string, status int, code string, header http.Header) error {
	resp := &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: header}}
	return &smithy.OperationError{ServiceID: "S3", OperationName: op, Err: &awshttp.ResponseError{
		ResponseError: &smithyhttp.ResponseError{Response: resp, Err: &smithy.GenericAPIError{Code: code, Message: "the service's words"}},
		RequestID:     "REQ1",
	}}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		op, code string
		status   int
		want     error
	}{
		{"HeadBucket", "NotFound", 404, ErrNotFound},
		{"HeadBucket", "", 404, ErrNotFound},
		{"GetObject", "NoSuchKey", 404, ErrNotFound},
		{"GetObject", "NoSuchVersion", 404, ErrNotFound},
		{"GetBucketTagging", "NoSuchTagSet", 404, ErrNotFound},
		{"GetBucketTagging", "NoSuchTagSetError", 404, ErrNotFound},
		{"GetBucketPolicy", "NoSuchBucketPolicy", 404, ErrNotFound},
		{"GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", 404, ErrNotFound},
		{"GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", 404, ErrNotFound},
		{"GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", 404, ErrNotFound},
		{"GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", 404, ErrNotFound},
		{"GetObjectLockConfiguration", "NoSuchObjectLockConfiguration", 404, ErrNotFound},
		{"AbortMultipartUpload", "NoSuchUpload", 404, ErrNotFound},
		{"ListObjectsV2", "NoSuchBucket", 404, ErrNotFound},
		{"CreateBucket", "BucketAlreadyOwnedByYou", 409, ErrAlreadyOwned},
		{"CreateBucket", "BucketAlreadyExists", 409, ErrAlreadyExists},
		{"DeleteBucket", "BucketNotEmpty", 409, ErrBucketNotEmpty},
		{"PutObject", "PreconditionFailed", 412, ErrPreconditionFailed},
		{"PutObject", "ConditionalRequestConflict", 409, ErrPreconditionFailed},
		{"PutObject", "", 412, ErrPreconditionFailed},
		{"ListObjectsV2", "PermanentRedirect", 301, ErrWrongRegion},
		{"CreateBucket", "IllegalLocationConstraintException", 400, ErrWrongRegion},
		{"ListObjectsV2", "AuthorizationHeaderMalformed", 400, ErrWrongRegion},
		{"HeadBucket", "MovedPermanently", 301, ErrWrongRegion},
		{"PutBucketLogging", "NotImplemented", 501, ErrUnsupported},
		{"PutBucketLogging", "", 501, ErrUnsupported},
		{"PutBucketLogging", "MethodNotAllowed", 405, ErrUnsupported},
		{"PutBucketLogging", "MalformedXML", 400, ErrUnsupported},
		{"PutPublicAccessBlock", "MalformedXML", 400, ErrUnsupported},
		{"PutPublicAccessBlock", "InvalidArgument", 400, ErrUnsupported},
		{"PutBucketLifecycleConfiguration", "InvalidArgument", 400, ErrUnsupported},
		{"PutBucketEncryption", "MalformedXML", 400, ErrUnsupported},
		{"PutObjectLockConfiguration", "InvalidBucketState", 409, ErrUnsupported},
		// The same codes of other calls are mistakes, not lacks.
		{"PutBucketPolicy", "MalformedXML", 400, nil},
		{"PutBucketVersioning", "InvalidArgument", 400, nil},
		{"PutBucketTagging", "MalformedXML", 400, nil},
		{"PutBucketVersioning", "InvalidBucketState", 409, nil},
		{"HeadBucket", "InvalidAccessKeyId", 403, ErrCredentials},
		{"HeadBucket", "SignatureDoesNotMatch", 403, ErrCredentials},
		{"HeadBucket", "ExpiredToken", 400, ErrCredentials},
		{"HeadBucket", "InvalidToken", 400, ErrCredentials},
		{"HeadBucket", "RequestTimeTooSkewed", 403, ErrCredentials},
		{"ListObjectsV2", "Unauthorized", 401, ErrCredentials},
		{"HeadBucket", "AccessDenied", 403, ErrAccessDenied},
		{"HeadBucket", "Forbidden", 403, ErrAccessDenied},
		{"PutObject", "SomethingNew", 403, ErrAccessDenied},
		{"PutObject", "SlowDown", 503, nil},
		{"CreateBucket", "OperationAborted", 409, nil},
		{"CreateBucket", "InvalidBucketName", 400, nil},
	}
	kinds := []error{
		ErrNotFound, ErrAlreadyOwned, ErrAlreadyExists, ErrAccessDenied, ErrWrongRegion, ErrUnsupported,
		ErrPreconditionFailed, ErrBucketNotEmpty, ErrCredentials,
	}
	c := newClient(t, Config{Service: "scaleway"})
	for _, tc := range tests {
		t.Run(fmt.Sprintf("%s %s %d", tc.op, tc.code, tc.status), func(t *testing.T) {
			t.Parallel()
			err := c.wrap(tc.op, "states", "a/key", sdkError(tc.op, tc.status, tc.code, nil))
			for _, kind := range kinds {
				if errors.Is(err, kind) != errors.Is(kind, tc.want) {
					t.Errorf("%v is %v: %v", err, kind, errors.Is(err, kind))
				}
			}
			var ce *CallError
			if !errors.As(err, &ce) || ce.Op != tc.op || ce.Code != tc.code || ce.Status != tc.status || ce.RequestID != "REQ1" {
				t.Fatalf("unexpected %+v", ce)
			}
			if again := c.wrap("Other", "b", "", fmt.Errorf("around: %w", err)); again.Error() != "around: "+err.Error() {
				t.Errorf("wrapped twice: %v", again)
			}
			for _, part := range []string{tc.op, `"states"`, `"a/key"`, "https://s3.fr-par.scw.cloud", "fr-par", tc.code, "REQ1"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %s", err, part)
				}
			}
		})
	}
	if c.wrap("HeadBucket", "b", "", nil) != nil {
		t.Error("no error became one")
	}
}

func TestRegionInHeader(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Service: "aws", Region: "eu-west-3"})
	err := c.wrap("HeadBucket", "states", "", sdkError("HeadBucket", 400, "BadRequest", http.Header{"X-Amz-Bucket-Region": {"us-east-2"}}))
	if !errors.Is(err, ErrWrongRegion) || !strings.Contains(Hint(err), `Set region = "us-east-2"`) {
		t.Errorf("%v: %s", err, Hint(err))
	}
	err = c.wrap("HeadBucket", "states", "", sdkError("HeadBucket", 400, "BadRequest", http.Header{"X-Amz-Bucket-Region": {"eu-west-3"}}))
	if errors.Is(err, ErrWrongRegion) {
		t.Errorf("the region is right: %v", err)
	}
}

// Each failure that a person can do something about says what.
func TestHint(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Service: "scaleway"})
	call := func(op, code string, status int) error {
		return c.wrap(op, "states", "", sdkError(op, status, code, nil))
	}
	sent := func(err error) error {
		return c.wrap("HeadBucket", "states", "", &smithy.OperationError{Err: &smithyhttp.RequestSendError{Err: err}})
	}
	tests := map[string]struct {
		err  error
		says string
	}{
		"no bucket, by HEAD":      {call("HeadBucket", "NotFound", 404), `There is no bucket "states" at https://s3.fr-par.scw.cloud in region fr-par`},
		"no bucket":               {call("ListObjectsV2", "NoSuchBucket", 404), "Check the name and the region"},
		"no key":                  {call("GetObject", "NoSuchKey", 404), ""},
		"wrong region":            {call("ListObjectsV2", "AuthorizationHeaderMalformed", 400), "Set the region that the bucket was created in"},
		"taken":                   {call("CreateBucket", "BucketAlreadyExists", 409), "Choose another name"},
		"not empty":               {call("DeleteBucket", "BucketNotEmpty", 409), "Repeat the command"},
		"unauthorized":            {call("ListObjectsV2", "Unauthorized", 401), "SCW_ACCESS_KEY"},
		"denied":                  {call("PutBucketPolicy", "AccessDenied", 403), "may not do PutBucketPolicy"},
		"unsupported":             {call("PutBucketLogging", "NotImplemented", 501), "Scaleway Object Storage does not offer PutBucketLogging"},
		"unknown key":             {call("HeadBucket", "InvalidAccessKeyId", 403), "cut -d= -f1"},
		"wrong secret":            {call("HeadBucket", "SignatureDoesNotMatch", 403), "secret key"},
		"expired":                 {call("HeadBucket", "ExpiredToken", 400), "Sign in again"},
		"invalid token":           {call("HeadBucket", "InvalidToken", 400), "Sign in again"},
		"skewed":                  {call("HeadBucket", "RequestTimeTooSkewed", 403), "clock"},
		"incomplete":              {call("PutObject", "IncompleteBody", 400), "proxy"},
		"checksum":                {call("PutObject", "XAmzContentSHA256Mismatch", 400), "proxy"},
		"aborted":                 {call("CreateBucket", "OperationAborted", 409), "Wait some minutes"},
		"name":                    {call("CreateBucket", "InvalidBucketName", 400), "lower-case"},
		"too many":                {call("CreateBucket", "TooManyBuckets", 400), "limit"},
		"quota":                   {call("PutObject", "QuotaExceeded", 403), "limit"},
		"policy":                  {call("PutBucketPolicy", "MalformedPolicy", 400), "principal"},
		"state":                   {call("PutBucketVersioning", "InvalidBucketState", 409), "object lock"},
		"failing":                 {call("HeadBucket", "InternalError", 500), "Repeat the command"},
		"no such host":            {sent(&net.DNSError{Err: "no such host"}), "cannot be resolved"},
		"unknown authority":       {sent(x509.UnknownAuthorityError{}), "ca_bundle"},
		"wrong host":              {sent(x509.HostnameError{Host: "x", Certificate: &x509.Certificate{}}), "another host name"},
		"no connection":           {sent(&net.OpError{Op: "dial", Err: errors.New("refused")}), "could not be reached"},
		"too late":                {sent(context.DeadlineExceeded), "in time"},
		"given up":                {sent(context.Canceled), ""},
		"cut in the middle":       {c.wrap("ListObjectsV2", "b", "", &smithy.DeserializationError{Err: io.ErrUnexpectedEOF}), "could not be reached"},
		"no XML":                  {c.wrap("ListObjectsV2", "b", "", &smithy.DeserializationError{Err: &xml.SyntaxError{}}), "HTTPS_PROXY"},
		"a page":                  {c.wrap("ListObjectsV2", "b", "", &answerError{what: "a page"}), "HTTPS_PROXY"},
		"no credentials":          {c.wrap("HeadBucket", "b", "", &awsclient.CredentialsError{Err: errors.New("none")}), "Set access_key"},
		"retained":                {fmt.Errorf("around: %w", &UndeletableError{}), "object lock"},
		"lacking":                 {&UnsupportedError{Capability: CapTags}, "choose a service"},
		"lacking over plain http": {&UnsupportedError{Capability: CapRequireTLS, Reason: "http"}, "https endpoint"},
		"somebody else's":         {errors.New("other"), ""},
		"nothing":                 {nil, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Hint(tc.err); !strings.Contains(got, tc.says) || (tc.says == "") != (got == "") {
				t.Errorf("%v has the hint %q, want %q", tc.err, got, tc.says)
			}
		})
	}
}

func TestUnsupportedError(t *testing.T) {
	t.Parallel()
	refusal := errors.New("refused")
	for want, e := range map[string]*UnsupportedError{
		"MinIO does not support tags":                                {Capability: CapTags, Service: "MinIO"},
		"MinIO does not support tags (PutBucketTagging): refused":    {Capability: CapTags, Service: "MinIO", Call: "PutBucketTagging", Err: refusal},
		"require_tls is not possible here: the endpoint is at fault": {Capability: CapRequireTLS, Service: "MinIO", Reason: "the endpoint is at fault"},
	} {
		if e.Error() != want || !errors.Is(e, ErrUnsupported) {
			t.Errorf("unexpected %v", e)
		}
	}
}

// What a credential chain says when the caller has given up is no lack of credentials.
func TestCanceledIsNoKind(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Service: "scaleway"})
	err := c.wrap("HeadBucket", "b", "", &awsclient.CredentialsError{Err: fmt.Errorf("waiting: %w", context.Canceled)})
	if errors.Is(err, ErrCredentials) || !errors.Is(err, context.Canceled) {
		t.Errorf("unexpected %v", err)
	}
}

func TestCheckAnswer(t *testing.T) {
	t.Parallel()
	const list = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ListVersionsResult xmlns="x"><Name>b</Name></ListVersionsResult>`
	tests := map[string]struct {
		op, kind, body string
		status         int
		length         int64 // 0 stands for that of the body
		etag           string
		fails          bool
		unsupported    bool
	}{
		"an answer":                         {op: "ListObjectVersions", body: list, status: 200},
		"with a comment first":              {op: "ListObjectVersions", body: "<!-- x -->\n " + list[39:], status: 200},
		"of another call":                   {op: "ListObjectsV2", body: list, status: 200, fails: true, unsupported: true},
		"of another call, to a setting":     {op: "GetPublicAccessBlock", body: list, status: 200, fails: true, unsupported: true},
		"an answer named after the call":    {op: "GetBucketVersioning", body: "<GetBucketVersioningResponse/>", status: 200},
		"a page":                            {op: "ListObjectVersions", kind: "text/html", body: "<html>", status: 200, fails: true},
		"a page without its type":           {op: "ListObjectVersions", body: "<!DOCTYPE html><HTML><br>", status: 200, fails: true},
		"a text":                            {op: "ListObjectVersions", kind: "text/plain", body: "welcome", status: 200, fails: true},
		"JSON":                              {op: "ListObjectVersions", kind: "application/json", body: "{}", status: 200, fails: true},
		"nothing":                           {op: "ListObjectVersions", status: 200, fails: true},
		"nothing, to a setting":             {op: "GetBucketLifecycleConfiguration", status: 200},
		"blanks that keep a line open":      {op: "DeleteObjects", body: strings.Repeat(" ", 4096) + "<DeleteResult/>", status: 200},
		"a page in place of a refusal":      {op: "PutObject", kind: "text/html; charset=utf-8", body: "<html>", status: 403, fails: true},
		"a gateway's page":                  {op: "PutObject", kind: "text/html", body: "<html>", status: 502},
		"an object that is a page":          {op: "GetObject", kind: "text/html", body: "<html>", status: 200, etag: `"x"`},
		"a page in place of an object":      {op: "GetObject", kind: "text/html", body: "<html>", status: 200, fails: true},
		"an object without an ETag":         {op: "GetObject", kind: "application/json", body: "{}", status: 200},
		"no object, but a page":             {op: "GetObject", kind: "text/html", body: "<html>", status: 404, fails: true},
		"an empty answer of a page's type":  {op: "PutObject", kind: "text/html", status: 200},
		"a page without a length, for HEAD": {op: "HeadBucket", kind: "text/html", status: 200, length: -1, fails: true},
		"no content":                        {op: "PutBucketPolicy", status: 204},
		"a refusal":                         {op: "ListObjectVersions", kind: "application/xml", body: "<Error/>", status: 403},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := &http.Response{
				StatusCode: tc.status, Header: http.Header{"Content-Type": {tc.kind}, "Etag": {tc.etag}},
				Body: io.NopCloser(strings.NewReader(tc.body)), ContentLength: int64(len(tc.body)),
			}
			if tc.length != 0 {
				resp.ContentLength = tc.length
			}
			err := checkAnswer(tc.op, resp)
			var odd *answerError
			if tc.fails != errors.As(err, &odd) || (err != nil) != tc.fails {
				t.Fatalf("unexpected %v", err)
			}
			if tc.unsupported != (odd != nil && errors.Is(odd.kind, ErrUnsupported)) {
				t.Errorf("unexpected kind of %v", err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != tc.body {
				t.Errorf("the body was lost: %q, %v", body, err)
			}
		})
	}
}

// The hint names the service's own variables where it has some.
func TestCredentialsHint(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]string{
		"scaleway": "AWS_SECRET_ACCESS_KEY, or SCW_ACCESS_KEY and SCW_SECRET_KEY, in the environment",
		"spaces":   ", or SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY, in",
		"aws":      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
	} {
		p, err := ProfileByName(service)
		must(t, err)
		c := &Client{profile: p}
		if hint := Hint(c.wrap("HeadBucket", "b", "", &awsclient.CredentialsError{Err: errors.New("none")})); !strings.Contains(hint, want) {
			t.Errorf("%s: %s", service, hint)
		}
	}
}
