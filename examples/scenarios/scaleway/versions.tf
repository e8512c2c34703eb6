terraform {
  # Ephemeral variables and write-only arguments keep the passwords out of state and plan.
  required_version = ">= 1.11"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
    scaleway = {
      source = "scaleway/scaleway"
    }
  }
}

# Access key, secret key and project come from SCW_* in the environment, for both providers.
provider "scaleway" {
  region = "fr-par"
}

provider "groundwork" {
  service = "scaleway"
  region  = "fr-par"

  # The instance has a port and a certificate of its own, and calls its first database rdb. None of
  # it is known before the first apply, which is no obstacle to planning it.
  postgres_host                 = coalesce(scaleway_rdb_instance.locks.load_balancer[0].hostname, scaleway_rdb_instance.locks.load_balancer[0].ip)
  postgres_port                 = scaleway_rdb_instance.locks.load_balancer[0].port
  postgres_user                 = scaleway_rdb_instance.locks.user_name
  postgres_password             = var.admin_password
  postgres_maintenance_database = "rdb"
  postgres_sslmode              = "verify-ca"
  postgres_sslrootcert          = scaleway_rdb_instance.locks.certificate
}
