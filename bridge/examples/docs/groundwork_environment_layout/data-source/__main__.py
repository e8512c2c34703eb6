import pulumi
import groundwork_iac as groundwork

layout = groundwork.get_environment_layout(root="environments")

# Such as { "dev/coder": "coder/terraform.tfstate", "dev/infra": "infra/terraform.tfstate",
# "legacy": "legacy/terraform.tfstate" }.
pulumi.export("keys", layout.keys)

# "phased", or "legacy" for an environment that is still to be converted to phases.
pulumi.export("dev", layout.environments["dev"].structure)
