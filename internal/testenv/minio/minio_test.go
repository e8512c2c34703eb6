package minio

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestServers(t *testing.T) {
	tests := map[string]struct {
		opts           Options
		scheme, region string
		encryption     string
	}{
		"default": {scheme: "http://", region: "us-east-1"},
		"no KMS":  {opts: Options{NoKMS: true}, scheme: "http://", region: "us-east-1", encryption: "NotImplemented"},
		"TLS in another region": {
			opts: Options{TLS: true, Region: "fr-par"}, scheme: "https://", region: "fr-par",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := start(t, tc.opts)
			if !strings.HasPrefix(server.Endpoint, tc.scheme+"127.0.0.1:") || server.Region != tc.region {
				t.Errorf("unexpected %s in %s", server.Endpoint, server.Region)
			}
			if (server.CAFile != "") != tc.opts.TLS {
				t.Errorf("unexpected authority %q", server.CAFile)
			}
			roundTrip(t, server)
			if got := code(encrypt(t, server)); got != tc.encryption {
				t.Errorf("default encryption answers %q, want %q", got, tc.encryption)
			}
		})
	}
}

func roundTrip(t *testing.T, server *Server) {
	t.Helper()
	client := server.Client()
	in := &s3.CreateBucketInput{Bucket: aws.String("bucket")}
	if server.Region != DefaultRegion {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(server.Region),
		}
	}
	if _, err := client.CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("bucket"), Key: aws.String("a/b"), Body: strings.NewReader("content"),
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a/b")})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close() //nolint:errcheck // read only
	if data, err := io.ReadAll(out.Body); err != nil || string(data) != "content" {
		t.Errorf("read %q, %v", data, err)
	}
}

func encrypt(t *testing.T, server *Server) error {
	t.Helper()
	_, err := server.Client().PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: aws.String("bucket"),
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
			}},
		},
	})
	return err
}

// A client that does not know the authority must not get through: the certificate is really checked.
func TestTLSNeedsTheAuthority(t *testing.T) {
	server := start(t, Options{TLS: true})
	_, err := server.ClientFor(server.Endpoint, func(o *s3.Options) {
		o.HTTPClient, o.Retryer = &http.Client{}, aws.NopRetryer{}
	}).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("unexpected %v", err)
	}
}

func TestStopRemovesEverything(t *testing.T) {
	server := start(t, Options{})
	if _, err := os.Stat(filepath.Join(server.dir, "data")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(server.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := server.ready(t.Context(), server.Endpoint); err == nil {
		t.Error("it still answers")
	}
	for _, secret := range []string{server.AccessKey, server.SecretKey} {
		if strings.Contains(server.Log(), secret) {
			t.Error("its log repeats a secret")
		}
	}
}

func TestStartRepeatsWhatMinIOSays(t *testing.T) {
	_, err := Start(t.Context(), Options{extraEnv: []string{"MINIO_KMS_SECRET_KEY=nonsense"}})
	if err == nil || !strings.Contains(err.Error(), "starting MinIO") || !strings.Contains(err.Error(), "invalid secret key format") {
		t.Fatalf("unexpected %v", err)
	}
}
