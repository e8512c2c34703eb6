resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"
}

# The table pulumi_state_locks, with the columns and the index that hand-made lock tables have.
resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = groundwork_lock_database.locks.name
  }
}
