terraform {
  required_version = ">= 1.6" # keep

  # why this backend: see the wiki
  backend "s3" { # opened here
    bucket = "old-bucket" # old
    key    = "old.tfstate"
    access_key = "left-by-hand"
  } # closed here

  required_providers {}
}
