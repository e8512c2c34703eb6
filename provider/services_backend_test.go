package provider

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/anyhost"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// place is where buckets of a service are, as a user would have it.
type place struct{ region, endpoint string }

// places has one for each profile. The endpoint is empty where groundwork knows it; the host is what
// the tools have to end up at.
var places = map[string]struct {
	place

	host string
}{
	"aws":       {place{region: "eu-west-3"}, "s3.eu-west-3.amazonaws.com"},
	"scaleway":  {place{region: "nl-ams"}, "s3.nl-ams.scw.cloud"},
	"ovh":       {place{region: "gra"}, "s3.gra.io.cloud.ovh.net"},
	"r2":        {place{endpoint: "https://0123456789abcdef.r2.cloudflarestorage.com"}, "0123456789abcdef.r2.cloudflarestorage.com"},
	"spaces":    {place{region: "fra1"}, "fra1.digitaloceanspaces.com"},
	"b2":        {place{region: "eu-central-003"}, "s3.eu-central-003.backblazeb2.com"},
	"wasabi":    {place{region: "us-east-1"}, "s3.wasabisys.com"},
	"hetzner":   {place{region: "fsn1"}, "fsn1.your-objectstorage.com"},
	"exoscale":  {place{region: "ch-gva-2"}, "sos-ch-gva-2.exo.io"},
	"ionos":     {place{region: "de"}, "s3-eu-central-1.ionoscloud.com"},
	"linode":    {place{region: "fr-par-1"}, "fr-par-1.linodeobjects.com"},
	"minio":     {place{endpoint: "https://minio.example.com"}, "minio.example.com"},
	"ceph":      {place{endpoint: "https://ceph.example.com"}, "ceph.example.com"},
	"garage":    {place{endpoint: "https://garage.example.com"}, "garage.example.com"},
	"seaweedfs": {place{endpoint: "https://seaweedfs.example.com"}, "seaweedfs.example.com"},
	"versity":   {place{endpoint: "https://versity.example.com"}, "versity.example.com"},
	"custom":    {place{endpoint: "https://s3.example.com"}, "s3.example.com"},
}

// readData reads a data source and returns the string attributes that it computes.
func (p *protoProvider) readData(t *testing.T, name string, set attrs) (func(string) string, string) {
	t.Helper()
	typ := p.schema.DataSourceSchemas[name].ValueType()
	resp, err := p.srv.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: name, Config: p.dynamic(t, typ, p.object(t, typ, set)),
	})
	if err != nil {
		t.Fatal(err)
	}
	state := tftypes.NewValue(typ, nil)
	if failed := errorsIn(resp.Diagnostics); failed != "" {
		return nil, failed
	}
	state = p.decode(t, typ, resp.State)
	return func(attribute string) string { return field(t, state, attribute) }, ""
}

// blockFor renders the backend block of a service, with nothing but its name and place written down.
func blockFor(t *testing.T, service, tool, bucket string) string {
	t.Helper()
	at := attrs{"bucket": bucket, "key": "infra/" + tool + ".tfstate"}
	for name, value := range map[string]string{"region": places[service].region, "endpoint": places[service].endpoint} {
		if value != "" {
			at[name] = value
		}
	}
	p := newProtoProvider(t.Context(), t, nil, nil)
	get, failed := p.readData(t, "groundwork_backend_config", attrs{"service": service, "tool": tool, "s3": at})
	if failed != "" {
		t.Fatal(failed)
	}
	return get("content")
}

// servicesBench is one local server behind the names of all services.
type servicesBench struct {
	*anyhost.Server

	server *minio.Server
}

func newServicesBench(t *testing.T) *servicesBench {
	t.Helper()
	var hosts []anyhost.Host
	var domains []string
	for _, name := range s3store.ServiceNames() {
		profile, err := s3store.ProfileByName(name)
		if err != nil {
			t.Fatal(err)
		}
		host := places[name].host
		if host == "" {
			t.Fatalf("this test has no place for %s", name)
		}
		hosts = append(hosts, anyhost.Host{Name: host, RefuseTrailers: profile.TrailingChecksums == s3store.Unsupported})
		domains = append(domains, host)
	}
	hosts = append(hosts, anyhost.Host{Name: "sts.eu-west-3.amazonaws.com"})
	server := testenv.StartMinIO(t, minio.Options{AnyRegion: true, Domains: domains})
	return &servicesBench{Server: anyhost.Start(t, server.Endpoint, hosts), server: server}
}

// cli runs a tool in a folder with a backend block and one output.
func (b *servicesBench) cli(t *testing.T, path, block string, env ...string) tfcli.CLI {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"backend.tf": block, "main.tf": "output \"answer\" {\n  value = \"forty-two\"\n}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	credentials := []string{"AWS_ACCESS_KEY_ID=" + b.server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + b.server.SecretKey}
	return tfcli.CLI{Path: path, Dir: dir, Home: t.TempDir(), Env: append(append(b.Env(), credentials...), env...)}
}

