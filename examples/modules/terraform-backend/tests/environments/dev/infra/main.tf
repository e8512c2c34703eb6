output "cluster_host" {
  value = "k8s-dev.example.com"
}
