# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. The connection comes from the environment, as
# PG_CONN_STR, and never from conn_str in this file. It must not lead through a
# PgBouncer that pools transactions: the lock does not hold there.
# Never use Terraform, nor OpenTofu before 1.10, with the same database: they lock differently.

terraform {
  backend "pg" {
    schema_name = "team \"a\" $${not} été"
    table_name  = "infra-states"
    index_name  = "infra by name"
  }
}

data "terraform_remote_state" "dns" {
  backend   = "pg"
  workspace = "live"

  config = {
    schema_name = "dns"
    table_name  = "t"
  }
}
