package s3store

import (
	"context"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
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
	// Code, Status and RequestID are the service's own words; empty when it never answered.
	Code      string
	Status    int
	RequestID string
	// BucketRegion is where the service says that the bucket is, when the region was wrong.
	BucketRegion string

	kind error
	err  error
}

// Error says what failed, on what, and why.
func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on bucket %q", e.Op, e.Bucket)
	if e.Key != "" {
		fmt.Fprintf(&b, ", key %q", e.Key)
	}
	fmt.Fprintf(&b, " (%s, region %s): ", e.Endpoint, e.Region)
	switch {
	case e.Code != "" && e.Status != 0:
		fmt.Fprintf(&b, "%s, HTTP %d", e.Code, e.Status)
		if msg := apiMessage(e.err); msg != "" {
			fmt.Fprintf(&b, ": %s", msg)
		}
	default:
		b.WriteString(plainCause(e.err))
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// Unwrap gives the SDK's error.
func (e *CallError) Unwrap() error { return e.err }

// Is matches the failure's kind.
func (e *CallError) Is(target error) bool { return e.kind != nil && target == e.kind }

func apiMessage(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

// plainCause strips the SDK's chain of operation names down to the innermost sentence.
func plainCause(err error) string {
	var op *smithy.OperationError
	if errors.As(err, &op) {
		err = op.Err
	}
	return err.Error()
}

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
		Region: c.cfg.Region, Endpoint: c.Endpoint(), err: err,
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Code = api.ErrorCode()
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) {
		e.Status = resp.HTTPStatusCode()
		if resp.Response != nil {
			e.BucketRegion = resp.Response.Header.Get("X-Amz-Bucket-Region")
		}
	}
	var awsResp *awshttp.ResponseError
	if errors.As(err, &awsResp) {
		e.RequestID = awsResp.ServiceRequestID()
	}
	e.kind = classify(op, e.Code, e.Status, err)
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

func classify(op, code string, status int, err error) error {
	switch {
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
		status == http.StatusMethodNotAllowed, unsupportedByCall[op][code]:
		return ErrUnsupported
	case isCredentialCode(code), isMissingCredentials(err):
		return ErrCredentials
	case code == "AccessDenied", code == "Forbidden", code == "AllAccessDisabled", status == http.StatusForbidden:
		return ErrAccessDenied
	case op == "HeadBucket" && status == http.StatusNotFound:
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

// isMissingCredentials recognises that nobody could be found to sign as: no request was sent.
func isMissingCredentials(err error) bool {
	var none *credentialFailure
	return errors.As(err, &none)
}

// credentialFailure is what the credential chain answered, see credentialChain.
type credentialFailure struct{ err error }

func (f *credentialFailure) Error() string { return "no credentials found: " + f.err.Error() }
func (f *credentialFailure) Unwrap() error { return f.err }

// credentialChain types the failures of the SDK's credential chain, which are plain strings.
type credentialChain struct{ inner aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (c credentialChain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := c.inner.Retrieve(ctx)
	if err != nil {
		return creds, &credentialFailure{err: err}
	}
	return creds, nil
}

// Hint gives the next thing to do for an error of this package, empty when it knows none.
func Hint(err error) string {
	var e *CallError
	if !errors.As(err, &e) {
		return ""
	}
	if h := codeHint(e); h != "" {
		return h
	}
	switch {
	case errors.Is(err, ErrNotFound) && (e.Code == "NoSuchBucket" || e.Op == "HeadBucket"):
		return fmt.Sprintf("There is no bucket %q at %s in region %s. Check the name and the region, or let groundwork create it.", e.Bucket, e.Endpoint, e.Region)
	case errors.Is(err, ErrWrongRegion):
		return wrongRegionHint(e)
	case errors.Is(err, ErrAlreadyExists):
		return "Bucket names are shared by all customers of a service, and this one is taken. Choose another name; if the bucket is yours, check which account or project the credentials belong to."
	case errors.Is(err, ErrCredentials):
		return "Set access_key and secret_key in the provider, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (on Scaleway SCW_ACCESS_KEY and SCW_SECRET_KEY) in the environment."
	case errors.Is(err, ErrAccessDenied):
		return fmt.Sprintf("The credentials are valid but may not do %s. Grant that right, check that they belong to the account that owns the bucket, and look for a bucket policy that leaves the caller out.", e.Op)
	case errors.Is(err, ErrUnsupported):
		return fmt.Sprintf("%s does not offer %s. Leave the setting out of the configuration, or choose a service that has it.", e.Service, e.Op)
	}
	return transportHint(e)
}

func codeHint(e *CallError) string {
	switch e.Code {
	case "InvalidAccessKeyId", "XMinioInvalidAccessKeyId":
		return "The service does not know this access key: it was deleted, or it belongs to another service. Check which variables are set: env | grep -E '^(GROUNDWORK|SCW|AWS)_' | cut -d= -f1"
	case "SignatureDoesNotMatch":
		return "The secret key does not belong to the access key, or a proxy changes the request on its way."
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		return "The session credentials have expired. Sign in again and repeat the command."
	case "RequestTimeTooSkewed":
		return "This machine's clock differs too much from the service's. Set the clock (for example: timedatectl set-ntp true) and repeat the command."
	case "IncompleteBody", "XAmzContentSHA256Mismatch":
		return "A proxy or the service changed the request's body."
	}
	return ""
}

func wrongRegionHint(e *CallError) string {
	if e.BucketRegion != "" && e.BucketRegion != e.Region {
		return fmt.Sprintf("The bucket is in region %s, but the request went to %s. Set region = %q.", e.BucketRegion, e.Region, e.BucketRegion)
	}
	return fmt.Sprintf("The bucket is not in region %s. Set the region it was created in.", e.Region)
}

func transportHint(e *CallError) string {
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var badHost x509.HostnameError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(e.err, &dns):
		return fmt.Sprintf("The host of %s cannot be resolved. Check the endpoint; a server without wildcard DNS needs use_path_style = true.", e.Endpoint)
	case errors.As(e.err, &unknownCA):
		return "The server's certificate is signed by an authority that this machine does not know. Set ca_bundle to its PEM file."
	case errors.As(e.err, &badHost):
		return "The server's certificate is for another host name. Check the endpoint; a server without a wildcard certificate needs use_path_style = true."
	case errors.As(e.err, &syntax), isDeserialization(e.err):
		return fmt.Sprintf("The answer is no S3 answer. Something between here and %s replies in its place, such as a proxy's login page: check HTTPS_PROXY and NO_PROXY, and the endpoint.", e.Endpoint)
	case errors.Is(e.err, context.DeadlineExceeded):
		return "The service did not answer in time. Repeat the command; what was done so far is kept and finished."
	case e.Status >= 500 || isConnection(e.err):
		return fmt.Sprintf("%s could not be reached or failed on its side. Repeat the command; what was done so far is kept and finished.", e.Endpoint)
	}
	return ""
}

func isDeserialization(err error) bool {
	var d *smithy.DeserializationError
	return errors.As(err, &d)
}

func isConnection(err error) bool {
	var op *net.OpError
	var send *smithyhttp.RequestSendError
	return errors.As(err, &op) || errors.As(err, &send)
}
