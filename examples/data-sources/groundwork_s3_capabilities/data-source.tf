# What is known about the configured service. Nothing is asked, and no credentials are needed.
data "groundwork_s3_capabilities" "service" {}

output "lock_strategy" {
  value = data.groundwork_s3_capabilities.service.lock_strategy
}
