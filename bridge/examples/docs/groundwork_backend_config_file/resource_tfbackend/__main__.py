import groundwork_iac as groundwork

# A partial configuration for each environment of one configuration:
# terraform init -backend-config=environments/prod.s3.tfbackend
for environment in ["dev", "prod"]:
    groundwork.BackendConfigFile(
        environment,
        path=f"environments/{environment}.s3.tfbackend",
        format="tfbackend",
        s3={
            "bucket": f"terraform-state-coder-{environment}",
            "key": "app/terraform.tfstate",
        },
    )
