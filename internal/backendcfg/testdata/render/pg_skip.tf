# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. The connection comes from the environment, as
# PG_CONN_STR, and never from conn_str in this file. It must not lead through a
# PgBouncer that pools transactions: the lock does not hold there.
# Never use OpenTofu 1.10 or newer with the same database: they lock differently.

terraform {
  backend "pg" {
    schema_name = "terraform_remote_state"

    skip_schema_creation = true
    skip_table_creation  = true
    skip_index_creation  = false
  }
}

data "terraform_remote_state" "blue" {
  backend   = "pg"
  workspace = "blue"

  config = {
    schema_name = "terraform_remote_state"

    skip_schema_creation = true
    skip_table_creation  = true
    skip_index_creation  = false
  }

  defaults = {
    id = null
  }
}
