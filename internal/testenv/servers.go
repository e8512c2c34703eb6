package testenv

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/versity"
)

var (
	withKMS, withoutKMS, everywhere shared[*minio.Server]
	gateway, gatewayTLS             shared[*versity.Server]
)

// MinIO returns the MinIO server that the tests of this process share. Tests keep out of each
// other's way by bucket names.
func MinIO(tb testing.TB) *minio.Server {
	tb.Helper()
	return sharedMinIO(tb, &withKMS, minio.Options{})
}

// MinIOWithoutKMS returns a shared server that refuses default encryption as NotImplemented.
func MinIOWithoutKMS(tb testing.TB) *minio.Server {
	tb.Helper()
	return sharedMinIO(tb, &withoutKMS, minio.Options{NoKMS: true})
}

// MinIOAnywhere returns a shared server that takes signatures for every region, which services with
// regions of their own are imitated on.
func MinIOAnywhere(tb testing.TB) *minio.Server {
	tb.Helper()
	return sharedMinIO(tb, &everywhere, minio.Options{AnyRegion: true})
}

func sharedMinIO(tb testing.TB, server *shared[*minio.Server], opts minio.Options) *minio.Server {
	tb.Helper()
	return server.get(tb, "MinIO is not available", func() (*minio.Server, error) {
		return lasting(minio.Start(context.WithoutCancel(tb.Context()), opts))
	})
}

// Versity returns the Versity S3 Gateway that the tests of this process share. It keeps versions.
func Versity(tb testing.TB) *versity.Server {
	tb.Helper()
	return sharedVersity(tb, &gateway, versity.Options{})
}

// VersityTLS is Versity over https, where bucket policies that demand it have an effect.
func VersityTLS(tb testing.TB) *versity.Server {
	tb.Helper()
	return sharedVersity(tb, &gatewayTLS, versity.Options{TLS: true})
}

func sharedVersity(tb testing.TB, server *shared[*versity.Server], opts versity.Options) *versity.Server {
	tb.Helper()
	return server.get(tb, "Versity GW is not available", func() (*versity.Server, error) {
		return lasting(versity.Start(context.WithoutCancel(tb.Context()), opts))
	})
}

// StartMinIO starts a server for this test alone, for options that the shared ones do not have and
// for tests that stop it.
func StartMinIO(tb testing.TB, opts minio.Options) *minio.Server {
	tb.Helper()
	server, err := minio.Start(tb.Context(), opts)
	return forTest(tb, server, err, (*minio.Server).Stop)
}

// Proxy puts a recording fault proxy in front of a server for this test.
func Proxy(tb testing.TB, server *minio.Server) *s3proxy.Proxy {
	tb.Helper()
	opts := s3proxy.Options{AccessKey: server.AccessKey, SecretKey: server.SecretKey}
	if server.CAFile != "" {
		opts.UpstreamTLS = &tls.Config{RootCAs: pool(tb, server.CAFile), MinVersion: tls.VersionTLS12}
	}
	return startProxy(tb, server.Endpoint, opts)
}

func startProxy(tb testing.TB, upstream string, opts s3proxy.Options) *s3proxy.Proxy {
	tb.Helper()
	proxy, err := s3proxy.Start(upstream, opts)
	return forTest(tb, proxy, err, (*s3proxy.Proxy).Close)
}

func pool(tb testing.TB, file string) *x509.CertPool {
	tb.Helper()
	pem, err := os.ReadFile(file) // #nosec G304 -- made by this process
	if err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	certs := x509.NewCertPool()
	if !certs.AppendCertsFromPEM(pem) {
		tb.Fatalf("testenv: %s holds no certificate", file)
	}
	return certs
}

// BucketName returns a valid bucket name that no other call returns, with the name of the test in
// it. The prefix is what a sweeper of leftovers looks for on a real service.
func BucketName(tb testing.TB) string {
	tb.Helper()
	return bucketName(tb.Name())
}

func bucketName(test string) string {
	const longest = 36 // of 63; the rest is for the prefix and for chance
	var b strings.Builder
	for _, r := range strings.ToLower(test) {
		if b.Len() >= longest {
			break
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	middle := strings.Trim(b.String(), "-")
	if middle != "" {
		middle += "-"
	}
	return "tfacc-" + middle + strings.ToLower(rand.Text()[:16])
}
