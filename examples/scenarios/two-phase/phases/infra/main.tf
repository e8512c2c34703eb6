# Phase 1: what everything else stands on. A real one would make a network and a cluster.

variable "environment" {
  type = string
}

resource "terraform_data" "cluster" {
  input = "k8s-${var.environment}.example.com"
}

output "cluster_host" {
  value = terraform_data.cluster.output
}
