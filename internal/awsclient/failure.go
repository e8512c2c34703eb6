package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Failure is what an error of the SDK says of a call.
type Failure struct {
	// Code, Status, Message and RequestID are the service's own words; empty when it never answered.
	Code      string
	Status    int
	Message   string
	RequestID string
	// Err is the SDK's error.
	Err error
}

// FailureOf reads an error of the SDK.
func FailureOf(err error) Failure {
	f := Failure{Err: err}
	var api smithy.APIError
	if errors.As(err, &api) {
		f.Code, f.Message = api.ErrorCode(), api.ErrorMessage()
	}
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) {
		f.Status = resp.HTTPStatusCode()
	}
	var awsResp *awshttp.ResponseError
	if errors.As(err, &awsResp) {
		f.RequestID = awsResp.ServiceRequestID()
	}
	return f
}

// Why is the service's answer, or why there was none, in one line.
func (f Failure) Why() string {
	why := plainCause(f.Err)
	if f.Code != "" && f.Status != 0 {
		why = fmt.Sprintf("%s, HTTP %d", f.Code, f.Status)
		if message := strings.TrimSpace(f.Message); message != "" {
			why += ": " + message
		}
	}
	if f.RequestID != "" {
		why += " (request " + f.RequestID + ")"
	}
	return why
}

// Unwrap gives the SDK's error.
func (f Failure) Unwrap() error { return f.Err }

// plainCause strips the SDK's chain of operation names down to the innermost sentence.
func plainCause(err error) string {
	var none *CredentialsError
	var send *url.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "it was interrupted"
	case errors.As(err, &none):
		return none.Error()
	case errors.As(err, &send):
		return "no answer: " + send.Err.Error() // its own text repeats the address
	}
	var op *smithy.OperationError
	if errors.As(err, &op) {
		err = op.Err
	}
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &resp) || resp.Err == nil {
		return err.Error()
	}
	if status := resp.HTTPStatusCode(); status != 0 {
		return fmt.Sprintf("HTTP %d: %v", status, resp.Err)
	}
	return resp.Err.Error()
}

// CredentialsError says that nobody could be found to sign as: no request was sent.
type CredentialsError struct {
	// Err is what the SDK's credential chain answered.
	Err error
}

// Error implements error.
func (e *CredentialsError) Error() string {
	var op *smithy.OperationError
	if errors.As(e.Err, &op) && op.Service() == "ec2imds" {
		// The last link of the chain, which says nothing to those who are not on EC2.
		return "no credentials found in the configuration, the environment or the AWS shared files"
	}
	return "no credentials found: " + e.Err.Error()
}

// Unwrap gives what the chain said.
func (e *CredentialsError) Unwrap() error { return e.Err }

// typedCredentials types the failures of the SDK's credential chain, which are plain strings.
type typedCredentials struct{ inner aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (t typedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := t.inner.Retrieve(ctx)
	if err != nil {
		return creds, &CredentialsError{Err: err}
	}
	return creds, nil
}
