# The environments are in ../environments, each in phases (dev/infra, dev/coder) or as one
# configuration (legacy/). Every configuration gets a backend.tf with the key that it has by
# convention, and coder reads what infra has made.
data "groundwork_environment_layout" "all" {
  root = "../environments"
}

resource "groundwork_state_bucket" "environment" {
  for_each = data.groundwork_environment_layout.all.environments

  name = "terraform-state-coder-${each.key}"
}

resource "groundwork_backend_config_file" "configuration" {
  for_each = data.groundwork_environment_layout.all.keys

  root = "../environments"
  path = "../environments/${each.key}/backend.tf"
  lock = groundwork_state_bucket.environment[split("/", each.key)[0]].lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.environment[split("/", each.key)[0]].name
    key    = each.value
  }

  remote_states = endswith(each.key, "/coder") ? {
    infra = { key = provider::groundwork::state_key(split("/", each.key)[0], "infra") }
  } : null
}
