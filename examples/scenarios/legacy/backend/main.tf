# Makes the place where all states live: a bucket for each environment, one for this workspace
# itself, and the backend files of all of them.

terraform {
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}

# The service, its endpoint and the credentials come from the environment.
provider "groundwork" {}

variable "bucket_prefix" {
  description = "What the names of the buckets start with."
  type        = string
  default     = "terraform-state-coder"
}

variable "tool" {
  description = "Who reads the backend files: terraform or opentofu."
  type        = string
  default     = "terraform"
}

variable "teardown" {
  description = "Allows the buckets to be destroyed with their history, once no state in them is live."
  type        = bool
  default     = false
}

module "backend" {
  source = "../../../modules/terraform-backend"

  environments     = ["dev", "prod"]
  bucket_prefix    = var.bucket_prefix
  environments_dir = "../environments"
  phases           = ["infra", "coder"]
  tool             = var.tool

  deletion_protection = !var.teardown
  # As long as final_backup_to is left out, this does not give up a live state.
  force_destroy = var.teardown
}

# This workspace's own state. It is about all environments, so it is in none of their buckets.
resource "groundwork_state_bucket" "own" {
  name = "${var.bucket_prefix}-backend"

  deletion_protection = !var.teardown
  force_destroy       = var.teardown
}

resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  tool = var.tool
  lock = groundwork_state_bucket.own.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.own.name
    key    = "backend/terraform.tfstate"
  }
}

output "buckets" {
  value = module.backend.buckets
}

output "keys" {
  value = module.backend.keys
}
