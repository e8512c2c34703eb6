# A partial configuration for each environment of one configuration:
# terraform init -backend-config=environments/prod.s3.tfbackend
resource "groundwork_backend_config_file" "partial" {
  for_each = toset(["dev", "prod"])

  path   = "environments/${each.key}.s3.tfbackend"
  format = "tfbackend"

  s3 = {
    bucket = "terraform-state-coder-${each.key}"
    key    = "app/terraform.tfstate"
  }
}
