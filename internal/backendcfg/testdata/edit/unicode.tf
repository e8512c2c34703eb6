# Grüße, 世界 🌍
terraform {
  required_version = ">= 1.6" # “quoted”
}

locals {
  naïve = "é\u00e9"
}
