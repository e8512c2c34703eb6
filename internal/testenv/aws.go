package testenv

import (
	"context"
	"errors"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

var sharedMoto, sharedDynalite shared[*awslocal.Server]

// Moto returns the moto server that the tests of this process share: S3 and DynamoDB with the
// settings that only AWS has. What it makes of policies says nothing, see awslocal.
func Moto(tb testing.TB) *awslocal.Server {
	tb.Helper()
	return sharedAWS(tb, &sharedMoto, "moto is not available", func(ctx context.Context, opts awslocal.Options) (*awslocal.Server, error) {
		s, err := awslocal.StartMoto(ctx, opts)
		if err != nil {
			return nil, err
		}
		closeProxy, err := s.OneAtATime()
		if err != nil {
			return nil, errors.Join(err, s.Stop())
		}
		process.atEnd(closeProxy)
		return s, nil
	})
}

// Dynalite returns the DynamoDB server that the tests of this process share, for everything that is
// about locks; leases are tested on both. It has no point-in-time recovery, deletion protection or encryption: Moto has.
func Dynalite(tb testing.TB) *awslocal.Server {
	tb.Helper()
	return sharedAWS(tb, &sharedDynalite, "dynalite is not available", awslocal.StartDynalite)
}

// MotoProxy puts a recording fault proxy in front of the shared moto for this test.
func MotoProxy(tb testing.TB) *s3proxy.Proxy {
	tb.Helper()
	s := Moto(tb)
	return startProxy(tb, s.Endpoint, s3proxy.Options{AccessKey: s.AccessKey, SecretKey: s.SecretKey})
}

func sharedAWS(tb testing.TB, server *shared[*awslocal.Server], what string,
	start func(context.Context, awslocal.Options) (*awslocal.Server, error),
) *awslocal.Server {
	tb.Helper()
	return server.get(tb, what, func() (*awslocal.Server, error) {
		return lasting(start(context.WithoutCancel(tb.Context()), awslocal.Options{}))
	})
}

// StartDynalite starts a server for this test alone, for options that the shared one does not have
// and for tests that stop it.
func StartDynalite(tb testing.TB, opts awslocal.Options) *awslocal.Server {
	tb.Helper()
	server, err := awslocal.StartDynalite(tb.Context(), opts)
	return forTest(tb, server, err, (*awslocal.Server).Stop)
}
