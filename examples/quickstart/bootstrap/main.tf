# The workspace that makes the place where the states of all others live, its own included.

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

variable "bucket" {
  description = "The name of the bucket that holds the states."
  type        = string
  default     = "terraform-state-coder-dev"
}

locals {
  environment = "dev"
  phases      = ["infra", "coder"]
}

resource "groundwork_state_bucket" "states" {
  name = var.bucket
}

# Where this workspace keeps its own state, once the bucket is there.
resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "bootstrap/terraform.tfstate"
  }
}

# Where the phases keep theirs. The second phase also reads the outputs of the first.
resource "groundwork_backend_config_file" "phase" {
  for_each = toset(local.phases)

  root = "../environments"
  path = "../environments/${local.environment}/${each.key}/backend.tf"
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = provider::groundwork::state_key(local.environment, each.key)
  }

  remote_states = each.key == "infra" ? null : {
    infra = { key = provider::groundwork::state_key(local.environment, "infra") }
  }
}
