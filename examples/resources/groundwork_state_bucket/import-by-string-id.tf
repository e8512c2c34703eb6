import {
  to = groundwork_state_bucket.states
  id = "terraform-state-coder-dev@fr-par"
}
