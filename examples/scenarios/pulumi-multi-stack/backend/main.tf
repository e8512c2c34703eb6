# One bucket for the stacks dev, staging and production, a table to lock deployments in, and the files
# by which Pulumi finds both.

terraform {
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}

# The bucket's service and keys, and the database's address and password, come from the environment.
provider "groundwork" {}

variable "bucket" {
  description = "The name of the bucket."
  type        = string
  default     = "evalap-pulumi-state"
}

variable "lock_database" {
  description = "Where the pipelines reach the lock database. The password is not among it."
  type = object({
    host = string
    port = number
    user = string
  })
}

variable "tool" {
  description = "Who reads backend.tf: terraform or opentofu."
  type        = string
  default     = "terraform"
}

variable "teardown" {
  description = "Allows the bucket to be destroyed, once no stack in it has resources."
  type        = bool
  default     = false
}

resource "groundwork_state_bucket" "states" {
  name = var.bucket

  # Pulumi leaves a backup of the whole stack after each operation.
  lifecycle_rules = {
    expirations = { ".pulumi/backups/" = 30 }
  }

  deletion_protection = !var.teardown
  force_destroy       = var.teardown
}

resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"
}

resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = groundwork_lock_database.locks.name
  }
}

# Nothing but backend.url is changed in this file.
resource "groundwork_backend_config_file" "project" {
  root   = ".."
  path   = "../infra/Pulumi.yaml"
  format = "pulumi_project"

  pulumi = {
    bucket = groundwork_state_bucket.states.name
  }
}

resource "groundwork_backend_config_file" "dotenv" {
  root   = ".."
  path   = "../infra/.env"
  format = "dotenv"

  pulumi = {
    bucket = groundwork_state_bucket.states.name
  }

  lock_database = {
    host    = var.lock_database.host
    port    = var.lock_database.port
    name    = groundwork_state_lock_table.locks.postgres.database
    user    = var.lock_database.user
    timeout = 300
  }
}

# This workspace's own state lies beside the stacks.
resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  tool = var.tool
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "bootstrap/terraform.tfstate"
  }
}

output "pulumi_backend_url" {
  value = groundwork_state_bucket.states.pulumi_backend_url
}
