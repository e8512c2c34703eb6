# One bucket for all Pulumi stacks. Pulumi keeps a backup of each stack after each operation; they
# go after 30 days.
resource "groundwork_state_bucket" "states" {
  name = "evalap-pulumi-state"

  lifecycle_rules = {
    expirations = { ".pulumi/backups/" = 30 }
  }
}

# pulumi login "$(terraform output -raw pulumi_backend_url)"
output "pulumi_backend_url" {
  value = groundwork_state_bucket.states.pulumi_backend_url
}
