# The same as variables, for shells and CI: set -a; . ./.env; set +a
# Credentials and the passphrase are not among them.
resource "groundwork_backend_config_file" "dotenv" {
  path   = ".env"
  format = "dotenv"

  pulumi = {
    bucket          = "acme-pulumi-states"
    passphrase_file = "/run/secrets/pulumi-passphrase"
  }

  # Where `groundwork exec` locks.
  lock_database = {
    host    = "db.example.org"
    port    = 5432
    name    = "pulumi_state_lock"
    timeout = 300
  }
}
