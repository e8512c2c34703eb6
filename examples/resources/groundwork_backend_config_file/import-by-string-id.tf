import {
  to = groundwork_backend_config_file.own
  id = "backend.tf"
}
