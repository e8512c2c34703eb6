package s3proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// Answer stands in for the server: it sees what was sent, and its reply is what the client gets.
func TestAnswer(t *testing.T) {
	e := setup(t)
	var sent string
	e.proxy.AddRule(s3proxy.Rule{
		Match: s3proxy.Match{Operation: "PutObject"},
		Action: s3proxy.Answer("keep", func(r s3proxy.Request, body []byte) s3proxy.Reply {
			sent = r.Key + "=" + string(body)
			if r.Key == "no" {
				return s3proxy.Reply{Status: http.StatusConflict, Code: "OperationAborted", Message: "not now"}
			}
			return s3proxy.Reply{Status: http.StatusOK, Header: http.Header{"Etag": {`"abc"`}}}
		}),
	})
	e.proxy.AddRule(s3proxy.Rule{
		Match: s3proxy.Match{Operation: "GetBucketTagging"},
		Action: s3proxy.Answer("show", func(s3proxy.Request, []byte) s3proxy.Reply {
			return s3proxy.Reply{Status: http.StatusOK, Body: []byte("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>")}
		}),
	})
	must(t, e.put("yes", "content"))
	if sent != "yes=content" || e.stored("yes") != "(absent)" {
		t.Errorf("sent %q, stored %q", sent, e.stored("yes"))
	}
	if err := e.put("no", strings.Repeat("x", 10)); code(err) != "OperationAborted" || status(err) != http.StatusConflict {
		t.Errorf("unexpected %v", err)
	}
	out, err := e.through.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &e.bucket})
	if err != nil || len(out.TagSet) != 1 || *out.TagSet[0].Value != "b" {
		t.Errorf("got %+v, %v", out, err)
	}
	if r := e.last(); r.Fault != "show" || r.Upstream != 0 || r.Status != http.StatusOK {
		t.Errorf("unexpected %+v", r)
	}
}
