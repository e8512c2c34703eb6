# The one workspace that nobody has made a backend for: it makes its own.

terraform {
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}

# GROUNDWORK_SERVICE says minio or versity, GROUNDWORK_ENDPOINT where it is, and GROUNDWORK_CA_BUNDLE
# whose certificates to trust.
provider "groundwork" {}

variable "bucket" {
  description = "The name of the bucket."
  type        = string
  default     = "infrastructure-state"
}

variable "tool" {
  description = "Who reads the backend file: terraform or opentofu."
  type        = string
  default     = "terraform"
}

variable "teardown" {
  description = "Allows the bucket to be destroyed, once this state is local and no other state in it is live."
  type        = bool
  default     = false
}

resource "groundwork_state_bucket" "states" {
  name = var.bucket

  deletion_protection = !var.teardown
  force_destroy       = var.teardown
}

resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  tool = var.tool
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "bootstrap/terraform.tfstate"
  }
}

# lockfile, or none where the server cannot keep two writers apart.
output "lock_strategy" {
  value = groundwork_state_bucket.states.lock_strategy
}

# What this server does not do.
output "unsupported" {
  value = groundwork_state_bucket.states.unsupported
}
