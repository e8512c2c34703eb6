package s3store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK takes whatever comes with status 200 for an answer: a login page of a proxy reads as an
// empty bucket, and so does the answer to another call. Before a bucket is believed to be empty,
// the answer has to be one.

// answerRoots are the root elements of the answers that the engines read.
var answerRoots = map[string]string{
	"ListObjectVersions":              "ListVersionsResult",
	"ListObjectsV2":                   "ListBucketResult",
	"ListMultipartUploads":            "ListMultipartUploadsResult",
	"DeleteObjects":                   "DeleteResult",
	"GetBucketVersioning":             "VersioningConfiguration",
	"GetBucketEncryption":             "ServerSideEncryptionConfiguration",
	"GetPublicAccessBlock":            "PublicAccessBlockConfiguration",
	"GetBucketLifecycleConfiguration": "LifecycleConfiguration",
	"GetBucketTagging":                "Tagging",
	"GetObjectLockConfiguration":      "ObjectLockConfiguration",
	"GetBucketLogging":                "BucketLoggingStatus",
}

// mustAnswer are the calls whose answer is never empty: an empty one would read as "nothing there".
var mustAnswer = map[string]bool{
	"ListObjectVersions": true, "ListObjectsV2": true, "ListMultipartUploads": true, "DeleteObjects": true,
}

// answerPeek is how much of an answer is looked at.
const answerPeek = 1 << 10

// answerError is an answer that is none of S3's, or none to the call that was made.
type answerError struct {
	what string
	// kind is ErrUnsupported when a service answered some other call, nil when no service did.
	kind error
}

// Error implements error.
func (e *answerError) Error() string { return e.what }

// checkAnswers makes every call fail whose answer cannot be one.
func checkAnswers(stack *middleware.Stack) error {
	check := middleware.DeserializeMiddlewareFunc("GroundworkCheckAnswer", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err == nil && ok {
			err = checkAnswer(awsmiddleware.GetOperationName(ctx), resp.Response)
		}
		return out, meta, err
	})
	return stack.Deserialize.Insert(check, "OperationDeserializer", middleware.After)
}

func checkAnswer(op string, resp *http.Response) error {
	failed := resp.StatusCode >= http.StatusBadRequest
	switch {
	case resp.StatusCode >= http.StatusInternalServerError:
		return nil // a gateway's own page, which is worth another try
	case op == "GetObject" && !failed && resp.Header.Get("ETag") != "":
		return nil // may be a page
	case isPage(resp):
		return &answerError{what: "the answer is a web page"}
	case failed || answerRoots[op] == "" || resp.Body == nil || resp.StatusCode != http.StatusOK:
		return nil
	}
	body := bufio.NewReaderSize(resp.Body, answerPeek)
	start, err := body.Peek(answerPeek)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	resp.Body = &peekedBody{Reader: body, Closer: resp.Body}
	return checkRoot(op, start)
}

// isPage recognises a page for people. Some services send that type with an empty body.
func isPage(resp *http.Response) bool {
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	return strings.HasPrefix(kind, "text/html") && resp.ContentLength != 0
}

func checkRoot(op string, start []byte) error {
	root, found := rootElement(start)
	switch {
	case found && (root == answerRoots[op] || root == op+"Response"):
		return nil // moto names some roots after the call
	case found && strings.EqualFold(root, "html"):
		return &answerError{what: "the answer is a web page"}
	case found:
		return &answerError{what: fmt.Sprintf("the answer is a %s, which answers another call", root), kind: ErrUnsupported}
	case len(bytes.TrimSpace(start)) == 0 && (!mustAnswer[op] || len(start) == answerPeek):
		return nil
	}
	return &answerError{what: "the answer is not what S3 answers to this call"}
}

// rootElement names the first element of an XML document of which the start is known.
func rootElement(start []byte) (name string, found bool) {
	d := xml.NewDecoder(bytes.NewReader(start))
	for {
		token, err := d.Token()
		if err != nil {
			return "", false
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t.Name.Local, true
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return "", false
			}
		}
	}
}

type peekedBody struct {
	io.Reader
	io.Closer
}
