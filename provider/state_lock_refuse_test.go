package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// refusals plans each configuration and wants its message.
func refusals(t *testing.T, cases map[string][2]string) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			resource.ParallelTest(t, resource.TestCase{
				ProtoV6ProviderFactories: protoV6Factories(),
				Steps:                    []resource.TestStep{{Config: c[0], PlanOnly: true, ExpectError: words(c[1])}},
			})
		})
	}
}

// unknownHost is a provider whose server is decided in the same run.
const unknownHost = `
resource "terraform_data" "host" {
  input = "127.0.0.1"
}
provider "groundwork" {
  service       = "minio"
  endpoint      = "http://${terraform_data.host.output}:9000"
  postgres_host = terraform_data.host.output
}
`

func TestAccStateLocksRefused(t *testing.T) {
	data := func(body string) string { return "data \"groundwork_state_locks\" \"all\" {\n" + body + "\n}\n" }
	const least = "At least one of these attributes must be configured: [bucket,postgres,dynamodb]"
	const empty = "string length must be at least 1"
	refusals(t, map[string][2]string{
		"nothing":            {data(""), least},
		"prefix alone":       {data("prefix = \"infra/\"\npostgres = { database = \"x\" }"), `Attribute "bucket" must be specified when "prefix" is specified`},
		"region alone":       {data("region = \"eu-west-3\"\npostgres = { database = \"x\" }"), `Attribute "bucket" must be specified when "region" is specified`},
		"empty bucket":       {data(`bucket = ""`), "Attribute bucket " + empty},
		"empty prefix":       {data("bucket = \"b\"\nprefix = \"\""), "Attribute prefix " + empty},
		"empty region":       {data("bucket = \"b\"\nregion = \"\""), "Attribute region " + empty},
		"empty database":     {data(`postgres = { database = "" }`), "Attribute postgres.database " + empty},
		"empty schema":       {data(`postgres = { database = "d", schema = "" }`), "Attribute postgres.schema " + empty},
		"empty table":        {data(`postgres = { database = "d", table = "" }`), "Attribute postgres.table " + empty},
		"no table":           {data(`dynamodb = {}`), `attribute "table" is required`},
		"empty dynamo table": {data(`dynamodb = { table = "" }`), "Attribute dynamodb.table " + empty},
		"empty table region": {data(`dynamodb = { table = "locks", region = "" }`), "Attribute dynamodb.region " + empty},
		"unknown server":     {unknownHost + data(`postgres = { database = "x" }`), "Let this data source depend on what decides it (depends_on)"},
		"unknown endpoint":   {unknownHost + data(`bucket = "x"`), "Let this data source depend on what decides it (depends_on)"},
	})
}

func TestAccEphemeralStateLockRefused(t *testing.T) {
	lock := func(body string) string { return "ephemeral \"groundwork_state_lock\" \"a\" {\n" + body + "\n}\n" }
	const in, empty = "name = \"x\"\npostgres = { database = \"d\" }\n", "string length must be at least 1"
	refusals(t, map[string][2]string{
		"no table at all":    {lock(`name = "x"`), "Exactly one of these attributes must be configured: [postgres,dynamodb]"},
		"both tables":        {lock(in + `dynamodb = { table = "locks" }`), "Exactly one of these attributes must be configured: [postgres,dynamodb]"},
		"empty name":         {lock("name = \"\"\npostgres = { database = \"d\" }"), "Attribute name " + empty},
		"no name":            {lock(`postgres = { database = "d" }`), `The argument "name" is required`},
		"empty database":     {lock("name = \"x\"\npostgres = { database = \"\" }"), "Attribute postgres.database " + empty},
		"empty schema":       {lock("name = \"x\"\npostgres = { database = \"d\", schema = \"\" }"), "Attribute postgres.schema " + empty},
		"empty table":        {lock("name = \"x\"\npostgres = { database = \"d\", table = \"\" }"), "Attribute postgres.table " + empty},
		"empty dynamo table": {lock("name = \"x\"\ndynamodb = { table = \"\" }"), "Attribute dynamodb.table " + empty},
		"empty region":       {lock("name = \"x\"\ndynamodb = { table = \"locks\", region = \"\" }"), "Attribute dynamodb.region " + empty},
		"empty operation":    {lock(in + `operation = ""`), "Attribute operation " + empty},
		"short lease":        {lock(in + `lease_seconds = 2`), "lease_seconds value must be between 3 and 86400"},
		"long lease":         {lock(in + `lease_seconds = 86401`), "lease_seconds value must be between 3 and 86400"},
		"negative timeout":   {lock(in + `timeout_seconds = -1`), "timeout_seconds value must be between 0 and 86400"},
		"unknown server":     {unknownHost + lock(in), "The lock is taken while planning, too"},
	})
}
