package backendcfg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

func ptr[T any](v T) *T { return &v }

func mustTarget(t testing.TB, tool, v string) Target {
	t.Helper()
	target, err := ParseTarget(tool, v)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// everything sets all that can be set.
func everything(t testing.TB, tool, v string) Config {
	s := scaleway().S3
	s.DynamoDBEndpoint = "http://127.0.0.1:8000"
	s.STSEndpoint = "http://[::1]:9000/sts"
	s.Flags.SkipS3Checksum, s.Flags.UsePathStyle = true, true
	s.WorkspaceKeyPrefix = "workspaces/été"
	s.Encrypt, s.MaxRetries = ptr(true), ptr(0)
	s.KMSKeyID = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-44cd-86ef-1234567890ab"
	s.Profile = `team "a" ${not} %{not} \`
	s.CABundle = "/etc/ssl/ca.pem"
	s.AssumeRole = &AssumeRole{
		RoleARN: "arn:aws:iam::111122223333:role/state", SessionName: "groundwork", ExternalID: "team/a",
		Duration: time.Hour, Policy: "{\n  \"Version\": \"2012-10-17\"\n}",
		PolicyARNs:        []string{"arn:aws:iam::111122223333:policy/x"},
		Tags:              map[string]string{"team": "a", "cost code": "7"},
		TransitiveTagKeys: []string{"team"},
	}
	elsewhere := S3{Bucket: "shared", Key: "dns.tfstate", Region: "eu-west-1"}
	return Config{S3: s, Lock: Resolved{Mode: LockDynamoDB, DynamoDBTable: "locks"}, Target: mustTarget(t, tool, v),
		RemoteStates: []RemoteState{
			{Name: "infra", Key: "infra/terraform.tfstate", Workspace: "${blue}",
				Defaults: map[string]any{"cluster_id": nil, "zones": []any{"a", "b"}, "count": 3, "ratio": 0.5, "ha": true, "nested": map[string]any{"x y": ""}}},
			{Name: "dns", S3: &elsewhere},
		}}
}

// kinds are the backends that the real tools are shown as well.
func kinds(t testing.TB) map[string]Config {
	aws := Config{S3: S3{Bucket: "my.state", Key: "dev/terraform.tfstate", Region: "eu-west-1", Encrypt: ptr(true)}, Lock: Resolved{Mode: LockLockfile}}
	r2 := Config{S3: S3{Bucket: "state", Key: "k", Region: "auto", Endpoint: "https://0123456789abcdef.r2.cloudflarestorage.com", Flags: NonAWSFlags()}}
	r2.S3.Flags.UsePathStyle = true
	hetzner := Config{S3: S3{Bucket: "state", Key: "k", Region: "fsn1", Endpoint: "https://fsn1.your-objectstorage.com", Flags: NonAWSFlags()}, Lock: Resolved{Mode: LockNone}}
	hetzner.S3.Flags.SkipS3Checksum = true
	tofu := scaleway()
	tofu.Target.Tool = OpenTofu
	return map[string]Config{
		"scaleway": scaleway(), "aws": aws, "r2": r2, "hetzner": hetzner, "scaleway_tofu": tofu,
		"pg": inPostgres(), "pg_skip": pgSkip(), "pg_tofu": pgTofu(t), "http": inHTTP(), "http_plain": {HTTP: &HTTP{Address: "http://127.0.0.1:8080/state?team=a%20b"}},
		"everything": everything(t, "terraform", ""), "everything_tofu": everything(t, "opentofu", "1.12.6"),
	}
}

func TestRenderGolden(t *testing.T) {
	cases := kinds(t)
	cases["everything_1.5"] = everything(t, "terraform", "1.5.7")
	cases["everything_1.6.0"] = everything(t, "terraform", "1.6.0")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := RenderTerraform(c)
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, name+".tf", out)
			plain := c
			plain.RemoteStates = nil
			if out, err = RenderTFBackend(plain); err != nil {
				t.Fatal(err)
			}
			checkGolden(t, name+".tfbackend", out)
			checkGolden(t, name+".block", []byte(mustFragment(t, c).String()))
		})
	}
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "render", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s:\n%s", path, diff)
	}
	if formatted := hclwrite.Format(got); !bytes.Equal(formatted, got) {
		t.Errorf("%s is not formatted", name)
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	c := everything(t, "terraform", "")
	first, err := RenderTerraform(c)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		c.RemoteStates[0], c.RemoteStates[1] = c.RemoteStates[1], c.RemoteStates[0]
		if again, _ := RenderTerraform(c); !bytes.Equal(first, again) {
			t.Fatalf("two renderings differ:\n%s", cmp.Diff(string(first), string(again)))
		}
	}
}

func TestRenderFollowsVersion(t *testing.T) {
	for _, tt := range []struct {
		tool, version string
		has, lacks    []string
		codes         []string
	}{
		{"terraform", "", []string{"endpoints = {", "use_path_style", "skip_s3_checksum", "assume_role = {", "custom_ca_bundle", "AWS_REQUEST_CHECKSUM_CALCULATION"},
			[]string{"force_path_style", "dynamodb_endpoint"}, []string{"checksum_environment"}},
		{"terraform", "1.6.3-rc1", []string{"skip_s3_checksum"}, nil, []string{"checksum_environment"}},
		{"terraform", "1.6.2", []string{"skip_requesting_account_id", "endpoints"}, []string{"skip_s3_checksum"}, []string{"argument_unavailable", "checksum_environment"}},
		{"terraform", "1.6.0", []string{"endpoints"}, []string{"skip_requesting_account_id", "skip_s3_checksum"}, []string{"argument_unavailable", "argument_unavailable", "checksum_environment"}},
		{"terraform", "1.5.7", []string{"  endpoint ", "dynamodb_endpoint", "sts_endpoint", "force_path_style", "assume_role_duration_seconds", "  role_arn"},
			[]string{"endpoints", "use_path_style", "skip_requesting", "skip_s3", "custom_ca_bundle", "assume_role = "}, []string{"argument_unavailable"}},
		{"tofu", "1.6.0", []string{"endpoints = {", "skip_s3_checksum", "skip_requesting_account_id", "use_path_style"}, []string{"AWS_REQUEST_CHECKSUM_CALCULATION"}, nil},
	} {
		t.Run(tt.tool+" "+tt.version, func(t *testing.T) {
			c := everything(t, tt.tool, tt.version)
			out, err := RenderTerraform(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range tt.has {
				if !bytes.Contains(out, []byte(s)) {
					t.Errorf("lacks %s:\n%s", s, out)
				}
			}
			for _, s := range tt.lacks {
				if bytes.Contains(out, []byte(s)) {
					t.Errorf("has %s:\n%s", s, out)
				}
			}
			var codes []string
			for _, w := range c.Warnings() {
				codes = append(codes, w.Code)
			}
			if diff := cmp.Diff(tt.codes, codes); diff != "" {
				t.Errorf("warnings: %s", diff)
			}
		})
	}
}

func TestRenderFormats(t *testing.T) {
	for _, f := range []Format{FormatTerraform, FormatTFBackend} {
		c := scaleway()
		c.RemoteStates = nil
		if out, err := Render(f, c); err != nil || !bytes.Contains(out, []byte("Managed by groundwork")) {
			t.Errorf("%s: %v\n%s", f, err, out)
		}
	}
	if _, err := Render("yaml", scaleway()); !errors.As(err, new(*FieldError)) {
		t.Errorf("got %v", err)
	}
	if _, err := RenderTFBackend(scaleway()); !errors.As(err, new(*FieldError)) {
		t.Errorf("remote states in a tfbackend file: got %v", err)
	}
}

// TestRenderRefusesCredentials: none of these may come out, nor stand in the error.
func TestRenderRefusesCredentials(t *testing.T) {
	const (
		awsKey    = "AKIAIOSFODNN7EXAMPLE"
		awsSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's documented example
		scwKey    = "SCWABCDEFGHIJKLMNOPQ"
	)
	for name, tt := range map[string]struct {
		set    func(*Config)
		secret string
		field  string
	}{
		"endpoint with a password":   {func(c *Config) { c.S3.Endpoint = "https://user:hunter2@s3.example.com" }, "hunter2", "endpoint"},
		"endpoint with a user":       {func(c *Config) { c.S3.Endpoint = "https://hunter2@s3.example.com" }, "hunter2", "endpoint"},
		"endpoint with a query":      {func(c *Config) { c.S3.Endpoint = "https://s3.example.com?token=hunter2" }, "hunter2", "endpoint"},
		"endpoint with a fragment":   {func(c *Config) { c.S3.Endpoint = "https://s3.example.com/#hunter2" }, "hunter2", "endpoint"},
		"broken URL with a password": {func(c *Config) { c.S3.Endpoint = "https://user:hunter2@s3.example.com:port" }, "hunter2", "endpoint"},
		"sts endpoint":               {func(c *Config) { c.S3.STSEndpoint = "https://a:hunter2@b" }, "hunter2", "sts_endpoint"},
		"access key as profile":      {func(c *Config) { c.S3.Profile = awsKey }, awsKey, "profile"},
		"temporary key in key":       {func(c *Config) { c.S3.Key = "x/ASIA" + awsKey[4:] + "/y" }, awsKey[4:], "key"},
		"scaleway key as region":     {func(c *Config) { c.S3.Region = scwKey }, scwKey, "region"},
		"scaleway key with project":  {func(c *Config) { c.S3.Profile = scwKey + "@11111111-2222" }, scwKey, "profile"},
		"secret key as profile":      {func(c *Config) { c.S3.Profile = awsSecret }, awsSecret, "profile"},
		"assignment":                 {func(c *Config) { c.S3.CABundle = "secret_key = hunter2" }, "hunter2", "ca_bundle"},
		"private key": {func(c *Config) {
			c.S3.AssumeRole = &AssumeRole{RoleARN: "r", Policy: "-----BEGIN RSA PRIVATE KEY-----"}
		}, "BEGIN", "assume_role.policy"},
		"table":           {func(c *Config) { c.Lock = Resolved{Mode: LockDynamoDB, DynamoDBTable: awsKey} }, awsKey, "dynamodb_table"},
		"tag":             {func(c *Config) { c.S3.AssumeRole = &AssumeRole{RoleARN: "r", Tags: map[string]string{"a": scwKey}} }, scwKey, "assume_role.tags"},
		"remote state":    {func(c *Config) { c.RemoteStates[0].Key = awsKey }, awsKey, `remote_states["infra"].key`},
		"workspace":       {func(c *Config) { c.RemoteStates[0].Workspace = awsKey }, awsKey, `remote_states["infra"].workspace`},
		"default":         {func(c *Config) { c.RemoteStates[0].Defaults = map[string]any{"x": []any{awsKey}} }, awsKey, `remote_states["infra"].defaults["x"][0]`},
		"default by name": {func(c *Config) { c.RemoteStates[0].Defaults = map[string]any{"db_password": "hunter2"} }, "hunter2", `remote_states["infra"].defaults["db_password"]`},
		"nested default by name": {func(c *Config) {
			c.RemoteStates[0].Defaults = map[string]any{"x": map[string]any{"api-key": "hunter2"}}
		}, "hunter2", `defaults["x"]["api-key"]`},
		"signed URL": {func(c *Config) { c.S3.CABundle = "https://b/k?X-Amz-Signature=hunter2" }, "hunter2", "ca_bundle"},
	} {
		t.Run(name, func(t *testing.T) {
			c := scaleway()
			tt.set(&c)
			var err error
			for what, render := range map[string]func() (any, error){
				"file":  func() (any, error) { return RenderTerraform(c) },
				"block": func() (any, error) { return RenderFragment(c) },
			} {
				if _, err = render(); err == nil {
					t.Fatalf("%s was rendered", what)
				}
			}
			var credential *CredentialError
			var field *FieldError
			switch {
			case errors.As(err, &credential):
				if !strings.Contains(credential.Field, tt.field) {
					t.Errorf("names %q, want %q", credential.Field, tt.field)
				}
			case errors.As(err, &field) && name == "broken URL with a password":
			default:
				t.Errorf("got %T: %v", err, err)
			}
			if strings.Contains(err.Error(), tt.secret) {
				t.Errorf("the error holds the secret: %v", err)
			}
		})
	}
}

func TestRenderAllowsWhatIsNoCredential(t *testing.T) {
	c := scaleway()
	c.S3.Key = "environments/production/terraform/tfstate"    // 40 characters of a secret key's alphabet, and more
	c.S3.Profile = "da39a3ee5e6b4b0d3255bfef95601890afd80709" // a hash
	c.RemoteStates[0].Defaults = map[string]any{"password": "", "password_policy": "strict", "secret_name": "x", "token_ttl": 5}
	if _, err := RenderTerraform(c); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	long := strings.Repeat("k", 1018)
	for name, tt := range map[string]struct {
		set   func(*Config)
		field string
	}{
		"no bucket":               {func(c *Config) { c.S3.Bucket = "" }, "bucket"},
		"short bucket":            {func(c *Config) { c.S3.Bucket = "ab" }, "bucket"},
		"long bucket":             {func(c *Config) { c.S3.Bucket = strings.Repeat("b", 64) }, "bucket"},
		"upper case":              {func(c *Config) { c.S3.Bucket = "State" }, "bucket"},
		"underscore":              {func(c *Config) { c.S3.Bucket = "my_state" }, "bucket"},
		"hyphen first":            {func(c *Config) { c.S3.Bucket = "-state" }, "bucket"},
		"dots":                    {func(c *Config) { c.S3.Bucket = "my..state" }, "bucket"},
		"address":                 {func(c *Config) { c.S3.Bucket = "192.168.1.1" }, "bucket"},
		"reserved prefix on AWS":  {func(c *Config) { c.S3.Endpoint, c.S3.Bucket = "", "xn--state" }, "bucket"},
		"reserved suffix on AWS":  {func(c *Config) { c.S3.Endpoint, c.S3.Bucket = "", "state-s3alias" }, "bucket"},
		"no key":                  {func(c *Config) { c.S3.Key = "" }, "key"},
		"key with root":           {func(c *Config) { c.S3.Key = "/a" }, "key"},
		"key ends with slash":     {func(c *Config) { c.S3.Key = "a/" }, "key"},
		"double slash":            {func(c *Config) { c.S3.Key = "a//b" }, "key"},
		"dot dot":                 {func(c *Config) { c.S3.Key = "a/../b" }, "key"},
		"not UTF-8":               {func(c *Config) { c.S3.Key = "a\xff" }, "key"},
		"NFD":                     {func(c *Config) { c.S3.Key = "e\u0301tat" }, "key"},
		"control":                 {func(c *Config) { c.S3.Key = "a\nb" }, "key"},
		"long key":                {func(c *Config) { c.Lock.Mode = LockNone; c.S3.Key = strings.Repeat("k", 1025) }, "key"},
		"no room for the lock":    {func(c *Config) { c.S3.Key = long }, "key"},
		"workspace prefix":        {func(c *Config) { c.S3.WorkspaceKeyPrefix = "/env" }, "workspace_key_prefix"},
		"endpoint without scheme": {func(c *Config) { c.S3.Endpoint = "s3.fr-par.scw.cloud" }, "endpoint"},
		"endpoint of a file":      {func(c *Config) { c.S3.Endpoint = "file:///etc/passwd" }, "endpoint"},
		"endpoint without host":   {func(c *Config) { c.S3.Endpoint = "https://:443" }, "endpoint"},
		"KMS key of another kind": {func(c *Config) { c.S3.KMSKeyID = "minio-key" }, "kms_key_id"},
		"retries":                 {func(c *Config) { c.S3.MaxRetries = ptr(-1) }, "max_retries"},
		"role":                    {func(c *Config) { c.S3.AssumeRole = &AssumeRole{} }, "assume_role.role_arn"},
		"duration":                {func(c *Config) { c.S3.AssumeRole = &AssumeRole{RoleARN: "r", Duration: -1} }, "assume_role.duration"},
		"unresolved lock":         {func(c *Config) { c.Lock.Mode = LockAuto }, "lock"},
		"no table":                {func(c *Config) { c.Lock.Mode = LockDynamoDB }, "dynamodb_table"},
		"name":                    {func(c *Config) { c.RemoteStates[0].Name = "1st phase" }, "remote_states"},
		"no name":                 {func(c *Config) { c.RemoteStates[0].Name = "" }, "remote_states"},
		"twice":                   {func(c *Config) { c.RemoteStates = append(c.RemoteStates, c.RemoteStates[0]) }, "remote_states"},
		"remote key":              {func(c *Config) { c.RemoteStates[0].Key = "a//b" }, `remote_states["infra"].key`},
		"odd default":             {func(c *Config) { c.RemoteStates[0].Defaults = map[string]any{"x": struct{}{}} }, `remote_states["infra"].defaults["x"]`},
	} {
		t.Run(name, func(t *testing.T) {
			c := scaleway()
			tt.set(&c)
			_, err := RenderTerraform(c)
			var field *FieldError
			if !errors.As(err, &field) {
				t.Fatalf("got %v", err)
			}
			if field.Field != tt.field {
				t.Errorf("names %s, want %s: %v", field.Field, tt.field, err)
			}
		})
	}
	c := scaleway()
	c.Lock.Mode, c.S3.Key = LockNone, long
	if err := c.Validate(); err != nil {
		t.Errorf("without a lock file the key has room: %v", err)
	}
	c = scaleway()
	c.Target = mustTarget(t, "terraform", "1.9.8")
	if err := c.Validate(); !errors.As(err, new(*LockError)) {
		t.Errorf("a lock file for Terraform 1.9: got %v", err)
	}
}

func TestResolveLock(t *testing.T) {
	for name, tt := range map[string]struct {
		request       LockRequest
		tool, version string
		want          LockMode
		codes         string
		err           any
	}{
		"auto, safe":                {LockRequest{Verdict: VerdictSafe}, "terraform", "", LockLockfile, "", nil},
		"auto, safe, 1.10":          {LockRequest{Mode: LockAuto, Verdict: VerdictSafe}, "terraform", "1.10.5", LockLockfile, "lockfile_experimental", nil},
		"auto, safe, old":           {LockRequest{Mode: LockAuto, Verdict: VerdictSafe}, "terraform", "1.9.0", LockNone, "lock_unavailable", nil},
		"auto, safe, old, table":    {LockRequest{Mode: LockAuto, Verdict: VerdictSafe, DynamoDBTable: "t"}, "terraform", "1.9.0", LockDynamoDB, "", nil},
		"auto, safe, table":         {LockRequest{Mode: LockAuto, Verdict: VerdictSafe, DynamoDBTable: "t"}, "terraform", "1.14.0", LockLockfile, "", nil},
		"auto, unsafe":              {LockRequest{Mode: LockAuto, Verdict: VerdictUnsafe}, "terraform", "", LockNone, "lock_unavailable", nil},
		"auto, unsafe, table":       {LockRequest{Mode: LockAuto, Verdict: VerdictUnsafe, DynamoDBTable: "t"}, "terraform", "1.11.0", LockDynamoDB, "dynamodb_deprecated", nil},
		"auto, unsafe, table, tofu": {LockRequest{Mode: LockAuto, Verdict: VerdictUnsafe, DynamoDBTable: "t"}, "tofu", "1.12.6", LockDynamoDB, "", nil},
		"auto, unknown":             {LockRequest{Mode: LockAuto}, "terraform", "", LockNone, "lock_unavailable", nil},
		"lockfile, safe":            {LockRequest{Mode: LockLockfile, Verdict: VerdictSafe}, "tofu", "1.10.0-beta1", LockLockfile, "", nil},
		"lockfile, unknown":         {LockRequest{Mode: LockLockfile}, "terraform", "1.11.4", LockLockfile, "lockfile_unproven", nil},
		"lockfile, unsafe":          {LockRequest{Mode: LockLockfile, Verdict: VerdictUnsafe}, "terraform", "", "", "", new(*LockError)},
		"lockfile, old":             {LockRequest{Mode: LockLockfile, Verdict: VerdictSafe}, "terraform", "1.9.8", "", "", new(*LockError)},
		"lockfile, old tofu":        {LockRequest{Mode: LockLockfile, Verdict: VerdictSafe}, "tofu", "1.9.1", "", "", new(*LockError)},
		"dynamodb":                  {LockRequest{Mode: LockDynamoDB, DynamoDBTable: "t"}, "terraform", "1.10.0", LockDynamoDB, "", nil},
		"dynamodb, newest":          {LockRequest{Mode: LockDynamoDB, DynamoDBTable: "t"}, "terraform", "", LockDynamoDB, "dynamodb_deprecated", nil},
		"dynamodb without table":    {LockRequest{Mode: LockDynamoDB}, "terraform", "", "", "", new(*LockError)},
		"none":                      {LockRequest{Mode: LockNone, Verdict: VerdictSafe, DynamoDBTable: "t"}, "terraform", "", LockNone, "lock_none", nil},
		"something else":            {LockRequest{Mode: "redis"}, "terraform", "", "", "", new(*FieldError)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ResolveLock(tt.request, mustTarget(t, tt.tool, tt.version))
			if tt.err != nil {
				if !errors.As(err, tt.err) {
					t.Fatalf("got %v, want %T", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, w := range got.Warnings {
				codes = append(codes, w.Code)
			}
			if got.Mode != tt.want || strings.Join(codes, ",") != tt.codes {
				t.Errorf("got %s %v, want %s %s", got.Mode, codes, tt.want, tt.codes)
			}
			if (got.DynamoDBTable != "") != (got.Mode == LockDynamoDB) {
				t.Errorf("table %q with %s", got.DynamoDBTable, got.Mode)
			}
		})
	}
}

func TestParseTarget(t *testing.T) {
	for _, tool := range []string{"pulumi", "Terraform "} {
		if _, err := ParseTarget(tool, ""); !errors.As(err, new(*FieldError)) {
			t.Errorf("tool %q: got %v", tool, err)
		}
	}
	if _, err := ParseTarget("tofu", "latest"); !errors.As(err, new(*FieldError)) {
		t.Errorf("got %v", err)
	}
	if s := mustTarget(t, "tofu", "v1.12.6").String(); s != "OpenTofu 1.12.6" {
		t.Error(s)
	}
}

func TestPulumiS3URL(t *testing.T) {
	for want, got := range map[string]string{
		"s3://evalap-pulumi-state?region=fr-par&endpoint=https://s3.fr-par.scw.cloud&s3ForcePathStyle=true": PulumiS3URL("evalap-pulumi-state", "", "fr-par", "https://s3.fr-par.scw.cloud/", true),
		"s3://b":                    PulumiS3URL("b", "/", "", "", false),
		"s3://b/team%20a/dev":       PulumiS3URL("b", "/team a/dev/", "", "", false),
		"s3://b/p?region=eu-west-1": PulumiS3URL("b", "p", "eu-west-1", "", false),
		"s3://b?endpoint=http://127.0.0.1:9000&s3ForcePathStyle=true": PulumiS3URL("b", "", "", "http://127.0.0.1:9000", true),
		"s3://b?endpoint=https://s3.example.com":                      PulumiS3URL("b", "", "", "s3.example.com", false),
		"s3://b?region=x%26y&endpoint=https://h/p":                    PulumiS3URL("b", "", "x&y", "https://user:hunter2@h/p?token=z#f", false),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
