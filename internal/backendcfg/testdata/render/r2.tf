# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.

terraform {
  backend "s3" {
    bucket = "state"
    key    = "k"
    region = "auto"

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    use_path_style              = true

    endpoints = {
      s3 = "https://0123456789abcdef.r2.cloudflarestorage.com"
    }
  }
}
