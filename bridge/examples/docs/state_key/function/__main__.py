import pulumi
import groundwork_iac as groundwork

# "infra/terraform.tfstate"
pulumi.export("infra", groundwork.state_key("dev", "infra"))

# A legacy environment, which has no phases: "dev/terraform.tfstate"
pulumi.export("legacy", groundwork.state_key("dev"))
