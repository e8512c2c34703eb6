terraform {
  required_version = ">= 1.10"

  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}

# Scaleway. The keys come from SCW_ACCESS_KEY and SCW_SECRET_KEY.
provider "groundwork" {
  service = "scaleway"
  region  = "fr-par"
}
