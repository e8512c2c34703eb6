package dynamolock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
)

// The kinds of failure that callers act on. Test with errors.Is.
var (
	// ErrNotFound means that the table does not exist, in this region of this account.
	ErrNotFound = errors.New("not found")
	// ErrExists means that a table of that name exists.
	ErrExists = errors.New("already exists")
	// ErrInUse means that somebody holds a lock, or that the table is being changed.
	ErrInUse = errors.New("in use")
	// ErrDenied means that the credentials are valid but lack the right.
	ErrDenied = errors.New("access denied")
	// ErrCredentials means that there are no usable credentials.
	ErrCredentials = errors.New("no usable credentials")
	// ErrUnsupported means that the service does not know the call or the setting.
	ErrUnsupported = errors.New("not supported by the service")
	// ErrUnreachable means that there was no answer.
	ErrUnreachable = errors.New("no answer")
)

// CallError is a call that failed, with all that the reader needs to find out why.
type CallError struct {
	// Op is the call, such as UpdateContinuousBackups.
	Op string
	// Table, Region and Endpoint say where.
	Table, Region, Endpoint string
	// Failure is the service's answer.
	awsclient.Failure

	kind error
}

// Error says what failed, on what, and why.
func (e *CallError) Error() string {
	return fmt.Sprintf("%s on the DynamoDB table %q (%s, region %s): %s", e.Op, e.Table, e.Endpoint, e.Region, e.Why())
}

// Is matches the failure's kind.
func (e *CallError) Is(target error) bool { return e.kind != nil && target == e.kind }

// wrap turns an SDK error into a *CallError; nil stays nil.
func (c *Client) wrap(op, table string, err error) error {
	if err == nil {
		return nil
	}
	var done *CallError
	if errors.As(err, &done) {
		return err
	}
	e := &CallError{Op: op, Table: table, Region: c.Region(), Endpoint: c.Endpoint(), Failure: awsclient.FailureOf(err)}
	e.kind = e.classify()
	return e
}

func (e *CallError) classify() error {
	var send *url.Error
	var network net.Error
	var none *awsclient.CredentialsError
	switch {
	case errors.Is(e.Err, context.Canceled):
		return nil // the caller gave up: nothing is known about the service
	case errors.As(e.Err, &none):
		return ErrCredentials
	}
	switch e.Code {
	case "ResourceNotFoundException", "TableNotFoundException":
		return ErrNotFound
	case "ResourceInUseException":
		if e.Op == "CreateTable" {
			return ErrExists
		}
		return ErrInUse
	case "UnknownOperationException", "NotImplemented", "UnsupportedOperationException":
		return ErrUnsupported
	case "AccessDeniedException", "AccessDenied":
		return ErrDenied
	case "UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "InvalidClientTokenId",
		"MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignatureException", "SignatureDoesNotMatch":
		return ErrCredentials
	case "":
		if e.Status == http.StatusNotImplemented {
			return ErrUnsupported
		}
		if errors.As(e.Err, &send) || errors.As(e.Err, &network) {
			return ErrUnreachable
		}
		if e.Status/100 == 2 {
			return ErrUnreachable // the answer broke off in the middle
		}
	}
	return nil
}

// Hint says what to do next, empty where the error says it all.
func Hint(err error) string {
	var live *LiveLockError
	var exists *ExistsError
	var other *OtherAccountError
	switch {
	case errors.As(err, &live):
		return live.Hint()
	case errors.As(err, &exists):
		return "If it is meant to be this lock table, set adopt_existing = true; its items stay. Otherwise choose another name."
	case errors.As(err, &other):
		return fmt.Sprintf("Use credentials of the account %s. If the table is gone for good, remove the resource from the state (terraform state rm).", other.Made)
	}
	var e *CallError
	if !errors.As(err, &e) {
		return ""
	}
	action := "dynamodb:" + e.Op
	switch {
	case errors.Is(e, ErrDenied):
		return fmt.Sprintf("The credentials are valid and lack a right. Allow the action %s on arn:aws:dynamodb:%s:*:table/%s for whom they belong to (aws sts get-caller-identity), or use others.", action, e.Region, e.Table)
	case errors.Is(e, ErrCredentials):
		return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; temporary ones may have expired. The keys of another S3 service are not used for DynamoDB."
	case errors.Is(e, ErrUnreachable):
		return fmt.Sprintf("Nothing answered at %s. Check the region and the endpoint, the network and the firewall; then repeat the command.", e.Endpoint)
	case errors.Is(e, ErrNotFound):
		return fmt.Sprintf("There is no such table in the region %s of this account. Check table, region and the account of the credentials (aws sts get-caller-identity).", e.Region)
	case errors.Is(e, ErrInUse):
		return "The table is being made, changed or deleted right now. Wait a minute and repeat the command."
	case errors.Is(e, ErrUnsupported):
		return fmt.Sprintf("The service at %s does not have this. Leave the setting out.", e.Endpoint)
	}
	switch e.Code {
	case "LimitExceededException":
		return "The account has reached a limit of DynamoDB, such as that of tables being changed at once. Wait a minute and repeat the command, or have the limit raised."
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded":
		return "DynamoDB asks for fewer requests. Wait a minute and repeat the command; a table with provisioned throughput may need more of it."
	}
	return ""
}
