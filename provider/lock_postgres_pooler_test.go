package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// TestAccLockTableThroughPgBouncer uses a pooler that gives each transaction another session. The
// database is made before: what a pooler keeps open to it would keep it from being dropped.
func TestAccLockTableThroughPgBouncer(t *testing.T) {
	s, pooler := testenv.Postgres(t), testenv.PgBouncer(t)
	admin, ci := testenv.PostgresRole(t, s, ""), testenv.PostgresRole(t, s, "")
	name := testenv.PostgresDatabase(t, s, admin.Name)
	config := fmt.Sprintf(`
provider "groundwork" {
  postgres_host     = %q
  postgres_port     = %d
  postgres_user     = %q
  postgres_password = %q
  postgres_sslmode  = "disable"
}
resource "groundwork_state_lock_table" "test" {
  postgres = { database = %q, grants = [%q] }
}`, pooler.Host, pooler.Port, admin.Name, admin.Password, name, ci.Name)
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		CheckDestroy:             expectQuery(t, s, name, "0", "SELECT count(*)::text FROM pg_tables WHERE tablename LIKE 'pulumi_state_locks%'"),
		Steps: []resource.TestStep{{
			Config: config, ConfigPlanChecks: emptyAfter,
			Check: expectQuery(t, s, name, "true", "SELECT has_table_privilege($1, 'pulumi_state_locks', 'INSERT')::text", ci.Name),
		}},
	})
}
