package minio

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// DefaultRegion is the region of a server that was given none.
const DefaultRegion = "us-east-1"

// Options say how a server differs from the default one.
type Options struct {
	// Region is the region that the server signs for; empty means DefaultRegion.
	Region string
	// AnyRegion takes signatures for every region, as a server does that imitates other services.
	AnyRegion bool
	// Domains are host names under which a bucket may stand as a part of the name, as on most services.
	Domains []string
	// NoKMS leaves out the key, so that every encryption call is refused as NotImplemented.
	NoKMS bool
	// TLS serves https with a certificate of an authority made for this server.
	TLS bool
	// AuditWebhook is an address that gets a record of every operation as JSON; empty means none.
	AuditWebhook string

	extraEnv []string // set by tests
}

// Server is a running MinIO.
type Server struct {
	// Endpoint is http://127.0.0.1:PORT, or https:// with TLS.
	Endpoint string
	// AccessKey and SecretKey are those of the root user.
	AccessKey, SecretKey string
	Region               string
	// CAFile is the PEM file of the authority, empty without TLS.
	CAFile string

	dir     string
	process *proc.Process
	client  *http.Client

	stopOnce sync.Once
	stopErr  error
}

// Start builds MinIO if it has to, starts it and waits until it answers signed requests. The
// context bounds that; the server runs until Stop.
func Start(ctx context.Context, opts Options) (*Server, error) {
	path, err := toolchain.Path(ctx, "minio")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "groundwork-minio-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for MinIO: %w", err)
	}
	s := &Server{
		AccessKey: rand.Text()[:20], SecretKey: (rand.Text() + rand.Text())[:40],
		Region: opts.Region, dir: dir,
	}
	if s.Region == "" {
		s.Region = DefaultRegion
	}
	if err := s.start(ctx, path, opts); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, path string, opts Options) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	s.client = &http.Client{Transport: transport}

	certsDir := filepath.Join(s.dir, "certs")
	if err := os.Mkdir(certsDir, 0o700); err != nil {
		return fmt.Errorf("making a folder for MinIO: %w", err)
	}
	scheme := "http"
	if opts.TLS {
		pair, err := certs.New(certsDir)
		if err != nil {
			return err
		}
		scheme, s.CAFile = "https", pair.CAFile
		transport.TLSClientConfig = &tls.Config{RootCAs: pair.Pool, MinVersion: tls.VersionTLS12}
	}
	env, secrets := s.environment(opts)

	server := proc.Server{
		Name: "MinIO", Path: path, Dir: s.dir, Env: env, Secrets: secrets,
		Args: func(port int) []string {
			return []string{
				"server", "--address", "127.0.0.1:" + strconv.Itoa(port),
				"--certs-dir", certsDir, filepath.Join(s.dir, "data"),
			}
		},
		// It logs that it cannot bind, and stays.
		Deaf: func(log string) bool { return strings.Contains(log, "Unable to listen on") },
		Ready: func(ctx context.Context, port int) error {
			return s.ready(ctx, fmt.Sprintf("%s://127.0.0.1:%d", scheme, port))
		},
	}
	process, err := server.Start(ctx)
	if err != nil {
		return err
	}
	s.process = process
	s.Endpoint = fmt.Sprintf("%s://127.0.0.1:%d", scheme, process.Port())
	return nil
}

func (s *Server) environment(opts Options) (env, secrets []string) {
	env = proc.CleanEnv(s.dir,
		"MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CALLHOME_ENABLE=off",
	)
	if opts.AuditWebhook != "" {
		env = append(env, "MINIO_AUDIT_WEBHOOK_ENABLE_states=on", "MINIO_AUDIT_WEBHOOK_ENDPOINT_states="+opts.AuditWebhook)
	}
	if len(opts.Domains) > 0 {
		env = append(env, "MINIO_DOMAIN="+strings.Join(opts.Domains, ","))
	}
	if !opts.AnyRegion {
		env = append(env, "MINIO_SITE_REGION="+s.Region)
	}
	secrets = []string{s.AccessKey, s.SecretKey}
	if !opts.NoKMS {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		text := base64.StdEncoding.EncodeToString(key)
		env = append(env, "MINIO_KMS_SECRET_KEY=groundwork:"+text)
		secrets = append(secrets, text)
	}
	return append(env, opts.extraEnv...), secrets
}

// ready asks for health first, which is cheap, and then lists the buckets with the credentials of
// this server: it says "live" before it can authenticate, and another server may have the port.
func (s *Server) ready(ctx context.Context, endpoint string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/minio/health/live", nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if status := resp.Header.Get("X-Minio-Server-Status"); resp.StatusCode != http.StatusOK || status != "" {
		return fmt.Errorf("its health check says %s %s", resp.Status, status)
	}
	client := s.ClientFor(endpoint, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
	_, err = client.ListBuckets(ctx, &s3.ListBucketsInput{})
	return err
}

// Client returns an S3 client of the SDK for the server, for tests that arrange and check what the
// code under test must do with a client of its own.
func (s *Server) Client() *s3.Client { return s.ClientFor(s.Endpoint) }

// ClientFor is Client for another endpoint that leads to this server, as a proxy does. The SDK
// repeats failed requests unless optFns take its retries away.
func (s *Server) ClientFor(endpoint string, optFns ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       s.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		HTTPClient:   s.client,
		UsePathStyle: true,
	}, optFns...)
}

// HTTPClient returns the client that the S3 clients use; it trusts the authority of a TLS server.
func (s *Server) HTTPClient() *http.Client { return s.client }

// Log returns the end of what the server printed.
func (s *Server) Log() string { return s.process.Log() }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.process.PID() }

// Stop ends the server and removes everything it stored. It is safe to call more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.client.CloseIdleConnections()
		s.stopErr = errors.Join(s.process.Stop(), removeAll(s.dir))
	})
	return s.stopErr
}

// removeAll tries again for a while: Windows keeps files in use for a moment after a process ends.
func removeAll(dir string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("removing what MinIO stored: %w", err)
}
