package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// TestAccLockTableDynamoDBUnknown plans a table of which endpoint, name, tags and settings are decided
// in the same run.
func TestAccLockTableDynamoDBUnknown(t *testing.T) {
	s, name := testenv.Moto(t), testenv.BucketName(t)
	config := func(stage string) string {
		return fmt.Sprintf(`
resource "terraform_data" "decided" {
  input = { endpoint = %q, name = %q, stage = %q, protect = false }
}
`, s.Endpoint, name, stage) + strings.Replace(dynamoBlock(s), fmt.Sprintf("dynamodb_endpoint = %q", s.Endpoint), "dynamodb_endpoint = terraform_data.decided.output.endpoint", 1) + `
resource "groundwork_state_lock_table" "test" {
  dynamodb = {
    table               = terraform_data.decided.output.name
    deletion_protection = terraform_data.decided.output.protect
    tags                = { stage = terraform_data.decided.output.stage }
  }
}`
	}
	shows := func(stage string) resource.TestStep {
		return resource.TestStep{
			Config: config(stage),
			ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh, PreApply: []plancheck.PlanCheck{
				plancheck.ExpectUnknownValue(lockTable, at("dynamodb", "tags", "stage")), plancheck.ExpectUnknownValue(lockTable, at("dynamodb", "deletion_protection")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(lockTable, at("id"), knownvalue.StringExact("dynamodb/"+s.Region+"/"+name)),
				statecheck.ExpectKnownValue(lockTable, at("dynamodb", "deletion_protection"), knownvalue.Bool(false)),
				statecheck.ExpectKnownValue(lockTable, at("dynamodb", "point_in_time_recovery"), knownvalue.Bool(true)),
			},
			Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
				if o.DeletionProtection || !o.PointInTimeRecovery || o.Tags["stage"] != stage {
					return fmt.Errorf("the table shows %+v", o)
				}
				return nil
			}),
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps:                    []resource.TestStep{shows("dev"), shows("prod")},
	})
}
