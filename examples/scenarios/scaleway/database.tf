# CREATE DATABASE pulumi_state_lock. The connecting user owns it, and an owner needs no permission
# of the service's.
resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"

  # Nobody can connect before that.
  depends_on = [scaleway_rdb_acl.locks]
}

# CREATE TABLE pulumi_state_locks, its index, and the rights of the pipelines.
resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = groundwork_lock_database.locks.name
    grants   = [scaleway_rdb_user.ci.name]
  }
}
