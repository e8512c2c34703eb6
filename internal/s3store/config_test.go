package s3store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return func(name string) string { return m[name] }
}

func TestResolve(t *testing.T) {
	t.Parallel()
	const project, other = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
	scaleway := []string{
		"SCW_ACCESS_KEY=SCWKEY", "SCW_SECRET_KEY=scw-secret",
		"SCW_DEFAULT_REGION=nl-ams", "SCW_REGION=pl-waw",
		"SCW_DEFAULT_PROJECT_ID=" + project, "SCW_PROJECT_ID=" + other,
	}
	tests := map[string]struct {
		in   Config
		env  []string
		want Config
	}{
		"nothing but a region is AWS": {
			env:  []string{"AWS_REGION=eu-west-3"},
			want: Config{Service: "aws", Region: "eu-west-3"},
		},
		"AWS_REGION goes before AWS_DEFAULT_REGION": {
			env:  []string{"AWS_REGION=eu-west-3", "AWS_DEFAULT_REGION=us-east-1"},
			want: Config{Service: "aws", Region: "eu-west-3"},
		},
		"AWS's default region": {
			env:  []string{"AWS_DEFAULT_REGION=us-east-1"},
			want: Config{Service: "aws", Region: "us-east-1"},
		},
		"configuration goes before every variable": {
			in: Config{
				Service: "scaleway", Region: "fr-par", AccessKey: "K", SecretKey: "S", SharedProfile: "p",
				CABundle: "ca.pem", UsePathStyle: aws.Bool(true), MaxRetries: 9, Endpoint: "https://s3.fr-par.scw.cloud",
			},
			env: append([]string{
				"GROUNDWORK_SERVICE=aws", "GROUNDWORK_REGION=nl-ams", "GROUNDWORK_ENDPOINT=https://x", "GROUNDWORK_PROFILE=q",
				"GROUNDWORK_ACCESS_KEY=GK", "GROUNDWORK_SECRET_KEY=GS", "GROUNDWORK_SESSION_TOKEN=GT", "GROUNDWORK_CA_BUNDLE=b",
				"GROUNDWORK_USE_PATH_STYLE=false", "GROUNDWORK_MAX_RETRIES=2",
			}, scaleway...),
			want: Config{
				Service: "scaleway", Region: "fr-par", AccessKey: "K", SecretKey: "S", SharedProfile: "p",
				CABundle: "ca.pem", UsePathStyle: aws.Bool(true), MaxRetries: 9, Endpoint: "https://s3.fr-par.scw.cloud",
			},
		},
		"groundwork's variables go before the service's": {
			env: append([]string{
				"GROUNDWORK_SERVICE=scaleway", "GROUNDWORK_REGION=fr-par", "GROUNDWORK_PROFILE=q", "GROUNDWORK_ACCESS_KEY=GK",
				"GROUNDWORK_SECRET_KEY=GS", "GROUNDWORK_SESSION_TOKEN=GT", "GROUNDWORK_CA_BUNDLE=b",
				"GROUNDWORK_USE_PATH_STYLE=true", "GROUNDWORK_MAX_RETRIES=2",
			}, scaleway...),
			want: Config{
				Service: "scaleway", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", SharedProfile: "q",
				AccessKey: "GK", SecretKey: "GS", SessionToken: "GT", CABundle: "b", UsePathStyle: aws.Bool(true), MaxRetries: 2,
			},
		},
		"Scaleway's own variables": {
			in: Config{Service: "scaleway"}, env: scaleway,
			want: Config{
				Service: "scaleway", Region: "nl-ams", Endpoint: "https://s3.nl-ams.scw.cloud",
				AccessKey: "SCWKEY", SecretKey: "scw-secret", ProjectID: project,
			},
		},
		"Scaleway's second spellings": {
			in: Config{Service: "scaleway"}, env: append(scaleway[:2:2], "SCW_REGION=pl-waw", "SCW_PROJECT_ID="+other),
			want: Config{
				Service: "scaleway", Region: "pl-waw", Endpoint: "https://s3.pl-waw.scw.cloud",
				AccessKey: "SCWKEY", SecretKey: "scw-secret", ProjectID: other,
			},
		},
		"a project of the environment belongs to the keys of the environment": {
			in: Config{Service: "scaleway", AccessKey: "K", SecretKey: "S"}, env: scaleway,
			want: Config{
				Service: "scaleway", Region: "nl-ams", Endpoint: "https://s3.nl-ams.scw.cloud", AccessKey: "K", SecretKey: "S",
			},
		},
		"a project of the configuration goes with any keys": {
			in: Config{Service: "scaleway", ProjectID: other}, env: scaleway,
			want: Config{
				Service: "scaleway", Region: "nl-ams", Endpoint: "https://s3.nl-ams.scw.cloud",
				AccessKey: "SCWKEY", SecretKey: "scw-secret", ProjectID: other,
			},
		},
		"a profile of the shared files goes before the service's keys": {
			in: Config{Service: "scaleway", SharedProfile: "p"}, env: scaleway,
			want: Config{Service: "scaleway", Region: "nl-ams", Endpoint: "https://s3.nl-ams.scw.cloud", SharedProfile: "p"},
		},
		"half a pair of the service's keys is none": {
			in: Config{Service: "scaleway"}, env: []string{"SCW_ACCESS_KEY=SCWKEY", "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=B"},
			want: Config{Service: "scaleway", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud"},
		},
		"other services do not look at Scaleway's variables": {
			in: Config{Service: "aws"}, env: append([]string{"AWS_REGION=eu-west-3"}, scaleway...),
			want: Config{Service: "aws", Region: "eu-west-3"},
		},
		"a region of AWS says nothing about Scaleway's": {
			in: Config{Service: "scaleway"}, env: []string{"AWS_REGION=eu-west-3"},
			want: Config{Service: "scaleway", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud"},
		},
		"a region of Scaleway in AWS's variable counts": {
			in: Config{Service: "scaleway"}, env: []string{"AWS_REGION=pl-waw"},
			want: Config{Service: "scaleway", Region: "pl-waw", Endpoint: "https://s3.pl-waw.scw.cloud"},
		},
		"the newest region of Scaleway": {
			in: Config{Service: "scaleway"}, env: []string{"SCW_DEFAULT_REGION=it-mil"},
			want: Config{Service: "scaleway", Region: "it-mil", Endpoint: "https://s3.it-mil.scw.cloud"},
		},
		"an endpoint tells service and region": {
			in: Config{Endpoint: "https://s3.nl-ams.scw.cloud/"}, env: []string{"SCW_DEFAULT_REGION=fr-par"},
			want: Config{Service: "scaleway", Region: "nl-ams", Endpoint: "https://s3.nl-ams.scw.cloud"},
		},
		"an endpoint of a region that is too new to be known": {
			in:   Config{Endpoint: "https://s3.xx-new.scw.cloud"},
			want: Config{Service: "scaleway", Region: "xx-new", Endpoint: "https://s3.xx-new.scw.cloud"},
		},
		"the service's own variables for keys, whoever's": {
			in: Config{Service: "spaces", Region: "fra1"}, env: []string{"SPACES_ACCESS_KEY_ID=K", "SPACES_SECRET_ACCESS_KEY=S"},
			want: Config{Service: "spaces", Region: "fra1", Endpoint: "https://fra1.digitaloceanspaces.com", AccessKey: "K", SecretKey: "S"},
		},
		"a region of AWS says nothing about R2's one": {
			in: Config{Endpoint: "https://abc.r2.cloudflarestorage.com"}, env: []string{"AWS_REGION=eu-west-3"},
			want: Config{Service: "r2", Region: "auto", Endpoint: "https://abc.r2.cloudflarestorage.com"},
		},
		"a region whose endpoint is spelled differently": {
			in:   Config{Endpoint: "https://s3-eu-central-1.ionoscloud.com"},
			want: Config{Service: "ionos", Region: "de", Endpoint: "https://s3-eu-central-1.ionoscloud.com"},
		},
		"an endpoint of AWS": {
			in:   Config{Endpoint: "https://s3.eu-west-3.amazonaws.com", Region: "eu-west-3"},
			want: Config{Service: "aws", Region: "eu-west-3", Endpoint: "https://s3.eu-west-3.amazonaws.com"},
		},
		"an endpoint of AWS in China": {
			in:   Config{Endpoint: "https://s3.cn-north-1.amazonaws.com.cn", Region: "cn-north-1"},
			want: Config{Service: "aws", Region: "cn-north-1", Endpoint: "https://s3.cn-north-1.amazonaws.com.cn"},
		},
		"an endpoint that nobody knows": {
			in:   Config{Endpoint: "http://127.0.0.1:9000"},
			want: Config{Service: "custom", Region: "us-east-1", Endpoint: "http://127.0.0.1:9000"},
		},
		"an endpoint by groundwork's variable": {
			env:  []string{"GROUNDWORK_ENDPOINT=https://minio.example.com:9000//", "GROUNDWORK_SERVICE=minio"},
			want: Config{Service: "minio", Region: "us-east-1", Endpoint: "https://minio.example.com:9000"},
		},
		"an endpoint by AWS's variables": {
			env:  []string{"AWS_ENDPOINT_URL=https://all.example.com", "AWS_ENDPOINT_URL_S3=https://s3.example.com"},
			want: Config{Service: "custom", Region: "us-east-1", Endpoint: "https://s3.example.com"},
		},
		"AWS's variables do not move a service that has its own address": {
			in: Config{Service: "scaleway"}, env: []string{"AWS_ENDPOINT_URL_S3=https://s3.example.com"},
			want: Config{Service: "scaleway", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud"},
		},
		"AWS's variables for endpoints are turned off": {
			env:  []string{"AWS_ENDPOINT_URL_S3=https://s3.example.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true", "AWS_REGION=eu-west-3"},
			want: Config{Service: "aws", Region: "eu-west-3"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, profile, err := tc.in.Resolve(env(tc.env...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want.withDefaults(), got); diff != "" {
				t.Errorf("unexpected configuration (-want +got):\n%s", diff)
			}
			if profile.Name != got.Service {
				t.Errorf("profile %q for service %q", profile.Name, got.Service)
			}
			static, _ := ProfileByName(profile.Name)
			never := static.Supports(CapRequireTLS) == Unsupported
			if http := strings.HasPrefix(got.Endpoint, "http://"); (http || never) != (profile.Supports(CapRequireTLS) == Unsupported) {
				t.Errorf("%s: require_tls is %s", got.Endpoint, profile.Supports(CapRequireTLS))
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in    Config
		env   []string
		field string
		says  string
	}{
		"no region on AWS":             {field: "region", says: "AWS_REGION"},
		"a region of another service":  {in: Config{Service: "scaleway", Region: "eu-west-3"}, field: "region", says: "fr-par, nl-ams, pl-waw"},
		"a service that is unknown":    {in: Config{Service: "s4"}, field: "service", says: "scaleway"},
		"no endpoint of one's own":     {in: Config{Service: "minio"}, field: "endpoint", says: "GROUNDWORK_ENDPOINT"},
		"no account in R2's endpoint":  {in: Config{Service: "r2"}, field: "endpoint", says: "https://<ACCOUNT_ID>.r2.cloudflarestorage.com"},
		"no region of its own":         {in: Config{Service: "ovh"}, field: "region", says: "OVHcloud"},
		"no scheme":                    {in: Config{Endpoint: "minio.example.com:9000"}, field: "endpoint", says: "https://"},
		"no host":                      {in: Config{Endpoint: "https://"}, field: "endpoint", says: "not a URL"},
		"another scheme":               {in: Config{Endpoint: "ftp://example.com"}, field: "endpoint", says: "https:// or http://"},
		"no URL":                       {in: Config{Endpoint: "https://%zz"}, field: "endpoint", says: "not a URL"},
		"credentials in the endpoint":  {in: Config{Endpoint: "https://AKIA:hunter2@example.com"}, field: "endpoint", says: "access_key and secret_key"},
		"a query in the endpoint":      {in: Config{Endpoint: "https://example.com?hunter2"}, field: "endpoint", says: "query"},
		"a fragment in the endpoint":   {in: Config{Endpoint: "https://example.com#hunter2"}, field: "endpoint", says: "fragment"},
		"credentials in AWS's":         {env: []string{"AWS_ENDPOINT_URL=https://AKIA:hunter2@example.com"}, field: "endpoint", says: "access_key"},
		"an access key alone":          {in: Config{Service: "aws", Region: "x", AccessKey: "K"}, field: "access_key", says: "pair"},
		"a secret key alone":           {env: []string{"GROUNDWORK_SECRET_KEY=hunter2", "AWS_REGION=x"}, field: "access_key", says: "pair"},
		"path style is neither":        {env: []string{"GROUNDWORK_USE_PATH_STYLE=maybe"}, field: "use_path_style", says: "true nor false"},
		"retries that are no number":   {env: []string{"GROUNDWORK_MAX_RETRIES=many"}, field: "max_retries", says: "number"},
		"no retries":                   {env: []string{"GROUNDWORK_MAX_RETRIES=0"}, field: "max_retries", says: "above 0"},
		"retries without end":          {in: Config{Region: "x", MaxRetries: -1}, field: "max_retries", says: "negative"},
		"a blank endpoint is no place": {in: Config{Endpoint: " "}, field: "endpoint", says: "not a URL"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := tc.in.Resolve(env(tc.env...))
			var ce *ConfigError
			if !errors.As(err, &ce) || !IsConfigError(err) || ce.Field != tc.field || !strings.Contains(ce.Problem, tc.says) {
				t.Fatalf("unexpected %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v shows a secret", err)
			}
		})
	}
}

// The shared configuration files of AWS are read where the environment leaves something open.
func TestSharedConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(`
[default]
region = eu-west-3
[profile frankfurt]
region = eu-central-1
endpoint_url = https://s3.example.com/
[profile paris]
region = fr-par
[profile secret]
region = eu-west-1
endpoint_url = https://AKIA:hunter2@s3.example.com
`), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)

	tests := map[string]struct {
		in               Config
		region, endpoint string
		field            string
	}{
		"the default profile's region": {region: "eu-west-3", endpoint: "https://s3.eu-west-3.amazonaws.com"},
		"configuration goes first":     {in: Config{Region: "us-east-1"}, region: "us-east-1", endpoint: "https://s3.us-east-1.amazonaws.com"},
		"China":                        {in: Config{Region: "cn-north-1"}, region: "cn-north-1", endpoint: "https://s3.cn-north-1.amazonaws.com.cn"},
		"a named profile":              {in: Config{SharedProfile: "frankfurt"}, region: "eu-central-1", endpoint: "https://s3.example.com"},
		"a named profile for another service": {
			in: Config{Service: "scaleway", SharedProfile: "paris"}, region: "fr-par", endpoint: "https://s3.fr-par.scw.cloud",
		},
		"a region that the service does not have": {
			in: Config{Service: "scaleway", SharedProfile: "frankfurt"}, region: "fr-par", endpoint: "https://s3.fr-par.scw.cloud",
		},
		"the default profile says nothing about another service": {
			in: Config{Service: "minio", Endpoint: "http://127.0.0.1:9000"}, region: "us-east-1", endpoint: "http://127.0.0.1:9000",
		},
		"a profile that does not exist": {in: Config{Region: "us-east-1", SharedProfile: "nope"}, field: "profile"},
		"an endpoint with credentials":  {in: Config{SharedProfile: "secret"}, field: "endpoint"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := New(t.Context(), tc.in)
			if tc.field != "" {
				var ce *ConfigError
				if !errors.As(err, &ce) || ce.Field != tc.field || strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("unexpected %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Region() != tc.region || c.Endpoint() != tc.endpoint {
				t.Errorf("region %q at %q", c.Region(), c.Endpoint())
			}
		})
	}
}

func TestForRegion(t *testing.T) {
	t.Setenv("GROUNDWORK_ENDPOINT", "https://s3.fr-par.scw.cloud")
	c := newClient(t, Config{AccessKey: "K", SecretKey: "S"})
	for region, endpoint := range map[string]string{
		"": "https://s3.fr-par.scw.cloud", "fr-par": "https://s3.fr-par.scw.cloud", "nl-ams": "https://s3.nl-ams.scw.cloud",
	} {
		got, err := c.ForRegion(t.Context(), region)
		if err != nil {
			t.Fatal(err)
		}
		if got.Endpoint() != endpoint || (region != "" && got.Region() != region) {
			t.Errorf("%q: region %q at %q", region, got.Region(), got.Endpoint())
		}
	}
	if _, err := c.ForRegion(t.Context(), "eu-west-3"); !IsConfigError(err) {
		t.Errorf("unexpected %v", err)
	}
	own := newClient(t, Config{Service: "minio", Endpoint: "http://127.0.0.1:9000", AccessKey: "K", SecretKey: "S"})
	got, err := own.ForRegion(t.Context(), "fr-par")
	if err != nil || got.Region() != "fr-par" || got.Endpoint() != own.Endpoint() {
		t.Errorf("region %q at %q, %v", got.Region(), got.Endpoint(), err)
	}
}

// Another region is looked for at the same one of a service's addresses.
func TestForRegionKeepsTheKindOfEndpoint(t *testing.T) {
	t.Parallel()
	for _, tc := range [][3]string{
		{"ovh", "https://s3.gra.perf.cloud.ovh.net", "https://s3.sbg.perf.cloud.ovh.net"},
		{"ovh", "https://s3.gra.io.cloud.ovh.us", "https://s3.sbg.io.cloud.ovh.us"},
		{"ovh", "https://s3.gra.io.cloud.ovh.net", "https://s3.sbg.io.cloud.ovh.net"},
		{"wasabi", "https://s3.wasabisys.com", "https://s3.sbg.wasabisys.com"},
		{"ovh", "https://ovh.example.com", "https://ovh.example.com"},
	} {
		region := "gra"
		if tc[0] == "wasabi" {
			region = "us-east-1"
		}
		c := newClient(t, Config{Service: tc[0], Region: region, Endpoint: tc[1], AccessKey: "K", SecretKey: "S"})
		got, err := c.ForRegion(t.Context(), "sbg")
		if err != nil || got.Region() != "sbg" || got.Endpoint() != tc[2] {
			t.Errorf("%s: %v, %v", tc[1], got, err)
		}
	}
}

// On Scaleway the project stands in the access key, wherever the key comes from.
func TestProjectInAccessKey(t *testing.T) {
	const project = "11111111-2222-3333-4444-555555555555"
	t.Setenv("AWS_ACCESS_KEY_ID", "FROMCHAIN")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for name, tc := range map[string]struct {
		in   Config
		want string
	}{
		"static":              {Config{Service: "scaleway", AccessKey: "K", SecretKey: "S", ProjectID: project}, "K@" + project},
		"from the chain":      {Config{Service: "scaleway", ProjectID: project}, "FROMCHAIN@" + project},
		"already named":       {Config{Service: "scaleway", AccessKey: "K@other", SecretKey: "S", ProjectID: project}, "K@other"},
		"no project":          {Config{Service: "scaleway", AccessKey: "K", SecretKey: "S"}, "K"},
		"not the other ones'": {Config{Service: "aws", Region: "eu-west-3", AccessKey: "K", SecretKey: "S", ProjectID: project}, "K"},
	} {
		t.Run(name, func(t *testing.T) {
			creds, err := newClient(t, tc.in).api.Options().Credentials.Retrieve(t.Context())
			if err != nil || creds.AccessKeyID != tc.want {
				t.Errorf("signs as %q, %v", creds.AccessKeyID, err)
			}
		})
	}
}

func TestPathStyle(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   Config
		want bool
	}{
		"by the profile":         {Config{Service: "minio", Endpoint: "http://127.0.0.1:9000"}, true},
		"by the profile, not":    {Config{Service: "scaleway"}, false},
		"by the user":            {Config{Service: "scaleway", UsePathStyle: aws.Bool(true)}, true},
		"by the user, otherwise": {Config{Service: "minio", Endpoint: "https://x.example.com", UsePathStyle: aws.Bool(false)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, tc.in)
			if c.PathStyle() != tc.want || c.api.Options().UsePathStyle != tc.want {
				t.Errorf("path style %v", c.PathStyle())
			}
		})
	}
}

func TestCABundle(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	must(t, os.WriteFile(empty, []byte("no certificate"), 0o600))
	for _, file := range []string{empty, filepath.Join(t.TempDir(), "missing.pem")} {
		_, err := New(t.Context(), Config{Service: "minio", Endpoint: "https://127.0.0.1:1", CABundle: file})
		var ce *ConfigError
		if !errors.As(err, &ce) || ce.Field != "ca_bundle" || !strings.Contains(ce.Problem, file) {
			t.Errorf("unexpected %v", err)
		}
	}
}
