package versity

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The folder for superseded versions is what makes the difference between the two.
func TestStart(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{"with versions": {}, "without": {NoVersions: true}, "over https": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := Start(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := server.Stop(); err != nil {
					t.Error(err)
				}
			}()
			if strings.HasPrefix(server.Endpoint, "https://") != opts.TLS || (server.CAFile != "") != opts.TLS {
				t.Errorf("it is at %s, with %q", server.Endpoint, server.CAFile)
			}
			client, bucket := server.Client(), aws.String("bucket")
			if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}); err != nil {
				t.Fatal(err)
			}
			_, err = client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
				Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			if (err == nil) == opts.NoVersions {
				t.Errorf("versioning: %v", err)
			}
			if strings.Contains(server.Log(), server.SecretKey) {
				t.Error("the log shows the secret key")
			}
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
			if _, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{}, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} }); err == nil {
				t.Error("it still answers")
			}
		})
	}
}
