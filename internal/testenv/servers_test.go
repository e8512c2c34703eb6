package testenv

import (
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

func TestMinIOIsShared(t *testing.T) {
	first := MinIO(t)
	if MinIO(t) != first {
		t.Error("a second server was started")
	}
	other := MinIOWithoutKMS(t)
	if other == first || other.Endpoint == first.Endpoint {
		t.Error("the server without KMS is the one with it")
	}
	for _, server := range []*minio.Server{first, other} {
		name := BucketName(t)
		if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Error(err)
		}
	}
}

func TestProxyLeadsToItsServer(t *testing.T) {
	for name, server := range map[string]*minio.Server{
		"http": MinIO(t), "https": StartMinIO(t, minio.Options{TLS: true}),
	} {
		t.Run(name, func(t *testing.T) {
			proxy := Proxy(t, server)
			if _, err := server.ClientFor(proxy.URL()).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(proxy.Operations(), " "); got != "ListBuckets" {
				t.Errorf("recorded %q", got)
			}
		})
	}
}

var validBucket = regexp.MustCompile(`^tfacc-[a-z0-9]([a-z0-9-]{0,55}[a-z0-9])$`)

func checkBucketName(t *testing.T, test string) {
	t.Helper()
	name := bucketName(test)
	if !validBucket.MatchString(name) || strings.Contains(name, "--") || len(name) > 63 {
		t.Errorf("%q gives %q", test, name)
	}
	if name == bucketName(test) {
		t.Errorf("%q gives the same name twice", test)
	}
}

func TestBucketName(t *testing.T) {
	for _, test := range []string{
		"", "TestX", "TestX/a_b/c#01", "---", "Test/é/ü", strings.Repeat("long", 50), strings.Repeat("a/", 50),
	} {
		checkBucketName(t, test)
	}
	if name := BucketName(t); !strings.HasPrefix(name, "tfacc-testbucketname-") {
		t.Errorf("unexpected %q", name)
	}
}

func FuzzBucketName(f *testing.F) {
	f.Add("TestX/a_b/c#01")
	f.Add("\x00é--..")
	f.Fuzz(checkBucketName)
}
