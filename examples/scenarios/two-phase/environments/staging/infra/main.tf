module "infra" {
  source = "../../../phases/infra"

  environment = "staging"
}

output "cluster_host" {
  value = module.infra.cluster_host
}
