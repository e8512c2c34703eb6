# The database's name.
terraform import groundwork_lock_database.locks pulumi_state_lock