// checksumVariables are those that a generated file asks for.
func checksumVariables(block string) []string {
	var env []string
	for _, v := range []string{"AWS_REQUEST_CHECKSUM_CALCULATION=when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"} {
		if strings.Contains(block, v) {
			env = append(env, v)
		}
	}
	return env
}

// Every service's block is taken by both tools as it is written, at the service's own host names: the
// state arrives, and so does the lock where the profile promises one.
func TestServicesBackendBlocks(t *testing.T) {
	t.Parallel()
	b := newServicesBench(t)
	paths := map[string]string{"terraform": testenv.Terraform(t), "opentofu": testenv.OpenTofu(t)}
	slots := make(chan struct{}, 4)
	for _, service := range s3store.ServiceNames() {
		bucket := "states-of-" + service
		if _, err := b.server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			for tool, path := range paths {
				b.accepts(t, service, tool, path, bucket)
			}
		})
	}
}

func (b *servicesBench) accepts(t *testing.T, service, tool, path, bucket string) {
	t.Helper()
	profile, err := s3store.ProfileByName(service)
	if err != nil {
		t.Fatal(err)
	}
	block := blockFor(t, service, tool, bucket)
	cli := b.cli(t, path, block, checksumVariables(block)...)
	before := len(b.Requests(places[service].host))
	for _, args := range [][]string{{"init", "-no-color"}, {"apply", "-no-color", "-auto-approve"}} {
		result, err := cli.Run(t.Context(), args...)
		if err != nil || result.ExitCode != 0 {
			t.Fatalf("%s %s on %s: %v\n%s\n%s", tool, args[0], service, err, block, result.Output())
		}
		if strings.Contains(result.Output(), "Warning") {
			t.Errorf("%s %s on %s warns:\n%s\n%s", tool, args[0], service, block, result.Output())
		}
	}
	key := "infra/" + tool + ".tfstate"
	if _, err := b.server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(key)}); err != nil {
		t.Errorf("%s on %s: the state is not there: %v\n%s", tool, service, err, block)
	}
	b.sawRequests(t, profile, tool, bucket, b.Requests(places[service].host)[before:])
}

// sawRequests checks how the tool reached the service.
func (b *servicesBench) sawRequests(t *testing.T, p s3store.Profile, tool, bucket string, requests []anyhost.Request) {
	t.Helper()
	host, region := bucket+"."+places[p.Name].host, places[p.Name].region
	if p.PathStyle {
		host = places[p.Name].host
	}
	if region == "" {
		region = p.DefaultRegion
	}
	locks, writes := 0, 0
	for _, r := range requests {
		if r.Host != host || r.Region != region {
			t.Errorf("%s on %s asked %s in region %q, want %s in %q", tool, p.Name, r.Host, r.Region, host, region)
		}
		if r.Conditional && strings.HasSuffix(r.Path, ".tfstate.tflock") {
			locks++
		}
		if r.Method == "PUT" {
			writes++
		}
	}
	if writes == 0 || (locks > 0) != (p.Lock == s3store.LockSafe) {
		t.Errorf("%s on %s, whose locks are %s: %d writes, %d of locks", tool, p.Name, p.Lock, writes, locks)
	}
}

// Without the variables that the generated file asks for, a service that refuses trailing checksums
// refuses Terraform's state: the local server behind its name does what the real one is known to do.
func TestServicesRefuseTrailers(t *testing.T) {
	t.Parallel()
	b := newServicesBench(t)
	bucket := "states"
	if _, err := b.server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	block := blockFor(t, "hetzner", "terraform", bucket)
	if len(checksumVariables(block)) != 2 {
		t.Fatalf("the file does not ask for the variables:\n%s", block)
	}
	cli := b.cli(t, testenv.Terraform(t), block)
	if result, err := cli.Run(t.Context(), "init", "-no-color"); err != nil || result.ExitCode != 0 {
		t.Fatalf("%v\n%s", err, result.Output())
	}
	result, err := cli.Run(t.Context(), "apply", "-no-color", "-auto-approve")
	if err != nil || result.ExitCode == 0 || !strings.Contains(result.Output(), "XAmzContentSHA256Mismatch") {
		t.Errorf("%v\n%s", err, result.Output())
	}
}

// The places of this test are those that the profiles know.
func TestServicesPlaces(t *testing.T) {
	t.Parallel()
	for name, at := range places {
		p, err := s3store.ProfileByName(name)
		if err != nil {
			t.Error(err)
			continue
		}
		endpoint := at.endpoint
		if endpoint == "" {
			endpoint = p.EndpointFor(at.region)
		}
		if u, err := url.Parse(endpoint); err != nil || (u.Host != at.host && !p.IsAWS) {
			t.Errorf("%s is at %q, not at %q", name, endpoint, at.host)
		}
	}
}
