# Everything of this environment in one configuration and one state.

resource "terraform_data" "cluster" {
  input = "k8s-prod.example.com"
}

resource "terraform_data" "coder" {
  input = "https://coder.${terraform_data.cluster.output}"
}

output "coder_url" {
  value = terraform_data.coder.output
}
