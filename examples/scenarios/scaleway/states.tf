# One bucket for all states. Versioning, encryption and the expiry of superseded versions are on by
# themselves.
resource "groundwork_state_bucket" "states" {
  name = var.bucket

  lifecycle_rules = {
    expirations = { ".pulumi/backups/" = 30 }
  }
}

# Where this configuration keeps its own state from the second run on:
# terraform init -migrate-state
resource "groundwork_backend_config_file" "own" {
  path = "backend.tf"
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "bootstrap/terraform.tfstate"
  }
}

# pulumi login "$(terraform output -raw pulumi_backend_url)"
output "pulumi_backend_url" {
  value = groundwork_state_bucket.states.pulumi_backend_url
}

# What a pipeline needs to connect, but for its password.
output "lock_database" {
  value = {
    PULUMI_LOCK_DB_HOST = coalesce(scaleway_rdb_instance.locks.load_balancer[0].hostname, scaleway_rdb_instance.locks.load_balancer[0].ip)
    PULUMI_LOCK_DB_PORT = scaleway_rdb_instance.locks.load_balancer[0].port
    PULUMI_LOCK_DB_NAME = groundwork_state_lock_table.locks.postgres.database
    PULUMI_LOCK_DB_USER = scaleway_rdb_user.ci.name
  }
}

# For sslmode=verify-ca. It is public.
output "certificate" {
  value = scaleway_rdb_instance.locks.certificate
}
