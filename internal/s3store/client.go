package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
)

// Client talks to one service in one region. It is safe for concurrent use.
type Client struct {
	api     *s3.Client
	cfg     Config
	profile Profile
	records probeRecords
}

// New resolves cfg against the environment and builds a client. It makes no request.
func New(ctx context.Context, cfg Config) (*Client, error) {
	resolved, profile, err := cfg.resolve(os.Getenv, func(name string) string { return sharedRegion(ctx, name) })
	if err != nil {
		return nil, err
	}
	base, err := awsclient.Load(ctx, awsclient.Settings{
		Region: resolved.Region, SharedProfile: resolved.SharedProfile, CABundle: resolved.CABundle,
		AccessKey: resolved.AccessKey, SecretKey: resolved.SecretKey, SessionToken: resolved.SessionToken,
		MaxRetries: resolved.MaxRetries, MaxBackoff: resolved.MaxBackoff, ResponseTimeout: resolved.ResponseTimeout,
		NotAWS: !profile.IsAWS, Retryables: retryables,
	})
	if err != nil {
		return nil, err
	}
	base.Credentials = projectCredentials{inner: base.Credentials, project: projectOf(resolved, profile)}
	c := &Client{api: newAPI(base, resolved, profile), cfg: resolved, profile: profile, records: defaultProbeRecords()}
	if at := c.api.Options().BaseEndpoint; c.cfg.Endpoint == "" && at != nil {
		// The shared configuration names an endpoint. It goes where any endpoint goes.
		if err := CheckEndpoint(*at); err != nil {
			return nil, err
		}
		c.cfg.Endpoint = trimEndpoint(*at)
		c.profile = profile.forEndpoint(c.cfg.Endpoint)
	}
	return c, nil
}

// sharedRegion is the region that the AWS shared configuration files name, empty if none.
func sharedRegion(ctx context.Context, profile string) string {
	var opts []func(*awsconfig.LoadOptions) error
	if profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(profile))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return "" // the same call tells why when the client is built
	}
	return cfg.Region
}

// projectOf is the project to name in the access key, which is how Scaleway's S3 reaches one that
// is not the key's default project.
func projectOf(c Config, p Profile) string {
	if len(p.ProjectVars) > 0 {
		return c.ProjectID
	}
	return ""
}

// projectCredentials names the project in the access key.
type projectCredentials struct {
	inner   aws.CredentialsProvider
	project string
}

// Retrieve implements aws.CredentialsProvider.
func (c projectCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := c.inner.Retrieve(ctx)
	if err == nil && c.project != "" && !strings.Contains(creds.AccessKeyID, "@") {
		creds.AccessKeyID += "@" + c.project
	}
	return creds, err
}

func newAPI(base aws.Config, c Config, p Profile) *s3.Client {
	return s3.NewFromConfig(base, func(o *s3.Options) {
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
		o.UsePathStyle = p.PathStyle
		if c.UsePathStyle != nil {
			o.UsePathStyle = *c.UsePathStyle
		}
		o.APIOptions = append(o.APIOptions, awsmiddleware.AddUserAgentKeyValue("groundwork", c.Version), checkAnswers)
		if !p.AWSChecksums {
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			o.APIOptions = append(o.APIOptions, useContentMD5)
		}
	})
}

// useContentMD5 replaces the SDK's CRC32 by the Content-MD5 header, which every S3 service has
// understood since the beginning, while trailing checksums break signatures on several.
func useContentMD5(stack *middleware.Stack) error {
	step := stack.Finalize //nolint:misspell // the SDK's spelling
	if _, ok := step.Get("AWSChecksum:ComputeInputPayloadChecksum"); !ok {
		return nil // a call without a body
	}
	if _, err := step.Remove("AWSChecksum:ComputeInputPayloadChecksum"); err != nil {
		return fmt.Errorf("removing the default checksum: %w", err)
	}
	return smithyhttp.AddContentChecksumMiddleware(stack)
}

// retryables adds to what the SDK tries again: the code that S3 sends while another change to the
// same bucket is still under way, and answers that were cut in the middle.
var retryables = []retry.IsErrorRetryable{
	retry.RetryableErrorCode{Codes: map[string]struct{}{"OperationAborted": {}}},
	retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return aws.TrueTernary
		}
		return aws.UnknownTernary
	}),
}

// Profile returns what is known about the service.
func (c *Client) Profile() Profile { return c.profile }

// Region returns the client's region.
func (c *Client) Region() string { return c.cfg.Region }

// Endpoint returns the URL that buckets are reached at; for AWS, the regional one.
func (c *Client) Endpoint() string {
	switch {
	case c.cfg.Endpoint != "":
		return c.cfg.Endpoint
	case strings.HasPrefix(c.cfg.Region, "cn-"):
		return "https://s3." + c.cfg.Region + ".amazonaws.com.cn"
	}
	return "https://s3." + c.cfg.Region + ".amazonaws.com"
}

// PathStyle tells whether buckets are addressed in the path.
func (c *Client) PathStyle() bool {
	if c.cfg.UsePathStyle != nil {
		return *c.cfg.UsePathStyle
	}
	return c.profile.PathStyle
}

// ForRegion returns a client for another region of the same service, or c itself.
func (c *Client) ForRegion(ctx context.Context, region string) (*Client, error) {
	if region == "" || region == c.cfg.Region {
		return c, nil
	}
	cfg := c.cfg
	cfg.Region = region
	if c.profile.regionOf(cfg.Endpoint) == c.cfg.Region {
		// The endpoint is the service's own for this region: the other region has another one.
		if err := c.profile.CheckRegion(region); err != nil {
			return nil, &ConfigError{Field: "region", Problem: err.Error()}
		}
		cfg.Endpoint = c.profile.inRegion(cfg.Endpoint, region)
	}
	return New(ctx, cfg)
}
