module "infra" {
  source = "../../../phases/infra"

  environment = "prod"
}

output "cluster_host" {
  value = module.infra.cluster_host
}
