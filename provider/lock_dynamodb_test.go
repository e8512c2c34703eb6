package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
)

// dynamoBlock configures the provider for one server as a whole AWS: buckets and tables.
func dynamoBlock(s *awslocal.Server) string {
	return fmt.Sprintf(`
provider "groundwork" {
  service           = "aws"
  region            = %q
  endpoint          = %q
  dynamodb_endpoint = %[2]q
  access_key        = %q
  secret_key        = %q
}
`, s.Region, s.Endpoint, s.AccessKey, s.SecretKey)
}

func dynamoTF(s *awslocal.Server, table, more, outside string) string {
	return dynamoBlock(s) + fmt.Sprintf(`
resource "groundwork_state_lock_table" "test" {
  dynamodb = {
    table = %q
    %s
  }
  %s
}
`, table, more, outside)
}

func tableStore(t *testing.T, s *awslocal.Server) *dynamolock.Client {
	t.Helper()
	c, err := dynamolock.New(t.Context(), dynamolock.Config{Region: s.Region, Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// expectTable checks what the server shows.
func expectTable(t *testing.T, s *awslocal.Server, table string, check func(*dynamolock.Observed) error) resource.TestCheckFunc {
	return func(*terraform.State) error {
		o, err := tableStore(t, s).Observe(t.Context(), table)
		if err != nil {
			return err
		}
		return check(o)
	}
}

func checkTableGone(t *testing.T, s *awslocal.Server, table string) resource.TestCheckFunc {
	c := tableStore(t, s)
	return func(*terraform.State) error {
		if _, err := c.Observe(context.Background(), table); !errors.Is(err, dynamolock.ErrNotFound) { //nolint:usetesting // the test's own context is over by now
			return fmt.Errorf("table %s after the destroy: %w", table, err)
		}
		return nil
	}
}

func apply(t *testing.T, s *awslocal.Server, table string, settings dynamolock.Settings) func() {
	return func() {
		t.Helper()
		if _, err := tableStore(t, s).Apply(t.Context(), table, settings, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// heldBy puts the lock of a run of Terraform into a table, and without a holder takes it away.
func heldBy(t *testing.T, s *awslocal.Server, table, who string) func() {
	return func() {
		t.Helper()
		item := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: "states/infra/terraform.tfstate"}}
		var err error
		if who == "" {
			_, err = s.DynamoDB().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: item})
		} else {
			item["Info"] = &types.AttributeValueMemberS{Value: fmt.Sprintf(`{"ID":"4711","Operation":"OperationTypeApply","Who":%q}`, who)}
			_, err = s.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// updated expects a change in place, and none after it.
var updated = resource.ConfigPlanChecks{
	PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionUpdate)},
	PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
}

// TestAccLockTableDynamoDB is the whole life of a table on moto, which has all that AWS has.
func TestAccLockTableDynamoDB(t *testing.T) {
	s, name := testenv.Moto(t), testenv.BucketName(t)
	tags := func(text string) string { return "tags = { " + text + " }" }
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{
				Config: dynamoTF(s, name, tags(`team = "core", stage = "dev"`), ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectKnownValue(lockTable, at("id"), knownvalue.StringExact("dynamodb/"+s.Region+"/"+name)),
						plancheck.ExpectKnownValue(lockTable, at("server"), knownvalue.StringExact(s.Endpoint)),
						plancheck.ExpectKnownValue(lockTable, at("dynamodb", "origin"), knownvalue.StringExact("created")),
						plancheck.ExpectUnknownValue(lockTable, at("dynamodb", "deletion_protection")), // an emulation is asked
					},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(lockTable, at("dynamodb"), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"table": knownvalue.StringExact(name), "region": knownvalue.StringExact(s.Region), "origin": knownvalue.StringExact("created"),
					"arn":                    knownvalue.StringExact("arn:aws:dynamodb:" + s.Region + ":" + s.AccountID + ":table/" + name),
					"point_in_time_recovery": knownvalue.Bool(true), "deletion_protection": knownvalue.Bool(true),
					"encryption": knownvalue.StringExact("kms"), "kms_key_id": knownvalue.Null(), "unsupported": knownvalue.SetSizeExact(0),
					"tags": knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("core"), "stage": knownvalue.StringExact("dev")}),
				}))},
				Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
					if !o.PointInTimeRecovery || !o.DeletionProtection || !o.Encryption.KMS || o.Tags["team"] != "core" {
						return fmt.Errorf("the table shows %+v", o)
					}
					return nil
				}),
			},
			{
				Config:       dynamoTF(s, name, tags(`team = "core", stage = "dev"`), ""),
				ResourceName: lockTable, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"dynamodb.origin"},
			},
			{ // What somebody turned off comes back, and their own tag stays.
				PreConfig: apply(t, s, name, dynamolock.Settings{
					PointInTimeRecovery: aws.Bool(false), DeletionProtection: aws.Bool(false), Tags: map[string]string{"theirs": "x", "team": "ops"},
				}),
				Config: dynamoTF(s, name, tags(`team = "core", stage = "dev"`), ""), ConfigPlanChecks: updated,
				Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
					if !o.PointInTimeRecovery || !o.DeletionProtection || o.Tags["team"] != "core" || o.Tags["theirs"] != "x" {
						return fmt.Errorf("the table shows %+v", o)
					}
					return nil
				}),
			},
			{
				Config: dynamoTF(s, name, tags(`team = "core"`)+"\n point_in_time_recovery = false\n deletion_protection = false", ""), ConfigPlanChecks: updated,
				Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
					if _, stays := o.Tags["stage"]; o.PointInTimeRecovery || o.DeletionProtection || stays || o.Tags["theirs"] != "x" {
						return fmt.Errorf("the table shows %+v", o)
					}
					return nil
				}),
			},
			{ // Left out again, the hardening is back.
				Config: dynamoTF(s, name, "", ""), ConfigPlanChecks: updated,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "deletion_protection"), knownvalue.Bool(true)),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "tags"), knownvalue.Null()),
				},
			},
			{PreConfig: heldBy(t, s, name, "ci@build-7"), Config: dynamoTF(s, name, "", ""), Destroy: true, ExpectError: words("ci@build-7 for OperationTypeApply")},
			{Config: dynamoTF(s, name+"-2", "", ""), ExpectError: words("Lock Table Must Not Be Replaced")},
			{PreConfig: heldBy(t, s, name, ""), Config: dynamoTF(s, name, "", ""), ConfigPlanChecks: emptyAfter},
		},
	})
}

