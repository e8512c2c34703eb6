package matrix

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
)

// target is a service as one cell finds it.
type target struct {
	// service is the name of its profile.
	service, endpoint, region, accessKey, secretKey string
	// ca is the file of the authority that signed the server's certificate, empty over plain http.
	ca string
	// sts is where a tool may ask who it is, for services that have that.
	sts string
	// logs is a bucket that takes access logs, made where the service has them.
	logs string
	// drops are the codes of what the server behind takes and does not keep, so that demanding it
	// shows nothing of the service.
	drops []string
}

// row is a service of the matrix.
type row struct {
	service string
	// on says what stood there: a real server, or what it was imitated with.
	on    string
	start func(t testing.TB) target
}

// rows are the services, in the order of the table.
func rows() []row {
	all := []row{
		{service: "minio", on: "MinIO", start: func(t testing.TB) target {
			s := testenv.MinIO(t)
			return target{endpoint: s.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey}
		}},
		{service: "versity", on: "Versity S3 Gateway", start: func(t testing.TB) target {
			s := testenv.VersityTLS(t)
			return target{endpoint: s.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey, ca: s.CAFile}
		}},
		{service: "aws", on: "moto, which emulates AWS", start: func(t testing.TB) target {
			moto := testenv.Moto(t)
			s := imitate.Start(t, imitate.AWS, imitate.WithTLS(), imitate.On(imitate.Upstream{
				Endpoint: moto.Endpoint, AccessKey: moto.AccessKey, SecretKey: moto.SecretKey, Region: moto.Region,
			}))
			on := target{
				endpoint: s.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey, ca: s.CAFile, sts: s.Endpoint,
				drops: []string{string(s3store.CapLifecycleVersionsToKeep)},
			}
			on.logs = logBucket(t, target{endpoint: moto.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey})
			return on
		}},
	}
	for _, name := range imitate.Names() {
		all = append(all, row{service: string(name), on: "an imitation on MinIO", start: func(t testing.TB) target {
			s := imitate.Start(t, name, imitate.WithTLS()) // as all of them are reached
			return target{endpoint: s.Endpoint, region: s.Region, accessKey: s.AccessKey, secretKey: s.SecretKey, ca: s.CAFile}
		}})
	}
	return all
}

// logBucket makes a bucket that takes access logs, as AWS wants it.
func logBucket(t testing.TB, on target) string {
	t.Helper()
	name, c := testenv.BucketName(t), on.client(t)
	_, made := c.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(on.region)},
	})
	_, allowed := c.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::` + name + `/*"}]}`)})
	if err := errors.Join(made, allowed); err != nil {
		t.Fatal(err)
	}
	return name
}

// env is what a pipeline has in its environment.
func (s target) env() []string {
	env := []string{
		"GROUNDWORK_SERVICE=" + s.service, "GROUNDWORK_ENDPOINT=" + s.endpoint, "GROUNDWORK_REGION=" + s.region,
		// 127.0.0.1 has no names for buckets below it.
		"GROUNDWORK_USE_PATH_STYLE=true",
		"AWS_ACCESS_KEY_ID=" + s.accessKey, "AWS_SECRET_ACCESS_KEY=" + s.secretKey,
	}
	if s.ca != "" {
		env = append(env, "GROUNDWORK_CA_BUNDLE="+s.ca, "AWS_CA_BUNDLE="+s.ca)
	}
	return env
}

// store reaches the service past the tools.
func (s target) store(t testing.TB) *s3store.Client {
	t.Helper()
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: s.service, Endpoint: s.endpoint, Region: s.region, AccessKey: s.accessKey, SecretKey: s.secretKey,
		CABundle: s.ca,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client reaches it past groundwork as well.
func (s target) client(t testing.TB) *s3.Client {
	t.Helper()
	o := s3.Options{
		BaseEndpoint: &s.endpoint, Region: s.region, UsePathStyle: true,
		Credentials:                credentials.NewStaticCredentialsProvider(s.accessKey, s.secretKey, ""),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			t.Fatal(err)
		}
		authorities := x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(pem) {
			t.Fatalf("%s holds no certificate", s.ca)
		}
		o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(h *http.Transport) {
			h.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
		})
	}
	return s3.New(o)
}
