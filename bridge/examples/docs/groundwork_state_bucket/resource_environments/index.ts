import * as groundwork from "@groundwork-iac/groundwork";

// One bucket for each environment. Production keeps its history for longer.
for (const environment of ["dev", "staging", "prod"]) {
    new groundwork.StateBucket(environment, {
        name: `terraform-state-coder-${environment}`,
        tags: { environment },
        lifecycleRules: {
            noncurrentExpirationDays: environment === "prod" ? 365 : 90,
            noncurrentVersionsToKeep: 10,
        },
    });
}
