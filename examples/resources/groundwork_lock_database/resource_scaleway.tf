# The server comes from the cloud's own provider, in the same apply. A managed one has a port of its
# own, a certificate of its own and a database of its own name.
variable "instance" {
  description = "What scaleway_rdb_instance gives."
  type = object({
    host        = string
    port        = number
    certificate = string
  })
}

provider "groundwork" {
  postgres_host                 = var.instance.host
  postgres_port                 = var.instance.port
  postgres_sslmode              = "verify-ca"
  postgres_sslrootcert          = var.instance.certificate
  postgres_maintenance_database = "rdb"
}

resource "groundwork_lock_database" "locks" {
  name = "pulumi_state_lock"
}
