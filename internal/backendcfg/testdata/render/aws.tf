# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.

terraform {
  backend "s3" {
    bucket = "my.state"
    key    = "dev/terraform.tfstate"
    region = "eu-west-1"

    encrypt      = true
    use_lockfile = true
  }
}
