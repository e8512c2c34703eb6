package s3proxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Unknown is the operation of a request that is none of S3's.
const Unknown = "Unknown"

// target is what a request is about.
type target struct {
	operation, bucket, key string
}

// bucketSettings maps the query name of a bucket's setting to what Get, Put and Delete precede in
// the name of the operation.
var bucketSettings = map[string]string{
	"accelerate":          "BucketAccelerateConfiguration",
	"acl":                 "BucketAcl",
	"analytics":           "BucketAnalyticsConfiguration",
	"cors":                "BucketCors",
	"encryption":          "BucketEncryption",
	"intelligent-tiering": "BucketIntelligentTieringConfiguration",
	"inventory":           "BucketInventoryConfiguration",
	"lifecycle":           "BucketLifecycleConfiguration",
	"location":            "BucketLocation",
	"logging":             "BucketLogging",
	"metrics":             "BucketMetricsConfiguration",
	"notification":        "BucketNotificationConfiguration",
	"object-lock":         "ObjectLockConfiguration",
	"ownershipControls":   "BucketOwnershipControls",
	"policy":              "BucketPolicy",
	"policyStatus":        "BucketPolicyStatus",
	"publicAccessBlock":   "PublicAccessBlock",
	"replication":         "BucketReplication",
	"requestPayment":      "BucketRequestPayment",
	"tagging":             "BucketTagging",
	"versioning":          "BucketVersioning",
	"website":             "BucketWebsite",
}

var objectSettings = map[string]string{
	"acl":        "ObjectAcl",
	"attributes": "ObjectAttributes",
	"legal-hold": "ObjectLegalHold",
	"retention":  "ObjectRetention",
	"tagging":    "ObjectTagging",
	"torrent":    "ObjectTorrent",
}

var verbs = map[string]string{http.MethodGet: "Get", http.MethodPut: "Put", http.MethodDelete: "Delete"}

// identify names the operation of a request the way the AWS SDKs do.
func identify(method string, u *url.URL, header http.Header) target {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	query := u.Query()
	t := target{bucket: bucket, key: key}
	switch {
	case bucket == "" && key == "":
		t.operation = serviceOperation(method)
	case key == "":
		t.operation = bucketOperation(method, query)
	default:
		t.operation = objectOperation(method, query, header)
	}
	return t
}

func serviceOperation(method string) string {
	if method == http.MethodGet {
		return "ListBuckets"
	}
	return Unknown
}

func bucketOperation(method string, query url.Values) string {
	if name := settingOperation(method, query, bucketSettings); name != "" {
		if name == "DeleteBucketLifecycleConfiguration" { // AWS's own exception
			return "DeleteBucketLifecycle"
		}
		return name
	}
	switch method {
	case http.MethodGet:
		return bucketListing(query)
	case http.MethodHead:
		return "HeadBucket"
	case http.MethodPut:
		return "CreateBucket"
	case http.MethodDelete:
		return "DeleteBucket"
	case http.MethodPost:
		if query.Has("delete") {
			return "DeleteObjects"
		}
		return "PostObject"
	}
	return Unknown
}

func bucketListing(query url.Values) string {
	switch {
	case query.Has("versions"):
		return "ListObjectVersions"
	case query.Has("uploads"):
		return "ListMultipartUploads"
	case query.Get("list-type") == "2":
		return "ListObjectsV2"
	}
	return "ListObjects"
}

func objectOperation(method string, query url.Values, header http.Header) string {
	if name := settingOperation(method, query, objectSettings); name != "" {
		return name
	}
	upload := query.Has("uploadId")
	switch method {
	case http.MethodGet:
		return either(upload, "ListParts", "GetObject")
	case http.MethodHead:
		return "HeadObject"
	case http.MethodPut:
		name := either(upload, "UploadPart", "PutObject")
		if header.Get("X-Amz-Copy-Source") != "" {
			return either(upload, "UploadPartCopy", "CopyObject")
		}
		return name
	case http.MethodDelete:
		return either(upload, "AbortMultipartUpload", "DeleteObject")
	case http.MethodPost:
		return objectPost(query)
	}
	return Unknown
}

func objectPost(query url.Values) string {
	switch {
	case query.Has("uploads"):
		return "CreateMultipartUpload"
	case query.Has("uploadId"):
		return "CompleteMultipartUpload"
	case query.Has("restore"):
		return "RestoreObject"
	case query.Has("select"):
		return "SelectObjectContent"
	}
	return Unknown
}

// settingOperation goes through the query in order, so that the answer never depends on a map's.
func settingOperation(method string, query url.Values, settings map[string]string) string {
	verb := verbs[method]
	if verb == "" {
		return ""
	}
	for _, name := range queryNames(query) {
		if setting := settings[name]; setting != "" {
			return verb + setting
		}
	}
	return ""
}

func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func queryNames(query url.Values) []string {
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
