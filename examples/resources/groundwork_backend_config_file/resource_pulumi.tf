# One bucket for the stacks of all projects. Each project says where its states are:
# `pulumi login` in its directory needs no address.
resource "groundwork_state_bucket" "states" {
  name = "acme-pulumi-states"
}

resource "groundwork_backend_config_file" "project" {
  path   = "web/Pulumi.yaml"
  format = "pulumi_project"

  pulumi = {
    bucket = groundwork_state_bucket.states.name

    # Only where there is no Pulumi.yaml yet; otherwise nothing but backend.url is changed.
    project = {
      name    = "web"
      runtime = "yaml"
    }
  }
}
