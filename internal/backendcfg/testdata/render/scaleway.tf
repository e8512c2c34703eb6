# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.

terraform {
  backend "s3" {
    bucket = "terraform-state-coder-dev"
    key    = "coder/terraform.tfstate"
    region = "fr-par"

    use_lockfile = true

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true

    endpoints = {
      s3 = "https://s3.fr-par.scw.cloud"
    }
  }
}

data "terraform_remote_state" "infra" {
  backend = "s3"

  config = {
    bucket = "terraform-state-coder-dev"
    key    = "infra/terraform.tfstate"
    region = "fr-par"

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true

    endpoints = {
      s3 = "https://s3.fr-par.scw.cloud"
    }
  }
}
