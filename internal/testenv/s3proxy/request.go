package s3proxy

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is the record of one request.
type Request struct {
	// Seq counts from 1 since the start or the last Reset.
	Seq    int
	Method string
	// Operation is the name that the AWS SDKs use, such as PutBucketPolicy, or Unknown.
	Operation   string
	Bucket, Key string
	// Query holds the sorted names of the query parameters, never their values.
	Query []string
	// Header holds the conditional, content and x-amz headers as the client sent them. Credentials,
	// tokens and customer keys are left out.
	Header http.Header
	// BodyBytes is the length of the request's body as far as it was read.
	BodyBytes int64

	// Upstream is the status that the server answered; 0 when it was not asked or did not answer.
	Upstream int
	// Status is the status that the client was sent; 0 when it got none.
	Status int
	// ErrorCode is the S3 code of the answer that the client was sent, or that was kept from it.
	ErrorCode string
	// Fault names the actions that were applied, joined with "+".
	Fault string

	// Start is when the request arrived, and End the moment before its last byte left, so that a
	// request that a client sends because of another one always starts after the other's End. End
	// is zero while the request is under way.
	Start, End time.Time
}

// CriticalPath returns the longest chain of requests in which each starts after the one before has
// ended: what the operation would still wait for if the network were the only cost. Requests that
// were sent together can by chance run one after the other when they are very short; SetLatency
// makes the result dependable.
func CriticalPath(requests []Request) []Request {
	sorted := slices.Clone(requests)
	slices.SortStableFunc(sorted, func(a, b Request) int {
		if a.End.IsZero() != b.End.IsZero() { // one that has not ended can only be the last
			if a.End.IsZero() {
				return 1
			}
			return -1
		}
		return a.End.Compare(b.End)
	})
	// Taking the request that ends first leaves the most room for the rest.
	var path []Request
	for _, r := range sorted {
		if len(path) > 0 {
			last := path[len(path)-1]
			if last.End.IsZero() || r.Start.Before(last.End) {
				continue
			}
		}
		path = append(path, r)
	}
	return path
}

// recordedHeader copies the headers that tell what a request asked for.
func recordedHeader(header http.Header) http.Header {
	kept := http.Header{}
	for name, values := range header {
		if worthRecording(strings.ToLower(name)) {
			kept[name] = slices.Clone(values)
		}
	}
	return kept
}

func worthRecording(name string) bool {
	switch {
	case name == "x-amz-security-token", strings.HasSuffix(name, "customer-key"):
		return false
	case name == "range", name == "expect", name == "user-agent":
		return true
	}
	for _, prefix := range []string{"if-", "content-", "x-amz-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// errorCode reads the code out of an S3 error document; it is empty when the body is none.
func errorCode(body []byte) string {
	var document struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
	}
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&document); err != nil {
		return ""
	}
	return document.Code
}
