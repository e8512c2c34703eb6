terraform {
  required_version = ">= 1.6"

  required_providers {
    scaleway = {
      source  = "scaleway/scaleway"
      version = "~> 2.0" # pinned by the platform team
    }
  }
}

provider "scaleway" {
  region = "fr-par"
}
