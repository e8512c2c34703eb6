# Windows wrote this.
terraform {
  required_version = ">= 1.6"
}

locals {
  a = 1
}
