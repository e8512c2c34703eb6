import {
  to = groundwork_state_lock_table.locks
  id = "postgres/pulumi_state_lock/public/pulumi_state_locks"
}
