# "acme-pulumi-states"
output "bucket" {
  value = provider::groundwork::parse_pulumi_backend_url("s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud").bucket
}

# "https://s3.fr-par.scw.cloud"
output "endpoint" {
  value = provider::groundwork::parse_pulumi_backend_url("s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud").endpoint
}
