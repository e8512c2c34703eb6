package s3store

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// guidePolicy is the policy that the guide for MinIO describes for a level, with exactly the actions
// that it names.
func guidePolicy(t *testing.T, bucket, level, prefix string) string {
	t.Helper()
	p, err := ProfileByName("minio")
	must(t, err)
	g, _ := p.Guide(bucket)
	text := g.Level(level)
	if level == AccessReadWrite {
		text = g.ReadOnly + " " + text
	}
	allowed, denied, _ := strings.Cut(text, "denies")
	actions := func(of string) []string { return regexp.MustCompile(`s3:[A-Za-z*]+`).FindAllString(of, -1) }
	var onBucket, onObjects []string
	for _, a := range actions(allowed) {
		if strings.Contains(a, "Bucket") || a == "s3:*" {
			onBucket = append(onBucket, a)
		}
		if !strings.Contains(a, "Bucket") {
			onObjects = append(onObjects, a)
		}
	}
	arn := "arn:aws:s3:::" + bucket
	lists := map[string]any{"Effect": "Allow", "Action": onBucket, "Resource": arn}
	if prefix != "" {
		lists["Action"], lists["Condition"] = []string{"s3:ListBucket", "s3:ListBucketVersions"}, map[string]any{"StringLike": map[string]string{"s3:prefix": prefix + "*"}}
	}
	statements := []any{lists, map[string]any{"Effect": "Allow", "Action": onObjects, "Resource": arn + "/" + prefix + "*"}}
	if no := actions(denied); len(no) > 0 {
		statements = append(statements, map[string]any{"Effect": "Deny", "Action": no, "Resource": arn + "/*"})
	}
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	must(t, err)
	return string(document)
}

// On MinIO a bucket's policy gives nobody who signs a right, which is why groundwork warns about an
// access list there. What its guide says instead is tried by effect, as on Versity.
func TestAccessByEffectOnMinIO(t *testing.T) {
	t.Parallel()
	server := testenv.MinIO(t)
	root := minioClient(t)
	bucket := versioned(t, root)
	clients := map[string]*s3.Client{"anonymous": server.ClientFor(server.Endpoint, func(o *s3.Options) { o.Credentials = aws.AnonymousCredentials{} })}
	tried := []string{"read-only", "read-write", "admin", "read-only infra/", "read-write infra/", "stranger"}
	var named []string
	for _, name := range tried {
		policy := ""
		if name != "stranger" {
			level, prefix, _ := strings.Cut(name, " ")
			policy = guidePolicy(t, bucket, level, prefix)
		}
		u, err := server.CreateUser(t.Context(), policy)
		must(t, err)
		named = append(named, u.AccessKey, "arn:aws:iam:::user/"+u.AccessKey)
		clients[name] = server.ClientFor(server.Endpoint, func(o *s3.Options) {
			o.Credentials = credentials.NewStaticCredentialsProvider(u.AccessKey, u.SecretKey, "")
		})
	}
	// Everybody is named, the stranger too, by key and by ARN.
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "Named", "Effect": "Allow", "Principal": map[string]any{"AWS": named}, "Action": []string{"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject"},
		"Resource": []string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"},
	}}})
	must(t, err)
	put := func(key, content string) string { return put(t, root, bucket, key, content) }
	name := func() {
		_, err := root.api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(string(document))})
		must(t, err)
	}
	name()
	n := 0
	for call, d := range deeds {
		for _, caller := range append(tried, "anonymous") {
			n++
			in := deedIn{bucket: bucket, prefix: "infra/", key: fmt.Sprintf("infra/%d.tfstate", n), policy: string(document)}
			in.version = put(in.key, "old")
			put(in.key, "state")
			check(t, call+" as "+caller, d.try(t.Context(), clients[caller], in), slices.Contains(d.may, caller))
			in.prefix, in.key = "other/", fmt.Sprintf("other/%d.tfstate", n)
			in.version = put(in.key, "old")
			if strings.HasSuffix(caller, " infra/") {
				check(t, call+" beside the prefix as "+caller, d.try(t.Context(), clients[caller], in), false)
			}
			if strings.HasSuffix(call, "the policy") { // it may be gone by now
				name()
			}
		}
	}
	// What the statement that denies is for.
	careless, err := server.CreateUser(t.Context(), strings.Replace(guidePolicy(t, bucket, AccessReadWrite, ""), "s3:DeleteObjectVersion", "s3:DeleteBucketPolicy", 1))
	must(t, err)
	version := put("infra/careless.tfstate", "old")
	_, err = server.ClientFor(server.Endpoint, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(careless.AccessKey, careless.SecretKey, "")
	}).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("infra/careless.tfstate"), VersionId: &version})
	must(t, err)
	for level := range map[string]bool{AccessReadOnly: true, AccessAdmin: true} {
		if why := root.profile.AccessWithoutEffect(bucket, []Access{{Level: level, Principals: named[:1]}}); !strings.Contains(why, "anonymous requests only") || !strings.Contains(why, level+": ") {
			t.Errorf("%s: %s", level, why)
		}
	}
	if other := versity(t).profile.AccessWithoutEffect(bucket, []Access{{Level: AccessAdmin}}); other != "" {
		t.Errorf("on Versity: %s", other)
	}
}
