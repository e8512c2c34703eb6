# A bucket that exists already and holds something. What is left out here stays as it is there;
# in particular, nothing schedules the deletion of old versions.
resource "groundwork_state_bucket" "existing" {
  name           = "terraform-state-coder-prod"
  adopt_existing = true
  versioning     = true
  tags           = { managed_by = "groundwork" }
}
