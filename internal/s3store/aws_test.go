package s3store

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// awsSettings keeps the settings of one bucket as they come, by the name in the query, and gives
// them back: what AWS has and no server that runs here.
type awsSettings struct {
	mu   sync.Mutex
	docs map[string]string
	// header goes with every answer and is remembered of every change.
	header http.Header
	sent   map[string]http.Header
}

var absent = map[string]string{
	"publicAccessBlock": "NoSuchPublicAccessBlockConfiguration", "encryption": "ServerSideEncryptionConfigurationNotFoundError",
	"lifecycle": "NoSuchLifecycleConfiguration", "policy": "NoSuchBucketPolicy", "tagging": "NoSuchTagSet", "object-lock": "ObjectLockConfigurationNotFoundError",
}

func (s *awsSettings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _, _ := strings.Cut(r.URL.RawQuery, "&")
	name, _, _ = strings.Cut(name, "=")
	w.Header().Set("Content-Type", "application/xml")
	for k, v := range s.header {
		w.Header()[k] = v
	}
	switch doc, found := s.docs[name]; {
	case r.URL.Query().Has("list-type"):
		_, _ = io.WriteString(w, "<ListBucketResult/>")
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		s.docs[name], s.sent[name] = string(body), r.Header.Clone()
	case r.Method == http.MethodDelete:
		delete(s.docs, name)
		w.WriteHeader(http.StatusNoContent)
	case found || r.Method == http.MethodHead:
		_, _ = io.WriteString(w, doc)
	case absent[name] != "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", absent[name])
	case name == "versioning":
		_, _ = io.WriteString(w, "<VersioningConfiguration/>")
	default:
		_, _ = io.WriteString(w, "<BucketLoggingStatus/>")
	}
}

