import pulumi
import groundwork_iac as groundwork

# The text without the file, for a pipeline that writes it itself.
infra = groundwork.get_backend_config(s3={
    "bucket": "terraform-state-coder-dev",
    "key": "infra/terraform.tfstate",
})
pulumi.export("backendTf", infra.content)

# terraform init $(pulumi stack output initArguments)
pulumi.export("initArguments", " ".join(
    f"-backend-config={name}={infra.backend_config[name]}"
    for name in ["bucket", "key", "region"]
))
