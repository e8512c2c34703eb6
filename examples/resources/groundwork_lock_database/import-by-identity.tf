import {
  to = groundwork_lock_database.locks
  identity = {
    name = "pulumi_state_lock"
  }
}
