import * as groundwork from "@groundwork-iac/groundwork";

// The environments are in ../environments, each in phases (dev/infra, dev/coder) or as one
// configuration (legacy/). Every configuration gets a backend.tf with the key that it has by
// convention, and coder reads what infra has made.
export = async () => {
    const all = await groundwork.getEnvironmentLayout({ root: "../environments" });
    for (const environment of Object.keys(all.environments)) {
        const states = new groundwork.StateBucket(environment, {
            name: `terraform-state-coder-${environment}`,
        });
        for (const [configuration, key] of Object.entries(all.keys)) {
            if (configuration.split("/")[0] !== environment) {
                continue;
            }
            new groundwork.BackendConfigFile(configuration, {
                root: "../environments",
                path: `../environments/${configuration}/backend.tf`,
                lock: states.lockStrategy,
                s3: { bucket: states.name, key },
                remoteStates: configuration.endsWith("/coder")
                    ? { infra: { key: all.keys[`${environment}/infra`] } }
                    : undefined,
            });
        }
    }
};
