import * as groundwork from "@groundwork-iac/groundwork";

// "infra/terraform.tfstate"
export const infra = groundwork.stateKey("dev", "infra");

// A legacy environment, which has no phases: "dev/terraform.tfstate"
export const legacy = groundwork.stateKey("dev");
