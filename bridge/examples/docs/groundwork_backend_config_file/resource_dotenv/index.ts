import * as groundwork from "@groundwork-iac/groundwork";

// The same as variables, for shells and CI: set -a; . ./.env; set +a
// Credentials and the passphrase are not among them.
const dotenv = new groundwork.BackendConfigFile("dotenv", {
    path: ".env",
    format: "dotenv",
    pulumiBackend: {
        bucket: "acme-pulumi-states",
        passphraseFile: "/run/secrets/pulumi-passphrase",
    },
    // Where `groundwork exec` locks.
    lockDatabase: {
        host: "db.example.org",
        port: 5432,
        name: "pulumi_state_lock",
        timeout: 300,
    },
});
