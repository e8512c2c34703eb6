package s3store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
)

// A real server whose conditional writes race: moto looks whether there is an object and then writes
// it, in threads. Probes find it out, though not each of them: one of the usual size did so in 6 of 12
// tries. Behind a proxy that lets one write in at a time, which all other tests reach moto through, no
// probe does.
func TestProbeFindsRacingServer(t *testing.T) {
	t.Parallel()
	server, err := awslocal.StartMoto(t.Context(), awslocal.Options{Restless: true})
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop()) })
	const most = 40 // probes; the first that finds it out is enough
	ctx, cancel := context.WithTimeoutCause(t.Context(), 4*time.Minute, errors.New("four minutes have passed"))
	defer cancel()
	racing := motoClient(t, server)
	bucket := versioned(t, racing)
	found := false
	for probe := 0; probe < most && !found; probe++ {
		r, err := racing.Probe(ctx, bucket)
		if err != nil {
			t.Fatalf("probe %d: %v (%v)", probe, err, context.Cause(ctx))
		}
		if found = r.Verdict == LockUnsafe; found {
			t.Logf("probe %d: %s", probe, r.Reason)
			if !strings.Contains(r.Reason, "simultaneous writers created the same object") || r.Capabilities[CapConditionalPut] != Supported ||
				r.Capabilities[CapConditionalPutAfterDrop] != Supported || r.Capabilities[CapConditionalPutConcurrent] != Unsupported {
				t.Errorf("it was called unsafe for another reason: %s, %v", r.Reason, r.Capabilities)
			}
		}
	}
	if !found {
		t.Errorf("none of %d probes found two winners", most)
	}

	inTurn := motoClient(t, testenv.Moto(t))
	bucket = versioned(t, inTurn)
	for range 5 {
		r, err := inTurn.Probe(t.Context(), bucket)
		must(t, err)
		if r.Verdict != LockSafe {
			t.Errorf("one write at a time: %s", r.Reason)
		}
	}
}

func motoClient(t *testing.T, s *awslocal.Server) *Client {
	t.Helper()
	return newClient(t, Config{
		Service: "aws", Region: s.Region, Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey, UsePathStyle: aws.Bool(true),
	})
}
