package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/guard"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

const emptyState = `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"x","outputs":{},"resources":[]}`

// A bucket in which only the tools' own traces are may be completed; anything else keeps it from
// being taken over, old versions and hidden objects included.
func TestMissed(t *testing.T) {
	t.Parallel()
	server := testenv.MinIO(t)
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: "minio", Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	full := strings.Replace(emptyState, `"resources":[]`, `"resources":[{"mode":"managed","type":"terraform_data","name":"x",`+
		`"provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"schema_version":0,"attributes":{"id":"1"}}]}]`, 1)
	output := strings.Replace(emptyState, `"outputs":{}`, `"outputs":{"a":{"value":"b","type":"string"}}`, 1)
	type object struct{ key, text string }
	const gone = "(deleted)"
	for name, tc := range map[string]struct {
		objects []object
		missed  bool
	}{
		"nothing":                    {nil, false},
		"a lock":                     {[]object{{"a/terraform.tfstate.tflock", "{}"}}, false},
		"a released lock":            {[]object{{"a/terraform.tfstate.tflock", "{}"}, {"a/terraform.tfstate.tflock", gone}}, false},
		"an empty state":             {[]object{{"a/terraform.tfstate", emptyState}}, false},
		"a state of no bytes":        {[]object{{"a/terraform.tfstate", ""}}, false},
		"a deleted empty state":      {[]object{{"a/terraform.tfstate", emptyState}, {"a/terraform.tfstate", gone}}, false},
		"a state":                    {[]object{{"a/terraform.tfstate", full}}, true},
		"an output":                  {[]object{{"a/terraform.tfstate", output}}, true},
		"a state that was emptied":   {[]object{{"a/terraform.tfstate", full}, {"a/terraform.tfstate", emptyState}}, true},
		"a state that was deleted":   {[]object{{"a/terraform.tfstate", full}, {"a/terraform.tfstate", gone}}, true},
		"a state that is none":       {[]object{{"a/terraform.tfstate", "<html>"}}, true},
		"a state that is cut off":    {[]object{{"a/terraform.tfstate", emptyState[:40]}}, true},
		"a state of a future format": {[]object{{"a/terraform.tfstate", `{"version":9}`}}, true},
		"something else":             {[]object{{"notes.txt", "x"}}, true},
		"something else, hidden":     {[]object{{"notes.txt", "x"}, {"notes.txt", gone}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := testenv.BucketName(t)
			api := server.Client()
			if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
				t.Fatal(err)
			}
			if _, err := api.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
				Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			}); err != nil {
				t.Fatal(err)
			}
			for _, o := range tc.objects {
				var err error
				if o.text == gone {
					_, err = api.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &o.key})
				} else {
					_, err = api.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &o.key, Body: strings.NewReader(o.text)})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			_, err := c.Ensure(t.Context(), bucket, s3store.EnsureOptions{Counts: guard.Missed(c, bucket)})
			if (err != nil) != tc.missed {
				t.Errorf("got %v", err)
			}
		})
	}
}
