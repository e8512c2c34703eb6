# What is known about the configured service. Nothing is asked, and no credentials are needed.
data "groundwork_s3_capabilities" "service" {}

output "can_lock" {
  value = data.groundwork_s3_capabilities.service.lock_strategy == "lockfile"
}
