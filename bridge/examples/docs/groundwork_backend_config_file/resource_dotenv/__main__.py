import groundwork_iac as groundwork

# The same as variables, for shells and CI: set -a; . ./.env; set +a
# Credentials and the passphrase are not among them.
dotenv = groundwork.BackendConfigFile(
    "dotenv",
    path=".env",
    format="dotenv",
    pulumi_backend={
        "bucket": "acme-pulumi-states",
        "passphrase_file": "/run/secrets/pulumi-passphrase",
    },
    # Where `groundwork exec` locks.
    lock_database={
        "host": "db.example.org",
        "port": 5432,
        "name": "pulumi_state_lock",
        "timeout": 300,
    },
)
