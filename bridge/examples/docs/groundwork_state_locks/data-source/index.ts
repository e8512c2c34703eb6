import * as groundwork from "@groundwork-iac/groundwork";

const all = groundwork.getStateLocks({
    bucket: "evalap-pulumi-state",
    postgres: { database: "pulumi_state_lock" },
});

// Each lock with its name, its holder and since when it is held.
export const locks = all.then(all => all.locks);
