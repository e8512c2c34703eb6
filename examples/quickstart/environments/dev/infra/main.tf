# Phase 1: what everything else stands on. A real one would make a network and a cluster.

resource "terraform_data" "cluster" {
  input = "k8s-dev.example.com"
}

output "cluster_host" {
  value = terraform_data.cluster.output
}
