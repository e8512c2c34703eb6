locals {
  script = <<-EOT
    terraform {
      backend "s3" {
        bucket = "not-a-block"
      }
    }
  EOT
  raw = <<EOT
}
  ${upper("x")} %{ if true }{%{ endif }
EOT
}

terraform {
  required_version = ">= 1.6"
}
