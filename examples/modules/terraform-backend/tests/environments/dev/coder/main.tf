output "coder_url" {
  value = "https://coder.${data.terraform_remote_state.infra.outputs.cluster_host}"
}
