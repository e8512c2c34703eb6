# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# TF_HTTP_USERNAME and TF_HTTP_PASSWORD.

terraform {
  backend "http" {
    address       = "https://states.example.org/dev/app"
    update_method = "PUT"

    lock_address   = "https://states.example.org/dev/app/lock"
    lock_method    = "POST"
    unlock_address = "https://states.example.org/dev/app/lock"
    unlock_method  = "DELETE"

    skip_cert_verification = true
    retry_max              = 5
    retry_wait_min         = 2
    retry_wait_max         = 60
  }
}

data "terraform_remote_state" "infra" {
  backend = "http"

  config = {
    address = "https://states.example.org/dev/infra"
  }
}
