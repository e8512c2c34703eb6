# A table that was made by hand is taken over with its rows. The pipelines' role may lock in it, and
# nothing else.
resource "groundwork_state_lock_table" "existing" {
  adopt_existing = true

  postgres = {
    database = "pulumi_state_lock"
    grants   = ["deploy"]
  }
}
