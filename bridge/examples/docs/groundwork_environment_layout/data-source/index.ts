import * as groundwork from "@groundwork-iac/groundwork";

const all = groundwork.getEnvironmentLayout({ root: "environments" });

// Such as { "dev/coder": "coder/terraform.tfstate", "dev/infra": "infra/terraform.tfstate",
// "legacy": "legacy/terraform.tfstate" }.
export const keys = all.then(all => all.keys);

// "phased", or "legacy" for an environment that is still to be converted to phases.
export const dev = all.then(all => all.environments["dev"].structure);
