output "buckets" {
  description = "The buckets by environment: name, import ID, how states in it are locked, what the service lacks, and the URL for pulumi login."
  value = {
    for environment, bucket in groundwork_state_bucket.this : environment => {
      name               = bucket.name
      id                 = bucket.id
      lock_strategy      = bucket.lock_strategy
      unsupported        = bucket.unsupported
      pulumi_backend_url = bucket.pulumi_backend_url
    }
  }
}

output "backend_files" {
  description = "The backend files by configuration, such as dev/infra, or dev for an environment without phases."
  value       = { for configuration, file in groundwork_backend_config_file.this : configuration => file.path }
}

output "keys" {
  description = "The key of each configuration's state in the bucket of its environment."
  value       = local.keys
}
