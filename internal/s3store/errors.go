package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
)

// The kinds of failure that callers act on. Test with errors.Is.
var (
	// ErrNotFound means that the bucket, key, version or setting does not exist.
	ErrNotFound = errors.New("not found")
	// ErrAlreadyOwned means that the bucket exists and belongs to the caller.
	ErrAlreadyOwned = errors.New("already exists and is yours")
	// ErrAlreadyExists means that the name is taken by somebody else.
	ErrAlreadyExists = errors.New("already exists")
	// ErrAccessDenied means that the credentials are valid but lack the right.
	ErrAccessDenied = errors.New("access denied")
	// ErrWrongRegion means that the bucket is in another region than the one asked.
	ErrWrongRegion = errors.New("wrong region")
	// ErrUnsupported means that the service does not know the call or this use of it.
	ErrUnsupported = errors.New("not supported by the service")
	// ErrPreconditionFailed means that a conditional write lost.
	ErrPreconditionFailed = errors.New("precondition failed")
	// ErrBucketNotEmpty means that something is still in the bucket.
	ErrBucketNotEmpty = errors.New("bucket not empty")
	// ErrCredentials means that there are no usable credentials.
	ErrCredentials = errors.New("no usable credentials")
)

// CallError is a call that failed, with all that the reader needs to find out why.
type CallError struct {
	// Op is the S3 call, such as PutBucketVersioning.
	Op string
	// Service is the profile's display name.
	Service string
	// Bucket, Key, Region and Endpoint say where.
	Bucket, Key, Region, Endpoint string
	// Failure is the service's answer.
	awsclient.Failure
	// BucketRegion is where the service says that the bucket is, when the region was wrong.
	BucketRegion string

	kind error
	// keyVars are the service's own variables for credentials.
	keyVars []string
}

// Error says what failed, on what, and why.
func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on bucket %q", e.Op, e.Bucket)
	if e.Key != "" {
		fmt.Fprintf(&b, ", key %q", e.Key)
	}
	fmt.Fprintf(&b, " (%s, region %s): %s", e.Endpoint, e.Region, e.Why())
	return b.String()
}

// Is matches the failure's kind.
func (e *CallError) Is(target error) bool { return e.kind != nil && target == e.kind }

// wrap turns an SDK error into a *CallError; nil stays nil.
func (c *Client) wrap(op, bucket, key string, err error) error {
	if err == nil {
		return nil
	}
	var done *CallError
	if errors.As(err, &done) {
		return err
	}
	e := &CallError{
		Op: op, Service: c.profile.DisplayName, Bucket: bucket, Key: key,
		Region: c.cfg.Region, Endpoint: c.Endpoint(), Failure: awsclient.FailureOf(err),
		keyVars: slices.Concat(c.profile.AccessKeyVars, c.profile.SecretKeyVars),
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil {
		e.BucketRegion = resp.Response.Header.Get("X-Amz-Bucket-Region")
	}
	e.kind = e.classify()
	if e.kind == nil && op == "HeadBucket" && e.BucketRegion != "" && e.BucketRegion != e.Region {
		e.kind = ErrWrongRegion // AWS answers 400 without a body, and names the region in a header
	}
	return e
}

// notFoundCodes are the spellings of "there is no such thing" across calls and services.
var notFoundCodes = map[string]bool{
	"NotFound": true, "NoSuchBucket": true, "NoSuchKey": true, "NoSuchVersion": true, "NoSuchUpload": true,
	"NoSuchTagSet": true, "NoSuchTagSetError": true, "NoSuchLifecycleConfiguration": true, "NoSuchBucketPolicy": true,
	"NoSuchPublicAccessBlockConfiguration":           true,
	"ServerSideEncryptionConfigurationNotFoundError": true,
	"ObjectLockConfigurationNotFoundError":           true,
	"ObjectLockConfigurationNotFound":                true,
	"NoSuchObjectLockConfiguration":                  true,
}

// unsupportedByCall are refusals that mean "unsupported" for one call only, as measured: the same
// code from another call is a mistake of ours.
var unsupportedByCall = map[string]map[string]bool{
	// MinIO routes this one as CreateBucket and cannot read the body.
	"PutPublicAccessBlock": {"MalformedXML": true, "InvalidArgument": true, "InvalidRequest": true},
	// MinIO refuses AbortIncompleteMultipartUpload as an argument.
	"PutBucketLifecycleConfiguration": {"InvalidArgument": true, "MalformedXML": true, "InvalidRequest": true},
	"PutBucketEncryption":             {"MalformedXML": true},
	"PutBucketLogging":                {"MalformedXML": true},
	"PutBucketPolicy":                 {},
	// A bucket that was not created with object lock on services that cannot turn it on later.
	"PutObjectLockConfiguration": {"InvalidBucketState": true},
}

func (e *CallError) classify() error {
	code, status := e.Code, e.Status
	var odd *answerError
	var none *awsclient.CredentialsError
	switch {
	case errors.Is(e.Err, context.Canceled):
		return nil // the caller gave up: nothing is known about the service
	case errors.As(e.Err, &odd):
		return odd.kind
	case notFoundCodes[code]:
		return ErrNotFound
	case code == "BucketAlreadyOwnedByYou":
		return ErrAlreadyOwned
	case code == "BucketAlreadyExists":
		return ErrAlreadyExists
	case code == "BucketNotEmpty":
		return ErrBucketNotEmpty
	case code == "PreconditionFailed", code == "ConditionalRequestConflict", status == http.StatusPreconditionFailed:
		return ErrPreconditionFailed
	case code == "PermanentRedirect", code == "IllegalLocationConstraintException",
		code == "AuthorizationHeaderMalformed", status == http.StatusMovedPermanently:
		return ErrWrongRegion
	case code == "NotImplemented", code == "MethodNotAllowed", status == http.StatusNotImplemented,
		status == http.StatusMethodNotAllowed, unsupportedByCall[e.Op][code]:
		return ErrUnsupported
	case isCredentialCode(code), errors.As(e.Err, &none), status == http.StatusUnauthorized:
		return ErrCredentials
	case code == "AccessDenied", code == "Forbidden", code == "AllAccessDisabled", status == http.StatusForbidden:
		return ErrAccessDenied
	case e.Op == "HeadBucket" && status == http.StatusNotFound:
		return ErrNotFound
	}
	return nil
}

func isCredentialCode(code string) bool {
	switch code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
		"RequestTimeTooSkewed", "XMinioInvalidAccessKeyId":
		return true
	}
	return false
}
