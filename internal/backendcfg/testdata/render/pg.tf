# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. The connection comes from the environment, as
# PG_CONN_STR, and never from conn_str in this file. It must not lead through a
# PgBouncer that pools transactions: the lock does not hold there.
# Never use OpenTofu 1.10 or newer with the same database: they lock differently.

terraform {
  backend "pg" {
    schema_name = "coder"
  }
}

data "terraform_remote_state" "infra" {
  backend = "pg"

  config = {
    schema_name = "infra"
  }
}
