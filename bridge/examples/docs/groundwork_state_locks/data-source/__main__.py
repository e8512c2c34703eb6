import pulumi
import groundwork_iac as groundwork

found = groundwork.get_state_locks(
    bucket="evalap-pulumi-state",
    postgres={"database": "pulumi_state_lock"},
)

# Each lock with its name, its holder and since when it is held.
pulumi.export("locks", found.locks)
