package s3proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signature is what a Signature Version 4 Authorization header says.
type signature struct {
	accessKey, region, service string
	headers                    []string
}

var errNotSigned = errors.New("the request carries no Signature Version 4")

func parseSignature(authorization string) (signature, error) {
	rest, ok := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256")
	if !ok {
		return signature{}, errNotSigned
	}
	var sig signature
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			// An access key may hold slashes, the scope behind it may not.
			fields := strings.Split(value, "/")
			if len(fields) < 5 {
				return signature{}, errors.New("the request's signature names no scope")
			}
			n := len(fields)
			sig.accessKey = strings.Join(fields[:n-4], "/")
			sig.region, sig.service = fields[n-3], fields[n-2]
		case "SignedHeaders":
			sig.headers = strings.Split(value, ";")
		}
	}
	if sig.service == "" || len(sig.headers) == 0 {
		return signature{}, errors.New("the request's signature is incomplete")
	}
	return sig, nil
}

// stripHeader removes a header from the request to forward and signs it again where it was signed.
func (x *exchange) stripHeader(name string) (done bool, err error) {
	if len(x.out.Header.Values(name)) == 0 {
		return false, nil
	}
	x.out.Header.Del(name)
	sig, err := parseSignature(x.out.Header.Get("Authorization"))
	if errors.Is(err, errNotSigned) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	i := slices.Index(sig.headers, strings.ToLower(name))
	if i < 0 {
		return true, nil
	}
	sig.headers = slices.Delete(sig.headers, i, i+1)
	return true, x.proxy.resign(x.r.Context(), x.out, sig)
}

// resign replaces the signature of a request, over the same headers and at the same time.
func (p *Proxy) resign(ctx context.Context, out *http.Request, sig signature) error {
	hash := out.Header.Get("X-Amz-Content-Sha256")
	switch {
	case p.opts.SecretKey == "":
		return errors.New("the header is signed; give the proxy the credentials, so that it can sign again")
	case p.opts.AccessKey != sig.accessKey:
		return errors.New("the header is signed with another access key than the proxy was given")
	case strings.HasPrefix(hash, "STREAMING-AWS4-"):
		return errors.New("the body is signed in chunks that depend on the signature; the proxy cannot sign it again")
	}
	at, err := time.Parse("20060102T150405Z", out.Header.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("reading the time of the signature: %w", err)
	}

	// The signer signs every header that it is shown.
	copied := out.Clone(ctx)
	for header := range copied.Header {
		if !slices.Contains(sig.headers, strings.ToLower(header)) {
			copied.Header.Del(header)
		}
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as S3 wants it
	creds := aws.Credentials{
		AccessKeyID: p.opts.AccessKey, SecretAccessKey: p.opts.SecretKey,
		SessionToken: out.Header.Get("X-Amz-Security-Token"),
	}
	if err := signer.SignHTTP(ctx, creds, copied, hash, sig.service, sig.region, at); err != nil {
		return fmt.Errorf("signing again: %w", err)
	}
	out.Header.Set("Authorization", copied.Header.Get("Authorization"))
	return nil
}
