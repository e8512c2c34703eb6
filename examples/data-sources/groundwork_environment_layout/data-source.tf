data "groundwork_environment_layout" "all" {
  root = "environments"
}

# Such as { "dev/coder" = "coder/terraform.tfstate", "dev/infra" = "infra/terraform.tfstate",
# "legacy" = "legacy/terraform.tfstate" }.
output "keys" {
  value = data.groundwork_environment_layout.all.keys
}

# Environments that are still to be converted to phases.
output "legacy" {
  value = [
    for name, environment in data.groundwork_environment_layout.all.environments :
    name if environment.structure != "phased"
  ]
}
