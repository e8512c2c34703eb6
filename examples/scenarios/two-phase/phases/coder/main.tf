# Phase 2: the application on it.

variable "cluster_host" {
  type = string
}

resource "terraform_data" "coder" {
  input = "https://coder.${var.cluster_host}"
}

output "coder_url" {
  value = terraform_data.coder.output
}
