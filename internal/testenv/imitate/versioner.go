package imitate

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// versioner makes the server behind keep versions before the first object of a bucket arrives.
type versioner struct {
	on Upstream

	mu   sync.Mutex
	done map[string]bool
}

func (v *versioner) rules() []s3proxy.Rule {
	return []s3proxy.Rule{
		{Match: s3proxy.Match{Func: v.enable}, Action: s3proxy.Respond(http.StatusInternalServerError, "InternalError", "the imitation could not switch versions on", nil)},
		{Match: s3proxy.Match{Operation: "GetBucketVersioning"}, Action: s3proxy.Answer("always versioned", func(s3proxy.Request, []byte) s3proxy.Reply {
			return s3proxy.Reply{
				Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}},
				Body: []byte("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
			}
		})},
	}
}

// enable matches when it fails.
func (v *versioner) enable(r s3proxy.Request) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.Operation == "DeleteBucket" {
		delete(v.done, r.Bucket)
	}
	if r.Key == "" {
		return false
	}
	if v.done[r.Bucket] {
		return false
	}
	err := v.ask(r.Bucket)
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket" {
		return false // which the server behind answers as well
	}
	if v.done == nil {
		v.done = map[string]bool{}
	}
	v.done[r.Bucket] = err == nil
	return err != nil
}

func (v *versioner) ask(bucket string) error {
	client := s3.New(s3.Options{
		BaseEndpoint: &v.on.Endpoint, Region: v.on.Region, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(v.on.AccessKey, v.on.SecretKey, ""),
	})
	_, err := client.PutBucketVersioning(context.Background(), &s3.PutBucketVersioningInput{
		Bucket: aws.String(bucket), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	return err
}
