# scw rdb instance create name=evalap-pulumi-state-lock engine=PostgreSQL-15 node-type=DB-DEV-S
resource "scaleway_rdb_instance" "locks" {
  name      = "evalap-pulumi-state-lock"
  engine    = "PostgreSQL-15"
  node_type = "DB-DEV-S"
  region    = "fr-par"

  # The first user may create databases and has every permission.
  user_name           = "groundwork"
  password_wo         = var.admin_password
  password_wo_version = var.password_version

  encryption_at_rest = true
  tags               = ["state", "locks"]
}

# Nobody else reaches the public endpoint.
resource "scaleway_rdb_acl" "locks" {
  instance_id = scaleway_rdb_instance.locks.id

  dynamic "acl_rules" {
    for_each = var.allowed_addresses
    content {
      ip          = acl_rules.key
      description = acl_rules.value
    }
  }
}

# The pipelines. This user starts without any permission; groundwork grants it what locking needs.
resource "scaleway_rdb_user" "ci" {
  instance_id         = scaleway_rdb_instance.locks.id
  name                = "ci"
  password_wo         = var.ci_password
  password_wo_version = var.password_version
  is_admin            = false
}
