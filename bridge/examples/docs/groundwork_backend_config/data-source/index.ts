import * as groundwork from "@groundwork-iac/groundwork";

// The text without the file, for a pipeline that writes it itself.
const infra = groundwork.getBackendConfig({
    s3: {
        bucket: "terraform-state-coder-dev",
        key: "infra/terraform.tfstate",
    },
});
export const backendTf = infra.then(infra => infra.content);

// terraform init $(pulumi stack output initArguments)
export const initArguments = infra.then(infra => ["bucket", "key", "region"]
    .map(name => `-backend-config=${name}=${infra.backendConfig[name]}`)
    .join(" "));
