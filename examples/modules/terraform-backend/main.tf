# A bucket for each environment, and the backend configuration of each of its phases.

resource "groundwork_state_bucket" "this" {
  for_each = var.environments

  name             = lookup(var.bucket_names, each.key, "${var.bucket_prefix}-${each.key}")
  lifecycle_rules  = var.lifecycle_rules
  access           = lookup(var.access, each.key, null)
  caller_principal = var.caller_principal
  tags             = var.tags == null ? null : merge(var.tags, { environment = each.key })

  adopt_existing      = var.adopt_existing
  deletion_protection = var.deletion_protection
  force_destroy       = var.force_destroy
  final_backup_to     = var.final_backup_to
}

# Which configurations there are: dev/infra and dev/coder, or dev alone.
data "groundwork_environment_layout" "this" {
  count = var.environments_dir == null ? 0 : 1

  root   = var.environments_dir
  phases = var.phases
  tool   = var.tool
}

locals {
  keys = {
    for configuration, key in merge(data.groundwork_environment_layout.this[*].keys...) : configuration => key
    if contains(var.environments, split("/", configuration)[0])
  }

  configurations = {
    for configuration, key in local.keys : configuration => {
      key         = key
      environment = split("/", configuration)[0]
      # What was applied before this one, in the same environment.
      earlier = [
        for phase in slice(var.phases, 0, try(index(var.phases, split("/", configuration)[1]), 0)) : phase
        if contains(keys(local.keys), "${split("/", configuration)[0]}/${phase}")
      ]
    }
  }
}

resource "groundwork_backend_config_file" "this" {
  for_each = local.configurations

  root      = var.environments_dir
  path      = "${var.environments_dir}/${each.key}/${var.backend_file}"
  placement = var.placement
  if_exists = var.if_exists
  tool      = var.tool
  lock      = var.lock == "auto" ? groundwork_state_bucket.this[each.value.environment].lock_strategy : var.lock

  s3 = {
    bucket = groundwork_state_bucket.this[each.value.environment].name
    key    = each.value.key
  }

  remote_states = length(each.value.earlier) == 0 ? null : {
    for phase in each.value.earlier : phase => { key = provider::groundwork::state_key(each.value.environment, phase) }
  }
}
