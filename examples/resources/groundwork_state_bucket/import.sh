# The bucket's name and its region; without a region, the provider's.
terraform import groundwork_state_bucket.states terraform-state-coder-dev@fr-par
