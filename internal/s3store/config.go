package s3store

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
)

// Config says how to reach a service. The zero value means: everything from the environment.
type Config struct {
	// Service is a profile's name.
	Service string
	// Region of the buckets.
	Region string
	// Endpoint URL with scheme; empty takes the profile's.
	Endpoint string
	// AccessKey, SecretKey and SessionToken are static credentials; empty leaves the AWS chain.
	AccessKey, SecretKey, SessionToken string
	// SharedProfile is a profile of the AWS shared configuration files.
	SharedProfile string
	// ProjectID reaches another project than the key's own one, on services that have projects.
	ProjectID string
	// UsePathStyle overrides the profile's addressing.
	UsePathStyle *bool
	// CABundle is a PEM file of additional certificate authorities.
	CABundle string
	// MaxRetries of one call; 0 means the default of 5.
	MaxRetries int
	// Version of groundwork, for the User-Agent header.
	Version string
	// ResponseTimeout is how long one request waits for the first byte of its answer; 0 means the
	// default of a minute. Bodies may take longer.
	ResponseTimeout time.Duration
	// MaxBackoff bounds the pause before a call is tried again; 0 means the default of 20 seconds.
	MaxBackoff time.Duration
	// Probe is the size of the race in Probe; the zero value means the default of 16 rounds of 8.
	Probe ProbeSize
}

// The defaults of Config.
const (
	// DefaultMaxRetries is how often one call is tried again.
	DefaultMaxRetries = 5
	// DefaultResponseTimeout is how long a request waits for its answer to begin.
	DefaultResponseTimeout = time.Minute
	// DefaultMaxBackoff bounds the pause before a call is tried again.
	DefaultMaxBackoff = 20 * time.Second
)

// ConfigError is a configuration that cannot work, with the field at fault.
type ConfigError = awsclient.ConfigError

// Resolve fills what c leaves empty, in this order: GROUNDWORK_* variables, the service's own
// variables (such as SCW_ACCESS_KEY), the AWS variables, the profile's defaults. Credentials that
// are still empty are left to the AWS default chain. It reads the environment through getenv only.
func (c Config) Resolve(getenv func(string) string) (Config, Profile, error) {
	return c.resolve(getenv, func(string) string { return "" })
}

// resolve asks sharedRegion, which reads the AWS shared configuration files, where it matters.
func (c Config) resolve(getenv, sharedRegion func(string) string) (Config, Profile, error) {
	c, err := c.fromGroundworkEnv(getenv)
	if err != nil {
		return c, Profile{}, err
	}
	if c.Endpoint == "" && (c.Service == "" || takesAnyEndpoint(c.Service)) {
		// The AWS chain's own variables, which the backends of the tools read as well.
		c.Endpoint = awsEndpoint(getenv)
	}
	c.Endpoint = trimEndpoint(c.Endpoint)
	if err := CheckEndpoint(c.Endpoint); err != nil {
		return c, Profile{}, err
	}
	if c.Service == "" {
		c.Service = guessService(c.Endpoint)
	}
	p, err := ProfileByName(c.Service)
	if err != nil {
		return c, p, &ConfigError{Field: "service", Problem: err.Error()}
	}
	if c.Region == "" {
		c.Region = p.regionOf(c.Endpoint) // the endpoint of one region serves no other
	}
	c.fromServiceEnv(p, getenv)
	if err := c.resolvePlace(p, sharedRegion); err != nil {
		return c, p, err
	}
	switch {
	case (c.AccessKey == "") != (c.SecretKey == ""):
		return c, p, &ConfigError{Field: "access_key", Problem: "access_key and secret_key come as a pair; only one of them is set"}
	case c.MaxRetries < 0:
		return c, p, &ConfigError{Field: "max_retries", Problem: "the number of retries is negative"}
	}
	return c.withDefaults(), p.forEndpoint(c.Endpoint), nil
}

