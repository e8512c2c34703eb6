package dynamolock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	defaults := Config{MaxRetries: 5, ResponseTimeout: time.Minute, MaxBackoff: 20 * time.Second}
	tests := map[string]struct {
		cfg         Config
		env         []string
		region, url string
		says        string
	}{
		"nothing":                   {},
		"written":                   {Config{Region: "a", Endpoint: "http://x:1/"}, []string{"GROUNDWORK_DYNAMODB_REGION", "b", "GROUNDWORK_DYNAMODB_ENDPOINT", "http://y"}, "a", "http://x:1", ""},
		"groundwork before AWS":     {Config{}, []string{"GROUNDWORK_DYNAMODB_REGION", "a", "AWS_REGION", "b", "GROUNDWORK_DYNAMODB_ENDPOINT", "http://x", "AWS_ENDPOINT_URL", "http://y"}, "a", "http://x", ""},
		"AWS's own":                 {Config{}, []string{"AWS_DEFAULT_REGION", "b", "AWS_ENDPOINT_URL_DYNAMODB", "http://x", "AWS_ENDPOINT_URL", "http://y"}, "b", "http://x", ""},
		"AWS's endpoint for all":    {Config{}, []string{"AWS_REGION", "a", "AWS_DEFAULT_REGION", "b", "AWS_ENDPOINT_URL", "http://y"}, "a", "http://y", ""},
		"AWS's endpoints, ignored":  {Config{}, []string{"AWS_ENDPOINT_URL_DYNAMODB", "http://x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}, "", "", ""},
		"no URL":                    {cfg: Config{Endpoint: "localhost:8000"}, says: "dynamodb_endpoint"},
		"credentials in the URL":    {cfg: Config{Endpoint: "http://me:secret@x"}, says: "carries credentials"},
		"another scheme":            {cfg: Config{Endpoint: "ftp://x"}, says: "https://"},
		"a query":                   {cfg: Config{Endpoint: "http://x?a=b"}, says: "query"},
		"half a pair":               {cfg: Config{AccessKey: "k"}, says: "pair"},
		"the variable is at fault":  {env: []string{"GROUNDWORK_DYNAMODB_ENDPOINT", "x"}, says: "dynamodb_endpoint"},
		"the secret stays a secret": {cfg: Config{Endpoint: "http://me:secret@x"}, says: "environment"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.cfg.Resolve(env(tc.env...))
			var ce *ConfigError
			if tc.says != "" {
				if !errors.As(err, &ce) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret@") {
					t.Errorf("unexpected %v", err)
				}
				return
			}
			want := defaults
			want.Region, want.Endpoint = tc.region, tc.url
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The keys of the buckets are used for DynamoDB where both are of one account, and nowhere else.
func TestWithStore(t *testing.T) {
	t.Parallel()
	keys := func(service, region, endpoint string) s3store.Config {
		return s3store.Config{Service: service, Region: region, Endpoint: endpoint, AccessKey: "key", SecretKey: "secret", SessionToken: "token", MaxRetries: 7}
	}
	tests := map[string]struct {
		own    Config
		store  s3store.Config
		env    []string
		shared bool
		region string
	}{
		"both on AWS":                   {store: keys("aws", "eu-west-3", ""), shared: true, region: "eu-west-3"},
		"both on AWS, by default":       {store: keys("", "eu-west-3", ""), shared: true, region: "eu-west-3"},
		"AWS's own endpoint":            {store: keys("aws", "eu-west-3", "https://s3.eu-west-3.amazonaws.com"), shared: true, region: "eu-west-3"},
		"a region of its own":           {own: Config{Region: "eu-central-1"}, store: keys("aws", "eu-west-3", ""), shared: true, region: "eu-central-1"},
		"keys from the environment":     {store: s3store.Config{Service: "aws", Region: "eu-west-3", MaxRetries: 7}, env: []string{"GROUNDWORK_ACCESS_KEY", "key", "GROUNDWORK_SECRET_KEY", "secret", "GROUNDWORK_SESSION_TOKEN", "token"}, shared: true, region: "eu-west-3"},
		"one emulation":                 {own: Config{Endpoint: "http://localhost:4566"}, store: keys("custom", "us-east-1", "http://localhost:4566"), shared: true, region: "us-east-1"},
		"one emulation, as AWS":         {own: Config{Endpoint: "http://localhost:4566"}, store: keys("aws", "us-east-1", "http://localhost:4566"), shared: true, region: "us-east-1"},
		"one emulation, by environment": {store: keys("custom", "us-east-1", "http://localhost:4566"), env: []string{"AWS_ENDPOINT_URL", "http://localhost:4566"}, shared: true, region: "us-east-1"},
		"Scaleway":                      {store: keys("scaleway", "fr-par", "")},
		"two emulations":                {own: Config{Endpoint: "http://localhost:8000"}, store: keys("custom", "us-east-1", "http://localhost:9000")},
		"S3 emulated as AWS only":       {store: keys("aws", "us-east-1", "http://localhost:9000")},
		"Scaleway's own variables":      {store: s3store.Config{Service: "scaleway", MaxRetries: 7}, env: []string{"SCW_ACCESS_KEY", "key", "SCW_SECRET_KEY", "secret"}},
		"a store that does not resolve": {store: keys("minio", "", "")},
		"keys of its own":               {own: Config{AccessKey: "key", SecretKey: "secret", SessionToken: "token"}, store: s3store.Config{Service: "aws", Region: "eu-west-3", AccessKey: "other", SecretKey: "other", MaxRetries: 7}, shared: true, region: "eu-west-3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.own.WithStore(tc.store, env(tc.env...))
			if shared := got.AccessKey == "key" && got.SecretKey == "secret" && got.SessionToken == "token"; shared != tc.shared || got.Region != tc.region || got.MaxRetries != 7 {
				t.Errorf("got %+v", got)
			}
			if !tc.shared && (got.AccessKey != "" || got.SecretKey != "") {
				t.Error("the keys of another service would be shown to AWS")
			}
		})
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	junk := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(junk, []byte("x"), 0o600))
	for name, tc := range map[string]struct {
		cfg  Config
		says string
	}{
		"no region":       {Config{}, "dynamodb_region"},
		"no such region":  {Config{Region: "x.evil.example"}, "is no region"},
		"no such profile": {Config{Region: "eu-west-3", SharedProfile: "nobody"}, `no profile "nobody"`},
		"no such bundle":  {Config{Region: "eu-west-3", CABundle: "/does/not/exist"}, "cannot be read"},
		"no bundle":       {Config{Region: "eu-west-3", CABundle: junk}, "no PEM certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(t.Context(), tc.cfg)
			var ce *ConfigError
			if !errors.As(err, &ce) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
	for region, want := range map[string]string{
		"eu-west-3": "https://dynamodb.eu-west-3.amazonaws.com", "cn-north-1": "https://dynamodb.cn-north-1.amazonaws.com.cn",
	} {
		if c := newClient(t, Config{Region: region}); c.Endpoint() != want || !c.AWS() {
			t.Errorf("%s: %s", region, c.Endpoint())
		}
	}
	if c := newClient(t, Config{Region: "eu-west-3", Endpoint: "http://localhost:1"}); c.AWS() || c.Endpoint() != "http://localhost:1" {
		t.Error("an emulation is taken for AWS")
	}
}

// What goes wrong on the way has a kind and a next step.
func TestCallErrors(t *testing.T) {
	t.Parallel()
	nobody := unreachable("http://127.0.0.1:1")
	anonymous := nobody
	anonymous.AccessKey, anonymous.SecretKey = "", ""
	for name, tc := range map[string]struct {
		c    *Client
		kind error
		says string
	}{
		"nothing listens": {newClient(t, nobody), ErrUnreachable, "127.0.0.1:1"},
		"no credentials":  {newClient(t, anonymous), ErrCredentials, "no credentials found"},
		"no table":        {onMoto(t), ErrNotFound, `"nowhere"`},
		"no table here":   {onDynalite(t), ErrNotFound, `"nowhere"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.c.Observe(t.Context(), "nowhere")
			var ce *CallError
			if !errors.As(err, &ce) || !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || Hint(err) == "" {
				t.Errorf("%v\n%s", err, Hint(err))
			}
		})
	}
}

func unreachable(endpoint string) Config {
	return Config{Region: "eu-west-3", Endpoint: endpoint, AccessKey: "k", SecretKey: "s", MaxRetries: 1, MaxBackoff: time.Millisecond}
}
