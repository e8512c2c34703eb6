# On Scaleway a bucket policy denies everyone that it does not name, so groundwork asks who it
# runs as. Each phase's pipeline gets its own part of the bucket.
resource "groundwork_state_bucket" "states" {
  name             = "terraform-state-coder-dev"
  caller_principal = "application_id:11111111-2222-4333-8444-555555555555"

  access = [
    {
      level      = "read-write"
      principals = ["application_id:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"]
      prefix     = "infra/"
    },
    {
      level      = "read-only"
      principals = ["user_id:99999999-8888-4777-8666-555555555555"]
    },
  ]
}
