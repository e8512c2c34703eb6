# The variables of a Pulumi backend, for a pipeline that sets them itself.
data "groundwork_backend_config" "states" {
  format = "dotenv"

  pulumi = {
    bucket = "acme-pulumi-states"
    prefix = "web"
  }
}

output "variables" {
  value = data.groundwork_backend_config.states.backend_config
}
