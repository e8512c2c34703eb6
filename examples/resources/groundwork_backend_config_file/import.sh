# The path, as the configuration spells it.
terraform import groundwork_backend_config_file.own backend.tf
