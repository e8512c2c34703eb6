import {
  to = groundwork_lock_database.locks
  id = "pulumi_state_lock"
}
