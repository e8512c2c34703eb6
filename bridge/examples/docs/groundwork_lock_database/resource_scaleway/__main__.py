import pulumi
import groundwork_iac as groundwork

# The server comes from the cloud's own provider, here as configuration. A managed one has a port of
# its own, a certificate of its own and a database of its own name.
config = pulumi.Config()
server = groundwork.Provider(
    "server",
    postgres_host=config.require("host"),
    postgres_port=config.require_int("port"),
    postgres_sslmode="verify-ca",
    postgres_sslrootcert=config.require("certificate"),
    postgres_maintenance_database="rdb",
)
locks = groundwork.LockDatabase(
    "locks",
    name="pulumi_state_lock",
    opts=pulumi.ResourceOptions(provider=server),
)