// TestAccLockTableDynamoDBEmulation: what dynalite lacks is told, and refused where it is demanded.
func TestAccLockTableDynamoDBEmulation(t *testing.T) {
	s, name := testenv.Dynalite(t), testenv.BucketName(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{
				Config: dynamoTF(s, name, `tags = { team = "core" }`, ""), ConfigPlanChecks: emptyAfter,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "unsupported"), knownvalue.SetExact([]knownvalue.Check{
						knownvalue.StringExact("deletion_protection"), knownvalue.StringExact("encryption"), knownvalue.StringExact("point_in_time_recovery"),
					})),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "encryption"), knownvalue.Null()),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "point_in_time_recovery"), knownvalue.Null()),
				},
			},
			{Config: dynamoTF(s, name, "point_in_time_recovery = true", ""), ExpectError: words("does not have point_in_time_recovery")},
			{Config: dynamoTF(s, name, `encryption = "kms"`, ""), ExpectError: words("does not have encryption for the table")},
			{Config: dynamoTF(s, name, "point_in_time_recovery = false", ""), ConfigPlanChecks: emptyAfter},
		},
	})
}

// TestAccLockTableDynamoDBAdopts takes over a table with what it holds, and changes only what is
// written down. One with another key is refused.
func TestAccLockTableDynamoDBAdopts(t *testing.T) {
	s, name, other := testenv.Moto(t), testenv.BucketName(t), testenv.BucketName(t)
	if _, err := tableStore(t, s).CreateTable(t.Context(), dynamolock.Spec{Table: name, Settings: dynamolock.Settings{Tags: map[string]string{"theirs": "x"}}}); err != nil {
		t.Fatal(err)
	}
	heldBy(t, s, name, "somebody")()
	key := func(name string) ([]types.AttributeDefinition, []types.KeySchemaElement) {
		return []types.AttributeDefinition{{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}},
			[]types.KeySchemaElement{{AttributeName: &name, KeyType: types.KeyTypeHash}}
	}
	attributes, keys := key("UserId")
	if _, err := s.DynamoDB().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &other, BillingMode: types.BillingModePayPerRequest, AttributeDefinitions: attributes, KeySchema: keys,
	}); err != nil {
		t.Fatal(err)
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{Config: dynamoTF(s, other, "", "adopt_existing = true"), ExpectError: words("UserId (S, HASH)")},
			{Config: dynamoTF(s, name, "", ""), ExpectError: words("set adopt_existing = true")},
			{
				Config: dynamoTF(s, name, "point_in_time_recovery = true", "adopt_existing = true"), ConfigPlanChecks: emptyAfter,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "origin"), knownvalue.StringExact("adopted")),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "point_in_time_recovery"), knownvalue.Bool(true)),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "deletion_protection"), knownvalue.Bool(false)),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "encryption"), knownvalue.StringExact("aws_owned")),
				},
				Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
					if live, err := tableStore(t, s).LiveLocks(t.Context(), name); err != nil || len(live) != 1 || o.Tags["theirs"] != "x" {
						return fmt.Errorf("locks %v, tags %v, %w", live, o.Tags, err)
					}
					return nil
				}),
			},
			{PreConfig: heldBy(t, s, name, ""), Config: dynamoTF(s, name, "point_in_time_recovery = true", "adopt_existing = true"), ConfigPlanChecks: emptyAfter},
		},
	})
}

