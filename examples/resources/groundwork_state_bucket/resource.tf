# All that the service can do for a state is on by default: versioning, encryption, no public
# access, TLS only, 90 days of old versions. What it cannot do stands in `unsupported`.
resource "groundwork_state_bucket" "states" {
  name = "terraform-state-coder-dev"
}

# How states in it can be locked, proved on the bucket itself.
output "lock_strategy" {
  value = groundwork_state_bucket.states.lock_strategy
}
