package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	gateway "github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/versity"
)

// deed is one call that somebody tries. The keys exist, and nobody minds what becomes of them.
type deed struct {
	// may are the callers that are let through; everybody else is refused.
	may []string
	try func(ctx context.Context, c *s3.Client, b deedIn) error
}

type deedIn struct{ bucket, prefix, key, version, policy string }

// The callers: one account for each level, for the whole bucket and for the keys under infra/, one
// that no policy names, and nobody.
var (
	readers = []string{"read-only", "read-write", "admin"}
	writers = []string{"read-write", "admin"}
	admins  = []string{"admin"}
	callers = []string{"read-only", "read-write", "admin", "read-only infra/", "read-write infra/", "admin infra/", "stranger", "anonymous"}
)

func under(levels []string) []string {
	out := slices.Clone(levels)
	for _, l := range levels {
		out = append(out, l+" infra/")
	}
	return out
}

var deeds = map[string]deed{
	"get a state": {under(readers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &b.key}))
	}},
	"get an old version": {under(readers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &b.key, VersionId: &b.version}))
	}},
	"head a state": {under(readers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: &b.key}))
	}},
	"list the bucket": {readers, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.bucket}))
	}},
	"list all versions": {readers, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.bucket}))
	}},
	"list under a prefix": {under(readers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: &b.prefix}))
	}},
	"list versions under a prefix": {under(readers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.bucket, Prefix: &b.prefix}))
	}},
	"ask for versioning": {readers, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.bucket}))
	}},
	"put a state": {under(writers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: &b.key, Body: strings.NewReader("new")}))
	}},
	"take a lock": {under(writers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.bucket, Key: aws.String(b.key + ".tflock"), IfNoneMatch: aws.String("*"), Body: strings.NewReader("{}")}))
	}},
	"delete a state or a lock": {under(writers), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &b.key}))
	}},
	"delete a version for good": {under(admins), func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &b.key, VersionId: &b.version}))
	}},
	"read the policy": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.bucket}))
	}},
	"write the policy": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.bucket, Policy: &b.policy}))
	}},
	"delete the policy": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &b.bucket}))
	}},
	"change versioning": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}},
	"tag the bucket": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &b.bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}}))
	}},
	"delete the bucket": {admins, func(ctx context.Context, c *s3.Client, b deedIn) error {
		return ignored(c.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.bucket})) // which is not empty
	}},
}

// Each level is tried against each call, by accounts that have no other right than what the policy
// gives them: what a level allows works, and what it does not is refused, also to those whom the
// policy does not name and to those who do not sign.
func TestAccessByEffect(t *testing.T) {
	t.Parallel()
	server, err := gateway.Start(t.Context(), gateway.Options{Accounts: 7})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	root := newClient(t, Config{Service: "versity", Region: server.Region, Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey})
	bucket := versioned(t, root)
	clients := map[string]*s3.Client{"anonymous": accountClient(server, aws.AnonymousCredentials{})}
	var access []Access
	for i, name := range callers[:7] {
		a := server.Accounts[i]
		clients[name] = accountClient(server, credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, ""))
		if name != "stranger" {
			level, prefix, _ := strings.Cut(name, " ")
			access = append(access, Access{Level: level, Prefix: prefix, Principals: []string{a.AccessKey}})
		}
	}
	apply(t, root, bucket, Settings{Access: &access})
	policy, err := root.api.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	must(t, err)
	n := 0
	for name, d := range deeds {
		for _, caller := range callers {
			n++
			in := deedIn{bucket: bucket, prefix: "infra/", key: fmt.Sprintf("infra/%d.tfstate", n), policy: *policy.Policy}
			in.version = put(t, root, bucket, in.key, "old")
			put(t, root, bucket, in.key, "state")
			check(t, name+" as "+caller, d.try(t.Context(), clients[caller], in), slices.Contains(d.may, caller))
			// Whoever is let in under a prefix has no business beside it.
			in.prefix, in.key = "other/", fmt.Sprintf("other/%d.tfstate", n)
			in.version = put(t, root, bucket, in.key, "old")
			if strings.HasSuffix(caller, " infra/") {
				check(t, name+" beside the prefix as "+caller, d.try(t.Context(), clients[caller], in), false)
			}
			if strings.HasSuffix(name, "the policy") { // it may be gone by now
				_, err := root.api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: policy.Policy})
				must(t, err)
			}
		}
	}
	t.Logf("%d calls by %d callers", n, len(callers))
}

// Where a policy names keys, the guide's way to change one is to add the new key, and to drop the old
// one later: each works exactly as long as the list names it.
func TestKeyRotationByEffect(t *testing.T) {
	t.Parallel()
	server, err := gateway.Start(t.Context(), gateway.Options{Accounts: 2})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	root := newClient(t, Config{Service: "versity", Region: server.Region, Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey})
	bucket := versioned(t, root)
	before, after := server.Accounts[0], server.Accounts[1]
	for step, keys := range [][]string{{before.AccessKey}, {before.AccessKey, after.AccessKey}, {after.AccessKey}} {
		apply(t, root, bucket, Settings{Access: &[]Access{{Level: AccessReadWrite, Principals: keys, Prefix: "infra/"}}})
		for i, a := range []gateway.Account{before, after} {
			client := accountClient(server, credentials.NewStaticCredentialsProvider(a.AccessKey, a.SecretKey, ""))
			key := fmt.Sprintf("infra/%d-%d.tfstate", step, i)
			_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("state")})
			check(t, fmt.Sprintf("step %d, key %d", step, i), err, slices.Contains(keys, a.AccessKey))
		}
	}
}

func accountClient(server *gateway.Server, who aws.CredentialsProvider) *s3.Client {
	return server.ClientFor(server.Endpoint, func(o *s3.Options) { o.Credentials = who })
}

// check tells a refusal from any other answer: a bucket that is not empty, for one, was about to be
// deleted.
func check(t *testing.T, what string, err error, may bool) {
	t.Helper()
	var resp *smithyhttp.ResponseError
	refused := errors.As(err, &resp) && resp.HTTPStatusCode() == http.StatusForbidden
	switch {
	case may && refused:
		t.Errorf("%s is refused: %v", what, err)
	case may && err != nil && (!errors.As(err, &resp) || resp.HTTPStatusCode() != http.StatusConflict):
		t.Errorf("%s: %v", what, err)
	case !may && !refused:
		t.Errorf("%s is not refused: %v", what, err)
	}
}
