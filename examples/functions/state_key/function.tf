# "infra/terraform.tfstate"
output "infra" {
  value = provider::groundwork::state_key("dev", "infra")
}

# A legacy environment, which has no phases: "dev/terraform.tfstate"
output "legacy" {
  value = provider::groundwork::state_key("dev", "")
}
