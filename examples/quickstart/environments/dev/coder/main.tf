# Phase 2: the application. It reads what phase 1 made through the generated backend.tf.

resource "terraform_data" "coder" {
  input = "https://coder.${data.terraform_remote_state.infra.outputs.cluster_host}"
}

output "coder_url" {
  value = terraform_data.coder.output
}
