package s3store

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The SDK's types know AWS's schema only: a document that goes through them loses what a service
// has added to it. These two read and write the body of one call as it is.

// maxDocument bounds a settings document; S3 allows 1,000 lifecycle rules.
const maxDocument = 8 << 20

// captureBody copies a call's answer into dst.
func captureBody(dst *[]byte) func(*s3.Options) {
	capture := middleware.DeserializeMiddlewareFunc("GroundworkCaptureBody", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || resp.StatusCode != 200 {
			return out, meta, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
		if err == nil && len(body) > maxDocument {
			err = fmt.Errorf("the answer is larger than %d bytes", maxDocument)
		}
		if cerr := resp.Body.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return out, meta, fmt.Errorf("reading the answer: %w", err)
		}
		*dst = body
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return out, meta, nil
	})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Insert(capture, "OperationDeserializer", middleware.After)
		})
	}
}

// replaceBody sends body in place of what the SDK made of the call's input.
func replaceBody(body []byte) func(*s3.Options) {
	replace := middleware.SerializeMiddlewareFunc("GroundworkReplaceBody", func(
		ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
	) (middleware.SerializeOutput, middleware.Metadata, error) {
		req, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("unknown request type %T", in.Request)
		}
		next2, err := req.SetStream(bytes.NewReader(body))
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("setting the request's body: %w", err)
		}
		in.Request = next2
		return next.HandleSerialize(ctx, in)
	})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Serialize.Insert(replace, "OperationSerializer", middleware.After)
		})
	}
}
