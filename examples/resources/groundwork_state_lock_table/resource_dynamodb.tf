# A table on DynamoDB, with the key that Terraform and OpenTofu want: on demand, encrypted by KMS,
# with point-in-time recovery, and protected from being deleted.
resource "groundwork_state_lock_table" "aws" {
  dynamodb = {
    table  = "terraform-locks"
    region = "eu-west-3"
    tags   = { team = "platform" }
  }
}

# The backend that locks in it.
resource "groundwork_backend_config_file" "infra" {
  path           = "infra/backend.tf"
  lock           = "dynamodb"
  dynamodb_table = groundwork_state_lock_table.aws.dynamodb.table

  s3 = {
    bucket = "acme-states"
    key    = "infra/terraform.tfstate"
    region = "eu-west-3"
  }
}
