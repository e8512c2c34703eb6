# Phase 2 of dev. The data source is in the generated backend.tf.

resource "terraform_data" "coder" {
  input = "https://coder.${data.terraform_remote_state.infra.outputs.cluster_host}"
}

output "coder_url" {
  value = terraform_data.coder.output
}
