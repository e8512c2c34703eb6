# On PostgreSQL: the engine, the database, the schema and the table.
terraform import groundwork_state_lock_table.locks postgres/pulumi_state_lock/public/pulumi_state_locks

# On DynamoDB: the engine, the region and the table.
terraform import groundwork_state_lock_table.aws dynamodb/eu-west-3/terraform-locks
