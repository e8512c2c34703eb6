package s3store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Hint gives the next thing to do for an error of this package, empty when it knows none.
func Hint(err error) string {
	var kept *UndeletableError
	if errors.As(err, &kept) {
		return kept.hint()
	}
	var lack *UnsupportedError
	if errors.As(err, &lack) {
		return lack.hint()
	}
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
	case errors.Is(err, ErrBucketNotEmpty):
		return "Something was written to the bucket meanwhile, or it holds what a listing does not show. Repeat the command."
	case errors.Is(err, ErrCredentials):
		return credentialsHint(e)
	case errors.Is(err, ErrAccessDenied):
		return fmt.Sprintf("The credentials are valid but may not do %s. Grant that right, check that they belong to the account that owns the bucket, and look for a bucket policy that leaves the caller out.", e.Op)
	case errors.Is(err, ErrUnsupported):
		return fmt.Sprintf("%s does not offer %s. Leave the setting out of the configuration, or choose a service that has it.", e.Service, e.Op)
	}
	return transportHint(e)
}

func credentialsHint(e *CallError) string {
	own := ""
	if len(e.keyVars) > 0 {
		own = ", or " + strings.Join(e.keyVars, " and ") + ","
	}
	return "Set access_key and secret_key in the provider, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" + own + " in the environment; with AWS single sign-on, sign in again (aws sso login)."
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
	case "OperationAborted":
		return "Another change to this bucket is still under way; after a bucket was deleted, its name stays blocked for a while. Wait some minutes and repeat the command."
	case "InvalidBucketName":
		return "The service does not take this name: 3 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit, are allowed everywhere."
	case "TooManyBuckets", "QuotaExceeded":
		return "The account has reached its limit. Delete what is not needed, or have the limit raised."
	case "MalformedPolicy":
		return "The service does not take this policy. Check that every principal exists, and that actions and condition keys are spelled as the service documents them."
	case "InvalidBucketState":
		return "The bucket is in a state that forbids this: object lock can often be set only when a bucket is created, and keeps versioning on for good."
	}
	return ""
}

func wrongRegionHint(e *CallError) string {
	if e.BucketRegion != "" && e.BucketRegion != e.Region {
		return fmt.Sprintf("The bucket is in region %s, but the request went to %s. Set region = %q.", e.BucketRegion, e.Region, e.BucketRegion)
	}
	return fmt.Sprintf("Region %s is not the one of this bucket, or not one of %s. Set the region that the bucket was created in.", e.Region, e.Endpoint)
}

func transportHint(e *CallError) string {
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var badHost x509.HostnameError
	switch {
	case errors.Is(e.Err, context.Canceled):
		return ""
	case errors.As(e.Err, &dns):
		return fmt.Sprintf("The host of %s cannot be resolved. Check the endpoint; a server without wildcard DNS needs use_path_style = true.", e.Endpoint)
	case errors.As(e.Err, &unknownCA):
		return "The server's certificate is signed by an authority that this machine does not know. Set ca_bundle to its PEM file."
	case errors.As(e.Err, &badHost):
		return "The server's certificate is for another host name. Check the endpoint; a server without a wildcard certificate needs use_path_style = true."
	case errors.As(e.Err, new(tls.RecordHeaderError)) || errors.Is(e.Err, http.ErrSchemeMismatch):
		return fmt.Sprintf("What listens at %s speaks no TLS. Check the port, or write the endpoint with http:// if it is a server on this machine.", e.Endpoint)
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "The service did not answer in time. Repeat the command; what was done so far is kept and finished."
	case e.Status >= 500:
		return fmt.Sprintf("%s could not be reached or failed on its side. Repeat the command; what was done so far is kept and finished.", e.Endpoint)
	case isConnection(e.Err):
		return fmt.Sprintf("%s could not be reached or failed on its side. Repeat the command; what was done so far is kept and finished. If that never helps, check the endpoint and its port: something else may listen there.", e.Endpoint)
	case isNoAnswer(e.Err):
		return fmt.Sprintf("The answer is no S3 answer. Something between here and %s replies in its place, such as a proxy's login page: check HTTPS_PROXY and NO_PROXY, and the endpoint.", e.Endpoint)
	}
	return ""
}

// isNoAnswer tells that what came is nothing that an S3 service says.
func isNoAnswer(err error) bool {
	var odd *answerError
	var syntax *xml.SyntaxError
	var d *smithy.DeserializationError
	return errors.As(err, &odd) || errors.As(err, &syntax) || errors.As(err, &d)
}

// isConnection tells that the connection failed, before an answer or in the middle of one.
func isConnection(err error) bool {
	var op *net.OpError
	var send *smithyhttp.RequestSendError
	return errors.As(err, &op) || errors.As(err, &send) || errors.Is(err, io.ErrUnexpectedEOF)
}
