module "infra" {
  source = "../../../phases/infra"

  environment = "dev"
}

output "cluster_host" {
  value = module.infra.cluster_host
}
