terraform {
  # 1.10 brought lock objects in the bucket; OpenTofu calls the same version 1.10.
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}
