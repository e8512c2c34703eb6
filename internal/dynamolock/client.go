package dynamolock

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/awsclient"
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
	base, err := awsclient.Load(ctx, awsclient.Settings{
		Region: resolved.Region, SharedProfile: resolved.SharedProfile, CABundle: resolved.CABundle,
		AccessKey: resolved.AccessKey, SecretKey: resolved.SecretKey, SessionToken: resolved.SessionToken,
		MaxRetries: resolved.MaxRetries, MaxBackoff: resolved.MaxBackoff, ResponseTimeout: resolved.ResponseTimeout,
		NotAWS: resolved.Endpoint != "" && !isAWS(resolved.Endpoint),
	})
	if err != nil {
		return nil, err
	}
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

// Wrap turns an error of the SDK into a *CallError, for those who use API; nil stays nil.
func (c *Client) Wrap(op, table string, err error) error { return c.wrap(op, table, err) }