// TestAccLockTableDynamoDBImport imports what groundwork did not make, and plans nothing for it.
func TestAccLockTableDynamoDBImport(t *testing.T) {
	s, name := testenv.Moto(t), testenv.BucketName(t)
	if _, err := tableStore(t, s).CreateTable(t.Context(), dynamolock.Spec{Table: name, Settings: dynamolock.Settings{Tags: map[string]string{"theirs": "x", "team": "core"}}}); err != nil {
		t.Fatal(err)
	}
	id := "dynamodb/" + s.Region + "/" + name
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{Config: dynamoTF(s, name, "", ""), ResourceName: lockTable, ImportState: true, ImportStateId: "dynamodb/" + name, ExpectError: words("dynamodb/region/table")},
			{Config: dynamoTF(s, name, "", ""), ResourceName: lockTable, ImportState: true, ImportStateId: "dynamodb/" + s.Region + "/a", ExpectError: words("3 to 255 characters")},
			{
				Config: dynamoTF(s, name, `tags = { team = "core" }`, ""), ResourceName: lockTable, ImportState: true, ImportStateId: id, ImportStatePersist: true,
			},
			{
				Config:           dynamoTF(s, name, `tags = { team = "core" }`, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "origin"), knownvalue.StringExact("imported")),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "deletion_protection"), knownvalue.Bool(false)),
				},
			},
			{ // The first change makes it an adopted one; their tag is no more of groundwork's.
				Config: dynamoTF(s, name, "deletion_protection = true\n"+`tags = { team = "ops" }`, ""), ConfigPlanChecks: updated,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "origin"), knownvalue.StringExact("adopted")),
					statecheck.ExpectKnownValue(lockTable, at("dynamodb", "tags"), knownvalue.MapExact(map[string]knownvalue.Check{"team": knownvalue.StringExact("ops")})),
				},
				Check: expectTable(t, s, name, func(o *dynamolock.Observed) error {
					if o.Tags["theirs"] != "x" || !o.DeletionProtection || o.PointInTimeRecovery {
						return fmt.Errorf("the table shows %+v", o)
					}
					return nil
				}),
			},
		},
	})
}

