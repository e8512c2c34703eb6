package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// TestIdentities imports by identity what was created, and compares the two states. The command lines
// that can be built here do not store identities yet.
func TestIdentities(t *testing.T) {
	ctx := t.Context()
	bucket := newFaultBench(ctx, t)
	s := testenv.Postgres(t)
	locks := pgProto(ctx, t, s.Host, s.Port, testenv.PostgresRole(t, s, "CREATEDB"))
	run := newPGRun(t, locks, testenv.PostgresName(t))
	if failed := run.apply(ctx, t); failed != "" {
		t.Fatal(failed)
	}
	bucketState := created(ctx, t, bucket)
	moto, onAWS := testenv.Moto(t), testenv.BucketName(t)
	tables := dynamoProto(ctx, t, moto, moto.Endpoint)
	awsState, failed := tables.apply(ctx, t, tableResource, tables.null(t, tableResource), dynamoTable(onAWS))
	if failed != "" {
		t.Fatal(failed)
	}
	for name, c := range map[string]struct {
		resource string
		provider *protoProvider
		state    tftypes.Value
		identity attrs
	}{
		"bucket":              {bucketResource, bucket.provider, bucketState, attrs{"name": bucket.bucket, "region": "us-east-1"}},
		"database":            {databaseResource, locks, run.database, attrs{"name": run.name}},
		"table on PostgreSQL": {tableResource, locks, run.table, attrs{"engine": "postgres", "database": run.name, "schema": "public", "table": "pulumi_state_locks"}},
		"table on DynamoDB":   {tableResource, tables, awsState, attrs{"engine": "dynamodb", "region": moto.Region, "table": onAWS}},
	} {
		t.Run(name, func(t *testing.T) {
			resource := c.resource
			imported, identity := c.provider.importByIdentity(ctx, t, resource, c.identity)
			if got, want := field(t, imported, "id"), field(t, c.state, "id"); got != want {
				t.Errorf("imported %q, want %q", got, want)
			}
			typ := c.provider.identityType(ctx, t, resource)
			if want := c.provider.object(t, typ, c.identity); !identity.Equal(want) {
				t.Errorf("the identity after the read is %s, want %s", identity, want)
			}
		})
	}
	if _, failed := tables.apply(ctx, t, tableResource, awsState, nil); failed != "" {
		t.Error(failed)
	}
	if failed := run.destroy(ctx, t); failed != "" {
		t.Error(failed)
	}
}

func (p *protoProvider) identityType(ctx context.Context, t *testing.T, resource string) tftypes.Type {
	t.Helper()
	schemas, err := p.srv.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return schemas.IdentitySchemas[resource].ValueType()
}

// importByIdentity imports and reads, and returns the state and the identity that the read gives.
func (p *protoProvider) importByIdentity(ctx context.Context, t *testing.T, resource string, identity attrs) (state, shown tftypes.Value) {
	t.Helper()
	typ := p.identityType(ctx, t, resource)
	resp, err := p.srv.ImportResourceState(ctx, &tfprotov6.ImportResourceStateRequest{
		TypeName: resource,
		Identity: &tfprotov6.ResourceIdentityData{IdentityData: p.dynamic(t, typ, p.object(t, typ, identity))},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.fatal(t, resp.Diagnostics)
	got := resp.ImportedResources[0]
	read, err := p.srv.ReadResource(ctx, &tfprotov6.ReadResourceRequest{
		TypeName: resource, CurrentState: got.State, CurrentIdentity: got.Identity, Private: got.Private,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.fatal(t, read.Diagnostics)
	return p.decode(t, p.typeOf(t, resource), read.NewState), p.decode(t, typ, read.NewIdentity.IdentityData)
}