func awsClient(t *testing.T, header http.Header, docs map[string]string) (*Client, *awsSettings) {
	t.Helper()
	s := &awsSettings{docs: docs, header: header, sent: map[string]http.Header{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return newClient(t, Config{
		Service: "aws", Region: "eu-west-3", Endpoint: server.URL, AccessKey: "K", SecretKey: "S", UsePathStyle: aws.Bool(true),
	}), s
}

// Everything that AWS has is written and read back, turned off again, and leaves nothing.
func TestAWSSettings(t *testing.T) {
	t.Parallel()
	c, s := awsClient(t, nil, map[string]string{})
	want := onMinIO("states")
	want.BlockPublicAccess = aws.Bool(true)
	want.Lifecycle.AbortIncompleteUploadsDays = days(7)
	want.Logging = &Logging{TargetBucket: "logs", TargetPrefix: "states/"}
	for range 2 {
		apply(t, c, "states", want)
	}
	must(t, c.ApplyObjectLock(t.Context(), "states", &ObjectLock{Mode: "COMPLIANCE", Days: 30}, &Observed{}))
	if got := readBucket(t, c, "states").ObjectLock; got == nil || *got != (ObjectLock{Mode: "COMPLIANCE", Days: 30}) {
		t.Errorf("object lock shows %+v", got)
	}
	for name, header := range s.sent {
		if header.Get("Content-MD5") == "" && !strings.Contains(fmt.Sprint(header), "Checksum") {
			t.Errorf("%s was sent without a checksum: %v", name, header)
		}
	}
	apply(t, c, "states", Settings{
		BlockPublicAccess: aws.Bool(false), Encryption: &Encryption{Algorithm: EncryptionNone}, Logging: &Logging{},
		Lifecycle: &Lifecycle{
			NoncurrentExpirationDays: days(0), NoncurrentVersionsToKeep: days(0), AbortIncompleteUploadsDays: days(0),
			ExpireDeleteMarkers: aws.Bool(false), Expirations: map[string]int32{},
		},
		Access: &[]Access{}, Policy: &PolicyClaim{Remove: []string{"Mine"}}, Tags: &TagChange{Remove: []string{"team", "cost centre"}},
	})
	var left []string
	for name := range s.docs {
		left = append(left, name)
	}
	if slices.Sort(left); !slices.Equal(left, []string{"logging", "object-lock", "versioning"}) {
		t.Errorf("left are %v", left)
	}
}

// What stands beside a setting in the same call is sent back, since a PUT without it resets it.
func TestAWSKeepsWhatIsBeside(t *testing.T) {
	t.Parallel()
	const minimum = "X-Amz-Transition-Default-Minimum-Object-Size"
	c, s := awsClient(t, http.Header{minimum: {"varies_by_storage_class"}}, map[string]string{
		"encryption": `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>old</KMSMasterKeyID></ApplyServerSideEncryptionByDefault>` +
			`<BucketKeyEnabled>true</BucketKeyEnabled><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>`,
		"logging": `<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>old/</TargetPrefix><TargetGrants><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee><Permission>READ</Permission></Grant></TargetGrants>` +
			`<TargetObjectKeyFormat><SimplePrefix/></TargetObjectKeyFormat></LoggingEnabled></BucketLoggingStatus>`,
		"lifecycle":         `<LifecycleConfiguration><Rule><ID>theirs</ID><Status>Enabled</Status><Filter/><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule></LifecycleConfiguration>`,
		"publicAccessBlock": `<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>`,
		"object-lock":       `<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Years>2</Years></DefaultRetention></Rule></ObjectLockConfiguration>`,
	})
	before := readBucket(t, c, "states")
	if before.PublicAccessBlocked || deref(before.ObjectLock).Days != 730 || deref(before.Logging) != (Logging{"logs", "old/"}) {
		t.Errorf("read %+v", before)
	}
	apply(t, c, "states", Settings{
		Encryption: &Encryption{Algorithm: EncryptionKMS, KMSKeyID: "new"}, Logging: &Logging{TargetBucket: "logs", TargetPrefix: "new/"},
		Lifecycle: &Lifecycle{NoncurrentExpirationDays: days(9)},
	})
	for name, parts := range map[string][]string{
		"encryption": {"<KMSMasterKeyID>new<", "<BucketKeyEnabled>true<", "<EncryptionType>SSE-C<"},
		"logging":    {"<TargetPrefix>new/<", "<Permission>READ<", "SimplePrefix"},
		"lifecycle":  {"<Rule><ID>theirs</ID><Status>Enabled</Status><Filter/><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>", ruleNoncurrent},
	} {
		for _, part := range parts {
			if !strings.Contains(s.docs[name], part) {
				t.Errorf("%s lost %s: %s", name, part, s.docs[name])
			}
		}
	}
	if got := s.sent["lifecycle"].Get(minimum); got != "varies_by_storage_class" {
		t.Errorf("the minimum size became %q", got)
	}
	apply(t, c, "states", Settings{Encryption: &Encryption{Algorithm: EncryptionAES256}})
	if doc := s.docs["encryption"]; strings.Contains(doc, "BucketKeyEnabled") || !strings.Contains(doc, "SSE-C") {
		t.Errorf("AES256 has no key, and what is blocked stays: %s", doc)
	}
	for name, doc := range s.docs {
		if err := xml.Unmarshal([]byte(doc), new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%s is no XML: %v", name, err)
		}
	}
}

// A document that cannot be read is an error, and never taken for an empty one.
func TestReadOfBrokenDocuments(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"policy": `{"Version":"2012-10-17","Statement":[`, "lifecycle": "<LifecycleConfiguration><Rule>", "tagging": "<Tagging><TagSet>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := awsClient(t, nil, map[string]string{name: doc})
			o, err := c.Read(t.Context(), "states")
			var ce *CallError
			if o != nil || !errors.As(err, &ce) || ce.Bucket != "states" {
				t.Errorf("%+v, %v", o, err)
			}
		})
	}
}