// resolvePlace settles region and endpoint.
func (c *Config) resolvePlace(p Profile, sharedRegion func(string) string) error {
	if c.Region == "" && (p.IsAWS || c.SharedProfile != "") {
		if shared := sharedRegion(c.SharedProfile); p.CheckRegion(shared) == nil {
			c.Region = shared
		}
	}
	if c.Region == "" {
		c.Region = p.DefaultRegion
	}
	if c.Region == "" {
		return &ConfigError{Field: "region", Problem: fmt.Sprintf(
			"%s needs a region: set region in the provider or AWS_REGION in the environment", p.DisplayName)}
	}
	if err := p.CheckRegion(c.Region); err != nil && c.Endpoint == "" {
		return &ConfigError{Field: "region", Problem: err.Error()}
	}
	if c.Endpoint == "" {
		c.Endpoint = p.EndpointFor(c.Region)
	}
	if c.Endpoint == "" && p.EndpointRequired {
		like := ""
		if p.EndpointLike != "" {
			like = ", such as " + p.EndpointLike
		}
		return &ConfigError{Field: "endpoint", Problem: fmt.Sprintf(
			"%s has no well-known address: set endpoint in the provider or GROUNDWORK_ENDPOINT in the environment%s", p.DisplayName, like)}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MaxRetries == 0 {
		c.MaxRetries = DefaultMaxRetries
	}
	if c.ResponseTimeout == 0 {
		c.ResponseTimeout = DefaultResponseTimeout
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = DefaultMaxBackoff
	}
	if c.Probe == (ProbeSize{}) {
		c.Probe = ProbeSize{Rounds: raceRounds, Writers: raceWriters}
	}
	return c
}

func (c Config) fromGroundworkEnv(getenv func(string) string) (Config, error) {
	fill := func(dst *string, name string) {
		if *dst == "" {
			*dst = getenv(name)
		}
	}
	fill(&c.Service, "GROUNDWORK_SERVICE")
	fill(&c.Region, "GROUNDWORK_REGION")
	fill(&c.Endpoint, "GROUNDWORK_ENDPOINT")
	fill(&c.SharedProfile, "GROUNDWORK_PROFILE")
	fill(&c.CABundle, "GROUNDWORK_CA_BUNDLE")
	if c.AccessKey == "" && c.SecretKey == "" {
		fill(&c.AccessKey, "GROUNDWORK_ACCESS_KEY")
		fill(&c.SecretKey, "GROUNDWORK_SECRET_KEY")
		fill(&c.SessionToken, "GROUNDWORK_SESSION_TOKEN")
	}
	if v := getenv("GROUNDWORK_USE_PATH_STYLE"); c.UsePathStyle == nil && v != "" {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return c, &ConfigError{Field: "use_path_style", Problem: fmt.Sprintf("GROUNDWORK_USE_PATH_STYLE is %q, neither true nor false", v)}
		}
		c.UsePathStyle = &b
	}
	if v := getenv("GROUNDWORK_MAX_RETRIES"); c.MaxRetries == 0 && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return c, &ConfigError{Field: "max_retries", Problem: fmt.Sprintf("GROUNDWORK_MAX_RETRIES is %q, not a number above 0", v)}
		}
		c.MaxRetries = n
	}
	return c, nil
}

// fromServiceEnv reads the service's own variables. They outrank the AWS chain, so that a shell
// that is set up for Scaleway's own tools works as it is.
func (c *Config) fromServiceEnv(p Profile, getenv func(string) string) {
	first := func(names []string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	if c.Region == "" {
		c.Region = first(p.RegionVars)
	}
	if c.AccessKey == "" && c.SecretKey == "" && c.SharedProfile == "" {
		access, secret := first(p.AccessKeyVars), first(p.SecretKeyVars)
		if access != "" && secret != "" {
			c.AccessKey, c.SecretKey = access, secret
			// The project belongs to the service's own variables: with other credentials it
			// would name somebody else's project.
			if c.ProjectID == "" {
				c.ProjectID = first(p.ProjectVars)
			}
		}
	}
	if c.Region == "" {
		c.Region = firstNonEmpty(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"))
		if p.CheckRegion(c.Region) != nil {
			// A shell set up for AWS says nothing about another service's regions.
			c.Region = ""
		}
	}
}

// CheckEndpoint refuses an endpoint that is no plain URL; credentials in it would reach logs.
func CheckEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "":
		return &ConfigError{Field: "endpoint", Problem: "the endpoint is not a URL with its scheme, such as https://s3.fr-par.scw.cloud (from the setting, GROUNDWORK_ENDPOINT or AWS_ENDPOINT_URL_S3)"}
	case u.User != nil:
		return &ConfigError{Field: "endpoint", Problem: "the endpoint carries credentials; give them as access_key and secret_key or in the environment"}
	case u.Scheme != "https" && u.Scheme != "http":
		return &ConfigError{Field: "endpoint", Problem: "the endpoint has to start with https:// or http://"}
	case u.RawQuery != "" || u.Fragment != "":
		return &ConfigError{Field: "endpoint", Problem: "the endpoint has a query or a fragment; give scheme, host and port only"}
	}
	return nil
}

// trimEndpoint makes one spelling of "https://host" and "https://host/": the endpoint is compared
// with the one that a bucket was made at.
func trimEndpoint(endpoint string) string { return strings.TrimRight(endpoint, "/") }

// awsEndpoint reads the AWS variables for endpoints, and the one that turns them off.
func awsEndpoint(getenv func(string) string) string {
	if off, err := strconv.ParseBool(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")); err == nil && off {
		return ""
	}
	return firstNonEmpty(getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"))
}

// takesAnyEndpoint is for services whose endpoint the AWS variables may name.
func takesAnyEndpoint(service string) bool {
	p, err := ProfileByName(service)
	return err == nil && (p.EndpointRequired || p.IsAWS)
}

// guessService names the service when only an endpoint, or nothing, is given.
func guessService(endpoint string) string {
	if endpoint == "" {
		return "aws"
	}
	host := hostOf(endpoint)
	for _, p := range profiles {
		if p.serves(host) {
			return p.Name
		}
	}
	return "custom"
}

// hostOf is an endpoint's host name as host names compare, empty for what is no URL.
func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

func firstNonEmpty(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// IsConfigError tells a configuration mistake from a service's answer.
func IsConfigError(err error) bool {
	var ce *ConfigError
	return errors.As(err, &ce)
}
