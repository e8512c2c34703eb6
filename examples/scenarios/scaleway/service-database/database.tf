# Replaces ../database.tf where databases have to be made by the service, so that its console and
# its backups know them. The service owns this database, so groundwork_lock_database has no part
# in it: it could not drop it.
resource "scaleway_rdb_database" "locks" {
  instance_id = scaleway_rdb_instance.locks.id
  name        = "pulumi_state_lock"
}

# Permissions are per database, also for an administrator. "all" allows to create tables.
resource "scaleway_rdb_privilege" "admin" {
  instance_id   = scaleway_rdb_instance.locks.id
  database_name = scaleway_rdb_database.locks.name
  user_name     = scaleway_rdb_instance.locks.user_name
  permission    = "all"

  lifecycle {
    ignore_changes = [permission]
  }
}

# Lets the pipelines into the database while there is no table in it yet. What they may do with the
# table is granted on the table; the service then calls their permission "custom", and setting it
# back would take rights away or add others.
resource "scaleway_rdb_privilege" "ci" {
  instance_id   = scaleway_rdb_instance.locks.id
  database_name = scaleway_rdb_database.locks.name
  user_name     = scaleway_rdb_user.ci.name
  permission    = "readonly"

  lifecycle {
    ignore_changes = [permission]
  }
}

resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = scaleway_rdb_database.locks.name
    grants   = [scaleway_rdb_user.ci.name]
  }

  depends_on = [scaleway_rdb_acl.locks, scaleway_rdb_privilege.admin, scaleway_rdb_privilege.ci]
}
