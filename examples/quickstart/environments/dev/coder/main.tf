# Phase 2: the application. It reads what phase 1 made through the generated backend.tf.

variable "seconds" {
  description = "How long an apply pretends to be busy."
  type        = number
  default     = 0
}

resource "terraform_data" "coder" {
  input = "https://coder.${data.terraform_remote_state.infra.outputs.cluster_host}"
}

resource "terraform_data" "busy" {
  count = var.seconds > 0 ? 1 : 0

  provisioner "local-exec" {
    command = "sleep ${var.seconds}"
  }
}

output "coder_url" {
  value = terraform_data.coder.output
}
