resource "terraform" "backend" {
  terraform {
    backend "s3" {
      bucket = "decoy"
    }
  }
}

terraform {
  provider_meta "x" {
    backend = "s3"
  }
  experiments = []
}
