ephemeral "groundwork_state_lock" "dev" {
  name     = "pulumi:shop/dev"
  postgres = { database = "pulumi_state_lock" }
}
