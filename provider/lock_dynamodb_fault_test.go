package provider

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
)

func dynamoProto(ctx context.Context, t *testing.T, s *awslocal.Server, endpoint string) *protoProvider {
	t.Helper()
	return newProtoProvider(ctx, t, attrs{
		"service": "aws", "region": s.Region, "endpoint": endpoint, "dynamodb_endpoint": endpoint,
		"access_key": s.AccessKey, "secret_key": s.SecretKey, "max_retries": 1,
	}, nil)
}

func dynamoTable(name string) attrs {
	return attrs{"dynamodb": attrs{"table": name, "tags": attrs{"team": "core"}}}
}

// TestFaultsDynamoDBTable cuts the connection at every request of an apply and of a destroy, before
// the server has seen it and after it has done it; one more run has to finish. The SDK sends the
// request that was cut once more by itself, and must take what it did the first time for done.
func TestFaultsDynamoDBTable(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), testenv.Moto(t)
	proxy := testenv.TCPProxy(t, s.Endpoint[len("http://"):])
	p := dynamoProto(ctx, t, s, "http://"+proxy.Addr())
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			name := fmt.Sprintf("%s-%t-%d", testenv.BucketName(t)[:30], after, n)
			cut := func() {
				proxy.Reset()
				if after {
					proxy.CutAfter(n)
				} else {
					proxy.CutBefore(n)
				}
			}
			both := func(state tftypes.Value, config attrs) (tftypes.Value, bool) {
				cut()
				state, failed := p.apply(ctx, t, tableResource, state, config)
				fired := proxy.Fired()
				proxy.Reset()
				if config == nil && state.IsNull() {
					return state, fired
				}
				state, again := p.apply(ctx, t, tableResource, state, config)
				if again != "" {
					t.Fatalf("turn %d, after %t: %s\nand the run after that: %s", n, after, failed, again)
				}
				return state, fired
			}
			state, made := both(p.null(t, tableResource), dynamoTable(name))
			p.settled(ctx, t, tableResource, state, dynamoTable(name))
			_, dropped := both(state, nil)
			if _, err := tableStore(t, s).Observe(ctx, name); !errors.Is(err, dynamolock.ErrNotFound) {
				t.Fatalf("turn %d: the table is left: %v", n, err)
			}
			if !made && !dropped {
				if n < 8 {
					t.Errorf("only %d requests were cut", n-1)
				}
				break
			}
		}
	}
}
