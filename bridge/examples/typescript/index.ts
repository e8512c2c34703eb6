import * as pulumi from "@pulumi/pulumi";
import * as groundwork from "@groundwork-iac/groundwork";

const config = new pulumi.Config();

// One bucket for the stacks dev, staging and production of every project: Pulumi keeps them apart
// by their names. It backs up a stack after every update, and 30 days of that are enough.
const states = new groundwork.StateBucket("states", {
    name: config.get("bucket") ?? "pulumi-state-shared",
    lifecycleRules: {
        expirations: { ".pulumi/backups/": 30 },
    },
});

// Where deployments that share more than a stack take turns.
const locks = new groundwork.LockDatabase("locks", {
    name: config.get("lockDatabase") ?? "pulumi_state_lock",
});
const table = new groundwork.StateLockTable("lockTable", {
    postgres: { database: locks.name },
});

// pulumi login "$(pulumi stack output loginUrl)"
export const loginUrl = states.pulumiBackendUrl;
export const lockTable = table.id;
