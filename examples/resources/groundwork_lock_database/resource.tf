# CREATE DATABASE pulumi_state_lock, on a server that exists already. How to reach the server is
# the provider's to know: postgres_host and so on, or PULUMI_LOCK_DB_HOST and so on.
resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"
}
