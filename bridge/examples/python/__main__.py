import pulumi
import groundwork_iac as groundwork

config = pulumi.Config()

# One bucket for the stacks dev, staging and production of every project: Pulumi keeps them apart
# by their names. It backs up a stack after every update, and 30 days of that are enough.
states = groundwork.StateBucket(
    "states",
    name=config.get("bucket") or "pulumi-state-shared",
    lifecycle_rules={
        "expirations": {".pulumi/backups/": 30},
    },
)

# Where deployments that share more than a stack take turns.
locks = groundwork.LockDatabase(
    "locks",
    name=config.get("lockDatabase") or "pulumi_state_lock",
)
table = groundwork.StateLockTable(
    "lockTable",
    postgres={"database": locks.name},
)

# pulumi login "$(pulumi stack output loginUrl)"
pulumi.export("loginUrl", states.pulumi_backend_url)
pulumi.export("lockTable", table.id)
