package dynamolock

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// Client talks to DynamoDB in one region. It is safe for concurrent use.
type Client struct {
	api *dynamodb.Client
	cfg Config
	// account asks whose credentials these are.
	account *sts.Client
}

// New resolves cfg against the environment and builds a client. It makes no request.
func New(ctx context.Context, cfg Config) (*Client, error) {
	resolved, err := cfg.Resolve(os.Getenv)
	if err != nil {
		return nil, err
	}
	httpClient, err := newHTTPClient(resolved)
	if err != nil {
		return nil, err
	}
	base, err := awsconfig.LoadDefaultConfig(ctx, loadOptions(resolved, httpClient)...)
	var missing awsconfig.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return nil, &ConfigError{Field: "profile", Problem: fmt.Sprintf("the AWS shared configuration files have no profile %q", missing.Profile)}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the AWS shared configuration: %w", err)
	}
	base.Credentials = typedCredentials{base.Credentials}
	resolved.Region = base.Region
	if err := checkRegion(resolved.Region); err != nil {
		return nil, err
	}
	api := dynamodb.NewFromConfig(base, func(o *dynamodb.Options) {
		if resolved.Endpoint != "" {
			o.BaseEndpoint = aws.String(resolved.Endpoint)
		}
		o.APIOptions = append(o.APIOptions, awsmiddleware.AddUserAgentKeyValue("groundwork", resolved.Version))
	})
	if at := api.Options().BaseEndpoint; resolved.Endpoint == "" && at != nil {
		resolved.Endpoint = strings.TrimRight(*at, "/") // the shared configuration names one
		if err := checkEndpoint(resolved.Endpoint); err != nil {
			return nil, err
		}
	}
	c := &Client{api: api, cfg: resolved}
	c.account = sts.NewFromConfig(base, func(o *sts.Options) {
		if !c.AWS() { // an emulation may serve both at one address
			o.BaseEndpoint = aws.String(resolved.Endpoint)
		}
	})
	return c, nil
}

func loadOptions(c Config, hc aws.HTTPClient) []func(*awsconfig.LoadOptions) error {
	opts := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(hc),
		awsconfig.WithLogger(logging.Nop{}), // it would write to the standard error of whoever runs this
		awsconfig.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = c.MaxRetries+1, c.MaxBackoff
				// The SDK's token bucket is shared: many callers at once would lose their retries.
				o.RateLimiter = noRateLimit{}
			})
		}),
	}
	if c.Region != "" {
		opts = append(opts, awsconfig.WithRegion(c.Region))
	}
	if c.SharedProfile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(c.SharedProfile))
	}
	if c.AccessKey != "" {
		opts = append(opts, awsconfig.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, c.SessionToken)))
	}
	if c.Endpoint != "" && !isAWS(c.Endpoint) {
		// The instance metadata service answers for AWS only; asking it costs seconds elsewhere.
		opts = append(opts, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	return opts
}

type noRateLimit struct{}

func (noRateLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noRateLimit) AddTokens(uint) error { return nil }

func newHTTPClient(c Config) (aws.HTTPClient, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 32
		t.ResponseHeaderTimeout = c.ResponseTimeout
	})
	if c.CABundle == "" {
		return client, nil
	}
	pem, err := os.ReadFile(c.CABundle) //nolint:gosec // the file that the user named
	if err != nil {
		return nil, &ConfigError{Field: "ca_bundle", Problem: "cannot be read: " + err.Error()}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &ConfigError{Field: "ca_bundle", Problem: c.CABundle + " holds no PEM certificate"}
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}), nil
}

// API returns the SDK's client, for the tool locks that stand in the same table.
func (c *Client) API() *dynamodb.Client { return c.api }

// Region returns the client's region.
func (c *Client) Region() string { return c.cfg.Region }

// AWS tells AWS's own service from an emulation.
func (c *Client) AWS() bool { return c.cfg.Endpoint == "" || isAWS(c.cfg.Endpoint) }

// Endpoint returns the URL that tables are reached at; for AWS, the regional one.
func (c *Client) Endpoint() string {
	switch {
	case c.cfg.Endpoint != "":
		return c.cfg.Endpoint
	case strings.HasPrefix(c.cfg.Region, "cn-"):
		return "https://dynamodb." + c.cfg.Region + ".amazonaws.com.cn"
	}
	return "https://dynamodb." + c.cfg.Region + ".amazonaws.com"
}

// typedCredentials types the failures of the SDK's credential chain, which are plain strings.
type typedCredentials struct{ inner aws.CredentialsProvider }

// noCredentials is what the chain answered.
type noCredentials struct{ err error }

// Error implements error.
func (f *noCredentials) Error() string { return f.err.Error() }

// Unwrap gives what the chain said.
func (f *noCredentials) Unwrap() error { return f.err }

// Retrieve implements aws.CredentialsProvider.
func (t typedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := t.inner.Retrieve(ctx)
	if err != nil {
		return creds, &noCredentials{err}
	}
	return creds, nil
}

// Wrap turns an error of the SDK into a *CallError, for those who use API; nil stays nil.
func (c *Client) Wrap(op, table string, err error) error { return c.wrap(op, table, err) }
