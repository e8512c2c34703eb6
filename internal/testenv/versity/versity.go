// Package versity starts Versity S3 Gateways: a second real S3 service on the loopback interface,
// with random credentials and folders of its own, that ends with the process that started it.
//
// Its limits are the ones of its posix store, which tests use on purpose: it has no lifecycle rules,
// no default encryption and no public access block, and two conditional writers at once can both win.
package versity

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// Region is the region that every gateway signs for.
const Region = "us-east-1"

// Options say how a gateway differs from the default one.
type Options struct {
	// NoVersions leaves out the folder for superseded versions, so that there is no versioning.
	NoVersions bool
	// Accounts is how many accounts there are beside the root user, which may do everything. They may
	// do nothing but what a bucket's policy allows them.
	Accounts int
	// TLS serves https with a certificate of an authority made for this gateway.
	TLS bool
}

// Account is one that is not the root user.
type Account struct{ AccessKey, SecretKey string }

// Server is a running gateway.
type Server struct {
	// Endpoint is http://127.0.0.1:PORT, or https:// with TLS.
	Endpoint string
	// CAFile is the PEM file of the authority, empty without TLS.
	CAFile string
	// AccessKey and SecretKey are those of the root user.
	AccessKey, SecretKey string
	Region               string
	// Accounts are those that Options asked for.
	Accounts []Account

	dir     string
	process *proc.Process
	client  *http.Client

	stopOnce sync.Once
	stopErr  error
}

// Start builds the gateway if it has to, starts it and waits until it answers signed requests. The
// context bounds that; the gateway runs until Stop.
func Start(ctx context.Context, opts Options) (*Server, error) {
	path, err := toolchain.Path(ctx, "versitygw")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "groundwork-versity-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for Versity GW: %w", err)
	}
	s := &Server{
		AccessKey: rand.Text()[:20], SecretKey: rand.Text(), Region: Region, dir: dir,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	if err := s.start(ctx, path, opts); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, path string, opts Options) error {
	for _, sub := range []string{"data", "versions"} {
		if err := os.Mkdir(filepath.Join(s.dir, sub), 0o700); err != nil {
			return fmt.Errorf("making a folder for Versity GW: %w", err)
		}
	}
	secrets := []string{s.AccessKey, s.SecretKey}
	var iam []string
	if opts.Accounts > 0 {
		if err := s.makeAccounts(opts.Accounts); err != nil {
			return err
		}
		for _, a := range s.Accounts {
			secrets = append(secrets, a.AccessKey, a.SecretKey)
		}
		iam = []string{"--iam-dir", filepath.Join(s.dir, "iam")}
	}
	scheme, front := "http", []string{"--region", s.Region}
	if opts.TLS {
		pair, err := certs.New(s.dir)
		if err != nil {
			return err
		}
		scheme, s.CAFile = "https", pair.CAFile
		front = append(front, "--cert", pair.CertFile, "--key", pair.KeyFile)
		s.client.Transport = &http.Transport{
			MaxIdleConnsPerHost: 16, TLSClientConfig: &tls.Config{RootCAs: pair.Pool, MinVersion: tls.VersionTLS12},
		}
	}
	address := func(port int) string { return scheme + "://127.0.0.1:" + strconv.Itoa(port) }
	store := []string{"posix"}
	if !opts.NoVersions {
		store = append(store, "--versioning-dir", filepath.Join(s.dir, "versions"))
	}
	store = append(store, filepath.Join(s.dir, "data"))
	server := proc.Server{
		Name: "Versity S3 Gateway", Path: path, Dir: s.dir,
		Env:     proc.CleanEnv(s.dir, "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey),
		Secrets: secrets,
		Args: func(port int) []string {
			return slices.Concat([]string{"--quiet", "--port", "127.0.0.1:" + strconv.Itoa(port)}, front, iam, store)
		},
		Ready: func(ctx context.Context, port int) error {
			client := s.ClientFor(address(port), func(o *s3.Options) { o.Retryer = aws.NopRetryer{} })
			_, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
			return err
		},
	}
	process, err := server.Start(ctx)
	if err != nil {
		return err
	}
	s.process, s.Endpoint = process, address(process.Port())
	return nil
}

// makeAccounts writes the file that the gateway keeps its accounts in: its own command would take the
// secrets as arguments.
func (s *Server) makeAccounts(n int) error {
	type account struct {
		Access string `json:"access"`
		Secret string `json:"secret"`
		Role   string `json:"role"`
	}
	users := map[string]account{}
	for range n {
		a := Account{AccessKey: rand.Text()[:20], SecretKey: rand.Text()}
		s.Accounts = append(s.Accounts, a)
		users[a.AccessKey] = account{a.AccessKey, a.SecretKey, "user"}
	}
	text, err := json.Marshal(map[string]any{"accessAccounts": users})
	if err != nil {
		return err
	}
	dir := filepath.Join(s.dir, "iam")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making a folder for Versity GW: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "users.json"), text, 0o600)
}

// Client returns an S3 client of the SDK for the gateway, for tests that arrange and check what the
// code under test must do with a client of its own.
func (s *Server) Client() *s3.Client { return s.ClientFor(s.Endpoint) }

// ClientFor is Client for another endpoint that leads to this gateway, as a proxy does.
func (s *Server) ClientFor(endpoint string, optFns ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       s.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		UsePathStyle: true,
		HTTPClient:   s.client,
	}, optFns...)
}

// Log returns the end of what the gateway printed.
func (s *Server) Log() string { return s.process.Log() }

// Stop ends the gateway and removes everything it stored. It is safe to call more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.client.CloseIdleConnections()
		s.stopErr = s.process.Stop()
		if err := os.RemoveAll(s.dir); err != nil {
			s.stopErr = errors.Join(s.stopErr, fmt.Errorf("removing what Versity GW stored: %w", err))
		}
	})
	return s.stopErr
}
