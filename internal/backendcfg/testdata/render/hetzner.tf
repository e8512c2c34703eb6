# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.
# This service also needs AWS_REQUEST_CHECKSUM_CALCULATION=when_required and
# AWS_RESPONSE_CHECKSUM_VALIDATION=when_required in the environment.

terraform {
  backend "s3" {
    bucket = "state"
    key    = "k"
    region = "fsn1"

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    skip_s3_checksum            = true

    endpoints = {
      s3 = "https://fsn1.your-objectstorage.com"
    }
  }
}