// TestAccLockTableDynamoDBPlaces: a table that is gone is made again; one that is not found at another
// endpoint or in another account is not taken for gone; and one engine replaces the other.
func TestAccLockTableDynamoDBPlaces(t *testing.T) {
	s, elsewhere, name := testenv.Moto(t), testenv.Dynalite(t), testenv.BucketName(t)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{Config: dynamoTF(s, name, "", "")},
			{
				PreConfig: func() {
					if err := tableStore(t, s).DropTable(t.Context(), name); err != nil {
						t.Fatal(err)
					}
				},
				Config: dynamoTF(s, name, "", ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionCreate)},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
			},
			{Config: dynamoTF(elsewhere, name, "", ""), ExpectError: words("It was made at " + s.Endpoint)},
			{
				Config: strings.Replace(dynamoTF(s, name, "", ""), "dynamodb = {", `region = "`+s.Region+`"`+"\n  dynamodb = {", 1), ExpectError: words(`An argument named "region" is not expected here`),
			},
			{
				Config: dynamoTF(s, name, `region = "eu-central-1"`, ""),
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionDestroyBeforeCreate),
						plancheck.ExpectKnownValue(lockTable, at("id"), knownvalue.StringExact("dynamodb/eu-central-1/"+name)),
					},
					PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
				},
				Check: checkTableGone(t, s, name),
			},
		},
	})
}

func TestAccLockTableEngines(t *testing.T) {
	s, pg := testenv.Moto(t), testenv.Postgres(t)
	admin := testenv.PostgresRole(t, pg, "")
	database, name := testenv.PostgresDatabase(t, pg, admin.Name), testenv.BucketName(t)
	provider := strings.Replace(pgBlock(pg, admin, ""), "{", fmt.Sprintf("{\n dynamodb_endpoint = %q\n dynamodb_region = %q\n endpoint = %[1]q\n service = \"aws\"\n region = %[2]q\n access_key = %q\n secret_key = %q\n",
		s.Endpoint, s.Region, s.AccessKey, s.SecretKey), 1)
	config := func(body string) string {
		return provider + "resource \"groundwork_state_lock_table\" \"test\" {\n" + body + "\n}\n"
	}
	onPostgres, onDynamo := fmt.Sprintf("postgres = { database = %q }", database), fmt.Sprintf("dynamodb = { table = %q }", name)
	replaced := resource.ConfigPlanChecks{
		PreApply:             []plancheck.PlanCheck{plancheck.ExpectResourceAction(lockTable, plancheck.ResourceActionDestroyBeforeCreate)},
		PostApplyPostRefresh: emptyAfter.PostApplyPostRefresh,
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             checkTableGone(t, s, name),
		Steps: []resource.TestStep{
			{Config: config(""), ExpectError: words("Invalid Attribute Combination")},
			{Config: config(onPostgres + "\n" + onDynamo), ExpectError: words("Invalid Attribute Combination")},
			{Config: config(`dynamodb = { table = "a b" }`), ExpectError: words("letters, digits, underscores, hyphens and dots only")},
			{Config: config(`dynamodb = { table = "locks", encryption = "aws_owned", kms_key_id = "alias/x" }`), ExpectError: words("uses one of AWS's")},
			{Config: config(`dynamodb = { table = "locks", encryption = "AES256" }`), ExpectError: words("encryption value must be one of")},
			{Config: config(onPostgres)},
			{
				Config: config(onDynamo), ConfigPlanChecks: replaced,
				Check: expectQuery(t, pg, database, "0", "SELECT count(*)::text FROM pg_tables WHERE tablename = 'pulumi_state_locks'"),
			},
			{PreConfig: heldBy(t, s, name, "me"), Config: config(onPostgres), ExpectError: words("Lock Table Must Not Be Replaced")},
			{PreConfig: heldBy(t, s, name, ""), Config: config(onPostgres), ConfigPlanChecks: replaced, Check: checkTableGone(t, s, name)},
		},
	})
}
