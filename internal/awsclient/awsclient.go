// Package awsclient is what the clients of S3 and of DynamoDB share: how they find their
// configuration, send, try again and give up, and how an error of the AWS SDK reads.
package awsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"
)

// Settings are those of a client that do not depend on its service.
type Settings struct {
	// Region is empty where the AWS shared configuration files may name it.
	Region string
	// AccessKey, SecretKey and SessionToken are static credentials; empty leaves the AWS chain.
	AccessKey, SecretKey, SessionToken string
	// SharedProfile is a profile of the AWS shared configuration files.
	SharedProfile string
	// CABundle is a PEM file of additional certificate authorities.
	CABundle string
	// MaxRetries of one call, and the longest pause before one.
	MaxRetries int
	MaxBackoff time.Duration
	// ResponseTimeout is how long one request waits for the first byte of its answer.
	ResponseTimeout time.Duration
	// NotAWS is a service of somebody else, for which there are no credentials in the metadata of an
	// EC2 instance: to ask for them costs seconds elsewhere.
	NotAWS bool
	// Retryables are tried again beside what the SDK tries again by itself.
	Retryables []retry.IsErrorRetryable
}

// ConfigError is a configuration that cannot work, with the field at fault.
type ConfigError struct {
	// Field is the name of the setting, as the provider spells it.
	Field string
	// Problem is what is wrong and what to do.
	Problem string
}

// Error implements error.
func (e *ConfigError) Error() string { return e.Field + ": " + e.Problem }

// Load makes the configuration of a client from settings and the AWS shared configuration files. It
// makes no request. Credentials that nobody gives are a *CredentialsError when a call needs them.
func Load(ctx context.Context, s Settings) (aws.Config, error) {
	httpClient, err := newHTTPClient(s.CABundle, s.ResponseTimeout)
	if err != nil {
		return aws.Config{}, err
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, s.options(httpClient)...)
	var missing awsconfig.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return aws.Config{}, &ConfigError{Field: "profile", Problem: fmt.Sprintf("the AWS shared configuration files have no profile %q", missing.Profile)}
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("reading the AWS shared configuration: %w", err)
	}
	cfg.Credentials = typedCredentials{cfg.Credentials}
	return cfg, nil
}

func (s Settings) options(hc aws.HTTPClient) []func(*awsconfig.LoadOptions) error {
	opts := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(hc),
		awsconfig.WithLogger(logging.Nop{}), // it would write to the standard error of whoever runs this
		awsconfig.WithRetryer(s.retryer),
	}
	if s.Region != "" {
		opts = append(opts, awsconfig.WithRegion(s.Region))
	}
	if s.SharedProfile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(s.SharedProfile))
	}
	if s.AccessKey != "" {
		opts = append(opts, awsconfig.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, s.SessionToken)))
	}
	if s.NotAWS {
		opts = append(opts, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	return opts
}

func (s Settings) retryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = s.MaxRetries+1, s.MaxBackoff
		o.RateLimiter = noRateLimit{}
		o.Retryables = append(o.Retryables, s.Retryables...)
	})
}

// noRateLimit lets every call use its own retries: the SDK's shared token bucket would make the
// tenth parallel call fail on the first 503 because the others had used up the tokens.
type noRateLimit struct{}

func (noRateLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noRateLimit) AddTokens(uint) error { return nil }

func newHTTPClient(caBundle string, responseTimeout time.Duration) (aws.HTTPClient, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		// Much is read and written in parallel: keep those connections.
		t.MaxIdleConnsPerHost = 32
		t.ResponseHeaderTimeout = responseTimeout
	})
	if caBundle == "" {
		return client, nil
	}
	pem, err := os.ReadFile(caBundle) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, &ConfigError{Field: "ca_bundle", Problem: "cannot be read: " + err.Error()}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &ConfigError{Field: "ca_bundle", Problem: caBundle + " holds no PEM certificate"}
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}), nil
}
