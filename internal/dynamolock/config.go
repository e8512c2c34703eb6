package dynamolock

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// Config says how to reach DynamoDB. The zero value means: everything from the environment.
type Config struct {
	// Region of the tables that name none.
	Region string
	// Endpoint URL with scheme of an emulation; empty is AWS's own for the region.
	Endpoint string
	// AccessKey, SecretKey and SessionToken are static credentials; empty leaves the AWS chain.
	AccessKey, SecretKey, SessionToken string
	// SharedProfile is a profile of the AWS shared configuration files.
	SharedProfile string
	// CABundle is a PEM file of additional certificate authorities.
	CABundle string
	// MaxRetries of one call; 0 means the default of 5.
	MaxRetries int
	// Version of groundwork, for the User-Agent header.
	Version string
	// ResponseTimeout is how long one request waits for its answer; 0 means the default of a minute.
	ResponseTimeout time.Duration
	// MaxBackoff bounds the pause before a call is tried again; 0 means the default of 20 seconds.
	MaxBackoff time.Duration
}

// The defaults of Config.
const (
	// DefaultMaxRetries is how often one call is tried again.
	DefaultMaxRetries = 5
	// DefaultResponseTimeout is how long a request waits for its answer.
	DefaultResponseTimeout = time.Minute
	// DefaultMaxBackoff bounds the pause before a call is tried again.
	DefaultMaxBackoff = 20 * time.Second
)

// ConfigError is a configuration that cannot work, with the field at fault.
type ConfigError = awsclient.ConfigError

// WithStore fills what c leaves empty from the configuration of the buckets, where that is of the
// same account: on AWS, or on an emulation that serves both at one address. The keys of another S3
// service are never shown to AWS.
func (c Config) WithStore(s s3store.Config, getenv func(string) string) Config {
	c = c.fromEnv(getenv)
	if c.MaxRetries == 0 {
		c.MaxRetries = s.MaxRetries
	}
	if c.CABundle == "" {
		c.CABundle = s.CABundle
	}
	resolved, profile, err := s.Resolve(getenv)
	if err != nil || !profile.IsAWS && !sameHost(c.Endpoint, resolved.Endpoint) {
		return c
	}
	if profile.IsAWS && resolved.Endpoint != "" && !isAWS(resolved.Endpoint) && !sameHost(c.Endpoint, resolved.Endpoint) {
		return c // an emulation of S3 under AWS's profile, and DynamoDB elsewhere
	}
	if c.Region == "" {
		c.Region = resolved.Region
	}
	if c.SharedProfile == "" {
		c.SharedProfile = resolved.SharedProfile
	}
	if c.AccessKey == "" && c.SecretKey == "" {
		c.AccessKey, c.SecretKey, c.SessionToken = resolved.AccessKey, resolved.SecretKey, resolved.SessionToken
	}
	return c
}

// Resolve fills what c leaves empty, in this order: GROUNDWORK_DYNAMODB_* variables, the AWS
// variables, the defaults. Credentials that are still empty are left to the AWS chain. It reads the
// environment through getenv only.
func (c Config) Resolve(getenv func(string) string) (Config, error) {
	c = c.fromEnv(getenv)
	if err := checkEndpoint(c.Endpoint); err != nil {
		return c, err
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		return c, &ConfigError{Field: "access_key", Problem: "access_key and secret_key come as a pair; only one of them is set"}
	}
	if c.Region == "" {
		c.Region = firstOf(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
	}
	if c.MaxRetries == 0 {
		c.MaxRetries = DefaultMaxRetries
	}
	if c.ResponseTimeout == 0 {
		c.ResponseTimeout = DefaultResponseTimeout
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = DefaultMaxBackoff
	}
	return c, nil
}

func (c Config) fromEnv(getenv func(string) string) Config {
	c.Region = firstOf(c.Region, getenv("GROUNDWORK_DYNAMODB_REGION"))
	c.Endpoint = firstOf(c.Endpoint, getenv("GROUNDWORK_DYNAMODB_ENDPOINT"))
	if c.Endpoint == "" {
		if off, err := strconv.ParseBool(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")); err != nil || !off {
			// The backends of the tools read both as well.
			c.Endpoint = firstOf(getenv("AWS_ENDPOINT_URL_DYNAMODB"), getenv("AWS_ENDPOINT_URL"))
		}
	}
	c.Endpoint = strings.TrimRight(c.Endpoint, "/")
	c.CABundle = firstOf(c.CABundle, getenv("GROUNDWORK_CA_BUNDLE"))
	return c
}

// checkRegion refuses what cannot be part of a host name: a region that is none would send the
// request, and its signature, to somebody else's host.
func checkRegion(region string) error {
	if region == "" {
		return &ConfigError{Field: "dynamodb_region", Problem: "DynamoDB needs a region: set region in the table, dynamodb_region in the provider, --dynamodb-region of a command, or GROUNDWORK_DYNAMODB_REGION or AWS_REGION in the environment"}
	}
	for _, r := range region {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return &ConfigError{Field: "dynamodb_region", Problem: fmt.Sprintf("%q is no region; AWS's are spelled like eu-west-3", region)}
		}
	}
	return nil
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	problem := ""
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "":
		problem = "the endpoint is not a URL such as http://localhost:8000"
	case u.User != nil:
		problem = "the endpoint carries credentials; give them in the environment"
	case u.Scheme != "https" && u.Scheme != "http":
		problem = "the endpoint has to start with https:// or http://"
	case u.RawQuery != "" || u.Fragment != "":
		problem = "the endpoint has a query or a fragment; give scheme, host and port only"
	default:
		return nil
	}
	return &ConfigError{Field: "dynamodb_endpoint", Problem: problem}
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Host != "" && strings.EqualFold(ua.Host, ub.Host)
}

// isAWS tells AWS's own endpoints from emulations.
func isAWS(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
