# With the service named here, the provider needs no configuration and no credentials: this only
# writes a file. OpenTofu 1.9 has no lock files yet, so the arguments are those that it knows.
resource "groundwork_backend_config_file" "standalone" {
  path         = "environments/dev/infra/backend.tf"
  service      = "scaleway"
  tool         = "opentofu"
  tool_version = "1.9.0"

  s3 = {
    bucket = "terraform-state-coder-dev"
    key    = "infra/terraform.tfstate"
    region = "fr-par"
  }
}
