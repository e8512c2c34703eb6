package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// answered is an error of the SDK about an answer with this status.
func answered(status int, err error) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "GetObject", Err: &awshttp.ResponseError{
		RequestID:     "1234",
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err},
	}}
}

// What a call failed of reads as one sentence, without the SDK's own chain around it.
func TestWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"a code":         {answered(403, &smithy.GenericAPIError{Code: "AccessDenied", Message: " not you "}), "AccessDenied, HTTP 403: not you (request 1234)"},
		"a code alone":   {answered(503, &smithy.GenericAPIError{Code: "SlowDown"}), "SlowDown, HTTP 503 (request 1234)"},
		"no code":        {answered(502, errors.New("a page")), "HTTP 502: a page (request 1234)"},
		"no answer":      {&smithy.OperationError{Err: &url.Error{Op: "Get", URL: "https://s3.example.com", Err: errors.New("refused")}}, "no answer: refused"},
		"interrupted":    {&smithy.OperationError{Err: fmt.Errorf("waiting: %w", context.Canceled)}, "it was interrupted"},
		"no credentials": {&smithy.OperationError{Err: &CredentialsError{Err: errors.New("the token has expired")}}, "no credentials found: the token has expired"},
		"nobody on EC2": {&CredentialsError{Err: &smithy.OperationError{ServiceID: "ec2imds", Err: errors.New("no route")}},
			"no credentials found in the configuration, the environment or the AWS shared files"},
		"something else": {errors.New("no such host"), "no such host"},
	} {
		f := FailureOf(tc.err)
		if got := f.Why(); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if !errors.Is(f.Unwrap(), tc.err) {
			t.Errorf("%s: the error itself is lost", name)
		}
	}
}

// What nobody could call with is found before the first call, and names the setting.
func TestLoadRefuses(t *testing.T) {
	for _, pair := range os.Environ() { // those of the machine stay out
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "absent"))
	for field, s := range map[string]Settings{
		"ca_bundle": {CABundle: filepath.Join(t.TempDir(), "absent.pem")}, "profile": {SharedProfile: "nobody"},
	} {
		var conf *ConfigError
		if _, err := Load(t.Context(), s); !errors.As(err, &conf) || conf.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	cfg, err := Load(t.Context(), Settings{Region: "x", NotAWS: true})
	if err != nil {
		t.Fatal(err)
	}
	var none *CredentialsError
	if _, err := cfg.Credentials.Retrieve(t.Context()); !errors.As(err, &none) || !strings.Contains(err.Error(), "no credentials found") {
		t.Errorf("without credentials: %v", err)
	}
}
