module "coder" {
  source = "../../../phases/coder"

  # The data source is in the generated backend.tf.
  cluster_host = data.terraform_remote_state.infra.outputs.cluster_host
}

output "coder_url" {
  value = module.coder.coder_url
}
