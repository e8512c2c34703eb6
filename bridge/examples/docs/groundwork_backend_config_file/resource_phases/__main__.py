import groundwork_iac as groundwork

# The environments are in ../environments, each in phases (dev/infra, dev/coder) or as one
# configuration (legacy/). Every configuration gets a backend.tf with the key that it has by
# convention, and coder reads what infra has made.
layout = groundwork.get_environment_layout(root="../environments")
for environment in layout.environments:
    states = groundwork.StateBucket(environment, name=f"terraform-state-coder-{environment}")
    for configuration, key in layout.keys.items():
        if configuration.split("/")[0] != environment:
            continue
        groundwork.BackendConfigFile(
            configuration,
            root="../environments",
            path=f"../environments/{configuration}/backend.tf",
            lock=states.lock_strategy,
            s3={"bucket": states.name, "key": key},
            remote_states={"infra": {"key": layout.keys[f"{environment}/infra"]}}
            if configuration.endswith("/coder")
            else None,
        )
