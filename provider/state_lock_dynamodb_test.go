package provider

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// dynamoLeases makes a table, and hands out leases in it.
func dynamoLeases(t *testing.T, client *dynamolock.Client, name string) *dynamolock.LeaseStore {
	t.Helper()
	if _, err := client.CreateTable(t.Context(), dynamolock.Spec{Table: name}); err != nil {
		t.Fatal(err)
	}
	leases, err := client.Leases(dynamolock.LeaseOptions{Table: name})
	if err != nil {
		t.Fatal(err)
	}
	return leases
}

// TestAccStateLocksDynamoDB shows leases and the locks of a tool in one table, and nothing else that
// stands in it: digests of states, and leases that nobody holds.
func TestAccStateLocksDynamoDB(t *testing.T) {
	s, name := testenv.Dynalite(t), testenv.BucketName(t)
	client := tableStore(t, s)
	leases := dynamoLeases(t, client, name)
	take := func(lock, who string, d time.Duration) lease.Grant {
		t.Helper()
		grant, err := leases.Acquire(t.Context(), lease.Request{Name: lock, Duration: d, Info: lease.Info{Who: who, Operation: "backup"}}, lease.Wait{})
		if err != nil {
			t.Fatal(err)
		}
		return grant
	}
	if err := leases.Release(t.Context(), take("given back", "carl@ci", time.Minute)); err != nil {
		t.Fatal(err)
	}
	live := take("nightly", "bert@ci", time.Hour)
	take("over", "dora@ci", time.Second)
	if err := eventually("the lease ends", func() (bool, error) {
		held, err := leases.List(t.Context())
		// Another process knows the service's time to a second and a half.
		return len(held) == 2 && held[1].Left < -2*time.Second, err
	}); err != nil {
		t.Fatal(err)
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for _, item := range []map[string]types.AttributeValue{
		{"LockID": text("states/infra/terraform.tfstate"), "Info": text(`{"ID":"4711","Operation":"OperationTypeApply","Who":"anna@laptop\u001b[31m","Created":"2026-01-02T03:04:05Z"}`)},
		{"LockID": text("states/infra/terraform.tfstate-md5"), "Digest": text("d41d8cd98f00b204e9800998ecf8427e")},
		{"LockID": text("states/other.tfstate"), "Info": text("by hand")},
	} {
		if _, err := s.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	const address = "data.groundwork_state_locks.all"
	lock := func(i int, want map[string]knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, tfjsonpath.New("locks").AtSliceIndex(i), knownvalue.ObjectPartial(want))
	}
	exact, null := knownvalue.StringExact, knownvalue.Null()
	config := dynamoBlock(s) + fmt.Sprintf("data \"groundwork_state_locks\" \"all\" {\n dynamodb = { table = %q }\n}\n", name)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("locks"), knownvalue.ListSizeExact(4)),
					lock(0, map[string]knownvalue.Check{
						"kind": exact("lease"), "name": exact("nightly"), "holder": exact("bert@ci"), "operation": exact("backup"), "expired": knownvalue.Bool(false),
						"fence": knownvalue.Int64Exact(live.Fence), "place": null, "left_seconds": knownvalue.NotNull(), "id": exact(live.Info.ID),
					}),
					lock(1, map[string]knownvalue.Check{"kind": exact("lease"), "name": exact("over"), "holder": exact("dora@ci"), "expired": knownvalue.Bool(true)}),
					lock(2, map[string]knownvalue.Check{
						"kind": exact("dynamodb"), "name": exact("s3://states/infra/terraform.tfstate"), "id": exact("4711"), "holder": exact(`anna@laptop\x1b[31m`),
						"since": exact("2026-01-02T03:04:05Z"), "place": exact("dynamodb://" + name + "/states/infra/terraform.tfstate"), "expired": knownvalue.Bool(false),
						"left_seconds": null, "fence": null, "waiting": null, "problem": null,
					}),
					lock(3, map[string]knownvalue.Check{
						"name": exact("s3://states/other.tfstate"), "holder": exact("somebody"), "operation": null, "since": null,
						"problem": exact("the lock is not the JSON that Terraform writes"),
					}),
				},
			},
			{
				Config:      dynamoBlock(s) + fmt.Sprintf("data \"groundwork_state_locks\" \"all\" {\n dynamodb = { table = %q }\n}\n", name+"-gone"),
				ExpectError: words("Unable to List the Locks"),
			},
		},
	})
}

// TestAccEphemeralStateLockDynamoDB holds a lock in DynamoDB while a run asks who holds it.
func TestAccEphemeralStateLockDynamoDB(t *testing.T) {
	s, name := testenv.Dynalite(t), testenv.BucketName(t)
	client := tableStore(t, s)
	leases := dynamoLeases(t, client, name)
	const address = "data.groundwork_state_locks.all"
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{{
			Config: dynamoBlock(s) + fmt.Sprintf(`
ephemeral "groundwork_state_lock" "a" {
  name      = "shop"
  operation = "migration"
  dynamodb  = { table = %[1]q }
}
resource "terraform_data" "before" {
  depends_on       = [ephemeral.groundwork_state_lock.a]
  triggers_replace = "once"
}
data "groundwork_state_locks" "all" {
  dynamodb   = { table = %[1]q }
  depends_on = [terraform_data.before]
}
resource "terraform_data" "after" {
  depends_on = [data.groundwork_state_locks.all, ephemeral.groundwork_state_lock.a]
  input      = [for l in data.groundwork_state_locks.all.locks : "${l.name} for ${l.operation}"]
}
`, name),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("terraform_data.after", tfjsonpath.New("output"), knownvalue.TupleExact([]knownvalue.Check{knownvalue.StringExact("shop for migration")})),
			},
		}},
	})
	held, err := leases.List(t.Context())
	if err != nil || len(held) != 0 {
		t.Errorf("after the run on %s: %+v, %v", address, held, err)
	}
}
