output "cluster_host" {
  value = "k8s-staging.example.com"
}
