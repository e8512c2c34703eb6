# One bucket for each environment. Production keeps its history for longer.
resource "groundwork_state_bucket" "environment" {
  for_each = toset(["dev", "staging", "prod"])

  name = "terraform-state-coder-${each.key}"
  tags = { environment = each.key }

  lifecycle_rules = {
    noncurrent_expiration_days  = each.key == "prod" ? 365 : 90
    noncurrent_versions_to_keep = 10
  }
}
