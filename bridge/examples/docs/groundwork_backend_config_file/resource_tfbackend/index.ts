import * as groundwork from "@groundwork-iac/groundwork";

// A partial configuration for each environment of one configuration:
// terraform init -backend-config=environments/prod.s3.tfbackend
for (const environment of ["dev", "prod"]) {
    new groundwork.BackendConfigFile(environment, {
        path: `environments/${environment}.s3.tfbackend`,
        format: "tfbackend",
        s3: {
            bucket: `terraform-state-coder-${environment}`,
            key: "app/terraform.tfstate",
        },
    });
}
