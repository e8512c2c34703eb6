# The block goes into a providers.tf that is otherwise yours: every other byte of it stays.
# An empty `backend "s3" {}` in it marks the place.
resource "groundwork_backend_config_file" "infra" {
  path      = "environments/dev/infra/providers.tf"
  placement = "block"

  s3 = {
    bucket = "terraform-state-coder-dev"
    key    = "infra/terraform.tfstate"
  }
}
