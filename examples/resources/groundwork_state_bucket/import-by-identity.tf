import {
  to = groundwork_state_bucket.states
  identity = {
    name   = "terraform-state-coder-dev"
    region = "fr-par"
  }
}
