# The text without the file, for a pipeline that writes it itself.
data "groundwork_backend_config" "infra" {
  s3 = {
    bucket = "terraform-state-coder-dev"
    key    = "infra/terraform.tfstate"
  }
}

output "backend_tf" {
  value = data.groundwork_backend_config.infra.content
}

# terraform init $(terraform output -raw init_arguments)
output "init_arguments" {
  value = join(" ", [
    for name in ["bucket", "key", "region"] :
    "-backend-config=${name}=${data.groundwork_backend_config.infra.backend_config[name]}"
  ])
}
