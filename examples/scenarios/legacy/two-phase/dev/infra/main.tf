# Phase 1 of dev: what the second phase needs to know is an output.

resource "terraform_data" "cluster" {
  input = "k8s-dev.example.com"
}

output "cluster_host" {
  value = terraform_data.cluster.output
}
