import {
  to = groundwork_backend_config_file.own
  identity = {
    path = "backend.tf"
  }
}
