import {
  to = groundwork_state_lock_table.locks
  identity = {
    engine   = "postgres"
    database = "pulumi_state_lock"
    schema   = "public"
    table    = "pulumi_state_locks"
  }
}
