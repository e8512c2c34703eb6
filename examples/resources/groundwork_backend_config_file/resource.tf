resource "groundwork_state_bucket" "states" {
  name = "terraform-state-coder-dev"
}

# Writes backend.tf into this very directory: after the first apply,
# `terraform init -migrate-state` moves the state of this workspace into the bucket.
resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "bootstrap/terraform.tfstate"
  }
}
