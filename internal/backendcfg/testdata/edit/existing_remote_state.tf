data "terraform_remote_state" "infra" { # by hand
  backend = "local"
  config = { path = "../infra/terraform.tfstate" }
} # end

data "terraform_remote_state" "network" {
  backend = "local"
}

terraform {
  required_version = ">= 1.6"
}
