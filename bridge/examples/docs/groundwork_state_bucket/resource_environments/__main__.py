import groundwork_iac as groundwork

# One bucket for each environment. Production keeps its history for longer.
for environment in ["dev", "staging", "prod"]:
    groundwork.StateBucket(
        environment,
        name=f"terraform-state-coder-{environment}",
        tags={"environment": environment},
        lifecycle_rules={
            "noncurrent_expiration_days": 365 if environment == "prod" else 90,
            "noncurrent_versions_to_keep": 10,
        },
    )
