data "groundwork_state_locks" "all" {
  bucket   = "evalap-pulumi-state"
  postgres = { database = "pulumi_state_lock" }
}

output "who_holds_what" {
  value = { for lock in data.groundwork_state_locks.all.locks : lock.name => "${lock.holder} since ${coalesce(lock.since, "unknown")}" }
}
