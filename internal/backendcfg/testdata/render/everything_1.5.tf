# Managed by groundwork: change the configuration that generates this file, not the file.
# Commit it: it holds no credentials. Those come from the environment, as
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.

terraform {
  backend "s3" {
    bucket               = "terraform-state-coder-dev"
    key                  = "coder/terraform.tfstate"
    region               = "fr-par"
    workspace_key_prefix = "workspaces/été"
    profile              = "team \"a\" $${not} %%{not} \\"

    encrypt        = true
    kms_key_id     = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-44cd-86ef-1234567890ab"
    dynamodb_table = "locks"

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_metadata_api_check     = true
    force_path_style            = true

    max_retries = 0

    endpoint          = "https://s3.fr-par.scw.cloud"
    dynamodb_endpoint = "http://127.0.0.1:8000"
    sts_endpoint      = "http://[::1]:9000/sts"

    role_arn                     = "arn:aws:iam::111122223333:role/state"
    session_name                 = "groundwork"
    external_id                  = "team/a"
    assume_role_duration_seconds = 3600
    assume_role_policy           = "{\n  \"Version\": \"2012-10-17\"\n}"
    assume_role_policy_arns      = ["arn:aws:iam::111122223333:policy/x"]
    assume_role_tags = {
      "cost code" = "7"
      team        = "a"
    }
    assume_role_transitive_tag_keys = ["team"]
  }
}

data "terraform_remote_state" "dns" {
  backend = "s3"

  config = {
    bucket = "shared"
    key    = "dns.tfstate"
    region = "eu-west-1"
  }
}

data "terraform_remote_state" "infra" {
  backend   = "s3"
  workspace = "$${blue}"

  config = {
    bucket               = "terraform-state-coder-dev"
    key                  = "infra/terraform.tfstate"
    region               = "fr-par"
    workspace_key_prefix = "workspaces/été"
    profile              = "team \"a\" $${not} %%{not} \\"

    skip_credentials_validation = true
    skip_region_validation      = true
    skip_metadata_api_check     = true
    force_path_style            = true

    max_retries = 0

    endpoint          = "https://s3.fr-par.scw.cloud"
    dynamodb_endpoint = "http://127.0.0.1:8000"
    sts_endpoint      = "http://[::1]:9000/sts"

    role_arn                     = "arn:aws:iam::111122223333:role/state"
    session_name                 = "groundwork"
    external_id                  = "team/a"
    assume_role_duration_seconds = 3600
    assume_role_policy           = "{\n  \"Version\": \"2012-10-17\"\n}"
    assume_role_policy_arns      = ["arn:aws:iam::111122223333:policy/x"]
    assume_role_tags = {
      "cost code" = "7"
      team        = "a"
    }
    assume_role_transitive_tag_keys = ["team"]
  }

  defaults = {
    cluster_id = null
    count      = 3
    ha         = true
    nested = {
      "x y" = ""
    }
    ratio = 0.5
    zones = ["a", "b"]
  }
}
