package imitate

import (
	"crypto/md5" //nolint:gosec // the protocol's
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// check tells what is wrong with a document that was sent.
type check func(document []byte) error

// shelf keeps one setting of all buckets.
type shelf struct {
	setting string
	check   check

	mu   sync.Mutex
	kept map[string][]byte
}

// absent is how S3 says that a setting is not set.
var absent = map[string]string{
	"BucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
	"BucketPolicy":                 "NoSuchBucketPolicy",
	"PublicAccessBlock":            "NoSuchPublicAccessBlockConfiguration",
}

func (s *shelf) rules() []s3proxy.Rule {
	return []s3proxy.Rule{
		{Match: s3proxy.Match{Operation: "Put" + s.setting}, Action: s3proxy.Answer("keep "+s.setting, s.put)},
		{Match: s3proxy.Match{Operation: "Get" + s.setting}, Action: s3proxy.Answer("show "+s.setting, s.get)},
		{Match: s3proxy.Match{Operation: deleteCall(s.setting)}, Action: s3proxy.Answer("drop "+s.setting, s.drop)},
		{Match: s3proxy.Match{Func: s.ends}, Action: s3proxy.Latency(0)},
	}
}

// ends forgets the setting of a bucket that is being deleted, and never matches, so that the server
// behind answers.
func (s *shelf) ends(r s3proxy.Request) bool {
	if r.Operation != "DeleteBucket" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, r.Bucket)
	return false
}

func (s *shelf) put(r s3proxy.Request, body []byte) s3proxy.Reply {
	if reply, bad := badDigest(r, body); bad {
		return reply
	}
	if err := s.check(body); err != nil {
		code := "MalformedXML"
		if s.setting == "BucketPolicy" {
			code = "MalformedPolicy"
		}
		return s3proxy.Reply{Status: http.StatusBadRequest, Code: code, Message: err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[r.Bucket] = body
	status := http.StatusOK
	if s.setting == "BucketPolicy" {
		status = http.StatusNoContent
	}
	return s3proxy.Reply{Status: status}
}

func (s *shelf) get(r s3proxy.Request, _ []byte) s3proxy.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, ok := s.kept[r.Bucket]
	if !ok {
		return s3proxy.Reply{Status: http.StatusNotFound, Code: absent[s.setting], Message: "There is none."}
	}
	kind := "application/xml"
	if s.setting == "BucketPolicy" {
		kind = "application/json"
	}
	return s3proxy.Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: body}
}

func (s *shelf) drop(r s3proxy.Request, _ []byte) s3proxy.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, r.Bucket)
	return s3proxy.Reply{Status: http.StatusNoContent}
}

// badDigest asks for Content-MD5, which these calls have needed since the beginning, or for one of
// the newer checksums, which the services take that do not refuse them anyway.
func badDigest(r s3proxy.Request, body []byte) (s3proxy.Reply, bool) {
	sum := md5.Sum(body) //nolint:gosec // the protocol's
	switch r.Header.Get("Content-Md5") {
	case base64.StdEncoding.EncodeToString(sum[:]):
		return s3proxy.Reply{}, false
	case "":
		if hasChecksum(r) {
			return s3proxy.Reply{}, false
		}
		return s3proxy.Reply{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: "Missing required header for this request: Content-MD5"}, true
	}
	return s3proxy.Reply{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The Content-MD5 you specified did not match what we received."}, true
}

func anything([]byte) error { return nil }

// lifecycle is as much of the document as the checks look at.
type lifecycle struct {
	Rules []struct {
		ID         string
		Prefix     *string
		Filter     *struct{}
		Noncurrent *struct{} `xml:"NoncurrentVersionExpiration"`
		Expiration *struct {
			Marker *bool `xml:"ExpiredObjectDeleteMarker"`
		}
	} `xml:"Rule"`
}

func readLifecycle(document []byte) (l lifecycle, err error) {
	if err = xml.Unmarshal(document, &l); err == nil && len(l.Rules) == 0 {
		err = errors.New("there is no rule in it")
	}
	return l, err
}

func anyLifecycle(document []byte) error {
	_, err := readLifecycle(document)
	return err
}

// noVersions is for services that keep no versions, which could not expire.
func noVersions(document []byte) error {
	l, err := readLifecycle(document)
	for _, r := range l.Rules {
		if r.Noncurrent != nil || r.Expiration != nil && r.Expiration.Marker != nil {
			return errors.New("this service has no versions")
		}
	}
	return err
}

// prefixInFilter is how Garage wants it.
func prefixInFilter(document []byte) error {
	l, err := readLifecycle(document)
	for _, r := range l.Rules {
		if r.Prefix != nil {
			return errors.New("Prefix stands outside of Filter") //nolint:staticcheck // the element's name
		}
	}
	return errors.Join(err, noVersions(document))
}

// awsPolicy takes AWS's dialect only.
func awsPolicy(document []byte) error {
	var p struct {
		Version   string
		Statement []struct {
			Effect, Sid string
			Principal   json.RawMessage
			Resource    json.RawMessage
		}
	}
	if err := json.Unmarshal(document, &p); err != nil {
		return err
	}
	if p.Version != "2012-10-17" || len(p.Statement) == 0 {
		return errors.New("the version is not 2012-10-17, or there is no statement")
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Principal) == 0 || !strings.Contains(string(s.Resource), "arn:aws:s3:::") {
			return errors.New("a statement lacks its effect, principal or resource")
		}
	}
	return nil
}

var scalewayName = regexp.MustCompile(`^(user_id|application_id):[0-9a-f-]{36}$`)

// scalewayPolicy takes Scaleway's dialect only.
func scalewayPolicy(document []byte) error {
	var p struct {
		Version   string
		Statement []struct {
			Sid       string
			Principal json.RawMessage
			Resource  json.RawMessage
		}
	}
	if err := json.Unmarshal(document, &p); err != nil {
		return err
	}
	if p.Version != "2023-04-17" {
		return errors.New("the version is not 2023-04-17")
	}
	for _, s := range p.Statement {
		if strings.Contains(string(s.Resource), "arn:") {
			return errors.New("a resource is an ARN")
		}
		var principal struct{ SCW []string }
		if string(s.Principal) == `"*"` {
			continue
		}
		if err := json.Unmarshal(s.Principal, &principal); err != nil {
			return err
		}
		for _, id := range principal.SCW {
			if !scalewayName.MatchString(id) {
				return errors.New("a principal is none of Scaleway's")
			}
		}
	}
	return nil
}
