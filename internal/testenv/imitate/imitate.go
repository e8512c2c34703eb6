package imitate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// Name is the name of the imitated service, which is that of its profile.
type Name string

// The services that can be imitated.
const (
	// Scaleway has its published list of calls, and policies in a dialect of its own.
	Scaleway Name = "scaleway"
	// R2 has neither versions nor bucket policies nor tags, and refuses bodies whose checksum trails them.
	R2 Name = "r2"
	// Garage ignores If-None-Match, and has neither versions nor policies nor tags.
	Garage Name = "garage"
	// Ceph refuses bodies whose checksum trails them.
	Ceph Name = "ceph"
	// B2 answers a conditional PUT with 501, and refuses the newer checksum headers.
	B2 Name = "b2"
	// AWS is for moto, see On: it answers for AWS, but takes no notice of the conditions of a bucket's
	// policy, so that one which demands TLS would shut everyone out. The imitation keeps policies itself,
	// enforces none, and leaves everything else to moto.
	AWS Name = "aws"
)

// Names lists those that need no server of their own, in documentation order.
func Names() []Name { return []Name{Scaleway, R2, B2, Ceph, Garage} }

// Server is a running imitation.
type Server struct {
	Name Name
	// Endpoint is http://127.0.0.1:PORT, or https:// with WithTLS.
	Endpoint string
	// Region is one of the service's own.
	Region string
	// AccessKey and SecretKey are those of the server behind.
	AccessKey, SecretKey string
	// CAFile is the PEM file of the authority, empty without WithTLS.
	CAFile string
	// Proxy records the requests, and takes further rules. ClearRules ends the imitation.
	Proxy *s3proxy.Proxy

	authorities *x509.CertPool
}

// Upstream is the real server behind an imitation.
type Upstream struct {
	// Endpoint is its address, reached over plain http.
	Endpoint string
	// AccessKey and SecretKey are those that clients sign with.
	AccessKey, SecretKey string
	// Region replaces the service's own one, for a server that takes signatures for no other.
	Region string
}

// Option changes how an imitation is started.
type Option func(*options)

type options struct {
	tls bool
	on  *Upstream
}

// WithTLS serves https for 127.0.0.1 with a certificate of an authority of this test alone.
func WithTLS() Option { return func(o *options) { o.tls = true } }

// On puts the imitation in front of another server than the shared MinIO.
func On(server Upstream) Option { return func(o *options) { o.on = &server } }

// Start starts an imitation for this test in front of a real server: by default a MinIO that all
// tests of the process share, so bucket names must be unique.
func Start(tb testing.TB, name Name, opts ...Option) *Server {
	tb.Helper()
	how, known := services[name]
	if !known {
		tb.Fatalf("imitate: there is no imitation of %q", name)
	}
	var o options
	for _, f := range opts {
		f(&o)
	}
	if o.on == nil {
		behind := testenv.MinIOAnywhere(tb)
		o.on = &Upstream{Endpoint: behind.Endpoint, AccessKey: behind.AccessKey, SecretKey: behind.SecretKey, Region: how.region}
	}
	s := &Server{Name: name, Region: o.on.Region, AccessKey: o.on.AccessKey, SecretKey: o.on.SecretKey}
	proxyOptions := s3proxy.Options{AccessKey: s.AccessKey, SecretKey: s.SecretKey}
	if o.tls {
		proxyOptions.TLS = s.serveTLS(tb)
	}
	proxy, err := s3proxy.Start(o.on.Endpoint, proxyOptions)
	if err != nil {
		tb.Fatalf("imitate: %v", err)
	}
	tb.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			tb.Errorf("imitate: %v", err)
		}
	})
	s.Proxy, s.Endpoint = proxy, proxy.URL()
	for _, rule := range how.all(*o.on) {
		proxy.AddRule(rule)
	}
	return s
}

func (s *Server) serveTLS(tb testing.TB) *tls.Config {
	tb.Helper()
	pair, err := certs.New(tb.TempDir())
	if err != nil {
		tb.Fatalf("imitate: %v", err)
	}
	config, err := pair.ServerConfig()
	if err != nil {
		tb.Fatalf("imitate: %v", err)
	}
	s.CAFile, s.authorities = pair.CAFile, pair.Pool
	return config
}

// HTTPClient returns a client that trusts the imitation, for a test that asks it past groundwork.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authorities, MinVersion: tls.VersionTLS12}}}
}

// ProviderBlock configures the provider for the imitation, under its own profile.
func (s *Server) ProviderBlock() string {
	ca := ""
	if s.CAFile != "" {
		ca = fmt.Sprintf("  ca_bundle  = %q\n", s.CAFile)
	}
	return fmt.Sprintf("provider \"groundwork\" {\n  service    = %q\n  region     = %q\n  endpoint   = %q\n  access_key = %q\n  secret_key = %q\n%s}\n",
		string(s.Name), s.Region, s.Endpoint, s.AccessKey, s.SecretKey, ca)
}

// Env is what terraform, tofu and pulumi need in their environment to reach the imitation, beside a
// backend configuration: credentials, and the authority of WithTLS.
func (s *Server) Env() []string {
	env := []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull}
	if s.CAFile != "" {
		env = append(env, "AWS_CA_BUNDLE="+s.CAFile)
	}
	return env
}

// notImplemented is how most services answer a call that they do not have.
func notImplemented(what string) s3proxy.Action {
	return s3proxy.Respond(http.StatusNotImplemented, "NotImplemented", what+" is not implemented by this service", nil)
}
