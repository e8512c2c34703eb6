package imitate

import (
	"net/http"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// behaviour is how a service differs from the server behind.
type behaviour struct {
	// region is one of the service's own.
	region string
	// calls are the service's operations on buckets and objects; every other one is not implemented. Nil
	// leaves it to the server behind.
	calls []string
	// keeps are the settings that the imitation stores itself, with what it takes: the server behind
	// lacks them or has another dialect.
	keeps map[string]check
	// rules go before everything else.
	rules []s3proxy.Rule
	// alwaysVersioned buckets keep versions from the beginning.
	alwaysVersioned bool
}

// objectCalls are what every service has.
var objectCalls = []string{
	"ListBuckets", "HeadBucket", "CreateBucket", "DeleteBucket", "GetBucketLocation", "ListObjects", "ListObjectsV2",
	"GetObject", "HeadObject", "PutObject", "DeleteObject", "DeleteObjects", "CopyObject",
	"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload",
	"ListParts", "ListMultipartUploads",
}

var (
	versionCalls    = []string{"GetBucketVersioning", "PutBucketVersioning", "ListObjectVersions"}
	lifecycleCalls  = settingCalls("BucketLifecycleConfiguration")
	objectLockCalls = []string{
		"GetObjectLockConfiguration", "PutObjectLockConfiguration", "GetObjectRetention", "PutObjectRetention",
		"GetObjectLegalHold", "PutObjectLegalHold",
	}
)

// settingCalls are the three calls of a bucket's setting.
func settingCalls(setting string) []string {
	return []string{"Get" + setting, "Put" + setting, deleteCall(setting)}
}

func deleteCall(setting string) string {
	if setting == "BucketLifecycleConfiguration" { // AWS's own exception
		return "DeleteBucketLifecycle"
	}
	return "Delete" + setting
}

// services are what the sources of the profiles say, see internal/s3store.
var services = map[Name]behaviour{
	Scaleway: {
		region: "fr-par",
		// Its list of calls, and the ones for encryption that came after it.
		calls: slices.Concat(objectCalls, versionCalls, lifecycleCalls, objectLockCalls,
			settingCalls("BucketAcl"), settingCalls("BucketCors"), settingCalls("BucketPolicy"), []string{"GetBucketPolicyStatus"},
			settingCalls("BucketTagging"), settingCalls("BucketWebsite"), settingCalls("BucketEncryption"),
			[]string{"GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "PostObject", "RestoreObject"}),
		keeps: map[string]check{"BucketLifecycleConfiguration": anyLifecycle, "BucketPolicy": scalewayPolicy},
	},
	R2: {
		region: "auto",
		calls: slices.Concat(objectCalls, lifecycleCalls, settingCalls("BucketCors"),
			[]string{"GetBucketEncryption"}),
		keeps: map[string]check{"BucketLifecycleConfiguration": noVersions},
		rules: []s3proxy.Rule{
			{
				Match:  s3proxy.Match{Operation: "CreateBucket", Header: "X-Amz-Bucket-Object-Lock-Enabled"},
				Action: notImplemented("object lock"),
			},
			{
				Match:  s3proxy.Match{Func: trails},
				Action: s3proxy.Respond(http.StatusNotImplemented, "NotImplemented", "STREAMING-UNSIGNED-PAYLOAD-TRAILER not implemented", nil),
			},
		},
	},
	Garage: {
		region: "garage",
		// It answers GetBucketVersioning for a bucket that never had any, as the server behind does.
		calls: slices.Concat(objectCalls, lifecycleCalls, settingCalls("BucketCors"), settingCalls("BucketWebsite"),
			[]string{"GetBucketVersioning"}),
		keeps: map[string]check{"BucketLifecycleConfiguration": prefixInFilter},
		rules: []s3proxy.Rule{{
			Match:  s3proxy.Match{Header: "If-None-Match", Func: isWrite},
			Action: s3proxy.StripHeader("If-None-Match"),
		}},
	},
	Ceph: {
		region: "us-east-1",
		calls: slices.Concat(objectCalls, versionCalls, lifecycleCalls, objectLockCalls,
			settingCalls("BucketAcl"), settingCalls("BucketCors"), settingCalls("BucketPolicy"), []string{"GetBucketPolicyStatus"},
			settingCalls("BucketTagging"), settingCalls("BucketEncryption"), settingCalls("PublicAccessBlock"),
			[]string{"GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"}),
		keeps: map[string]check{"BucketLifecycleConfiguration": anyLifecycle, "PublicAccessBlock": anything},
		rules: []s3proxy.Rule{{
			Match:  s3proxy.Match{Func: trails},
			Action: s3proxy.Respond(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", nil),
		}},
	},
	B2: {
		region: "eu-central-003", alwaysVersioned: true,
		calls: slices.Concat(objectCalls, versionCalls, lifecycleCalls, objectLockCalls, settingCalls("BucketEncryption"),
			settingCalls("BucketCors"), []string{"GetBucketAcl", "PutBucketAcl", "GetObjectAcl"}),
		keeps: map[string]check{"BucketLifecycleConfiguration": anyLifecycle},
		rules: []s3proxy.Rule{
			{
				Match:  s3proxy.Match{Header: "If-None-Match", Func: isWrite},
				Action: s3proxy.Respond(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented", nil),
			},
			{
				Match:  s3proxy.Match{Func: func(r s3proxy.Request) bool { return r.Key != "" && hasChecksum(r) }},
				Action: s3proxy.Respond(http.StatusBadRequest, "InvalidArgument", "Unsupported checksum header received for this API call.", nil),
			},
		},
	},
	AWS: {keeps: map[string]check{"BucketPolicy": awsPolicy}},
}

// all are the rules of a service on a server, in the order in which they are asked.
func (b behaviour) all(on Upstream) []s3proxy.Rule {
	rules := slices.Clone(b.rules)
	if b.alwaysVersioned {
		rules = append(rules, (&versioner{on: on}).rules()...)
	}
	for _, setting := range []string{"BucketLifecycleConfiguration", "BucketPolicy", "PublicAccessBlock"} {
		if check, kept := b.keeps[setting]; kept {
			rules = append(rules, (&shelf{setting: setting, check: check}).rules()...)
		}
	}
	if b.calls == nil {
		return rules
	}
	return append(rules, s3proxy.Rule{
		Match:  s3proxy.Match{Func: func(r s3proxy.Request) bool { return !slices.Contains(b.calls, r.Operation) }},
		Action: notImplemented("this call"),
	})
}

func isWrite(r s3proxy.Request) bool {
	return slices.Contains([]string{"PutObject", "CopyObject", "CompleteMultipartUpload"}, r.Operation)
}

// trails tells a body whose checksum follows it.
func trails(r s3proxy.Request) bool {
	return r.Header.Get("X-Amz-Trailer") != "" || r.Header.Get("X-Amz-Content-Sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
}

func hasChecksum(r s3proxy.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Checksum-") && name != "X-Amz-Checksum-Mode" || name == "X-Amz-Sdk-Checksum-Algorithm" {
			return true
		}
	}
	return trails(r)
}
