# A table of locks on a PostgreSQL server that exists already: for Pulumi, and for anything else that
# has no lock of its own.

terraform {
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}

# The server, its port, the user and the password come from PULUMI_LOCK_DB_* in the environment.
provider "groundwork" {}

resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"
}

resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = groundwork_lock_database.locks.name
  }
}

output "table" {
  value = groundwork_state_lock_table.locks.id
}
