import * as pulumi from "@pulumi/pulumi";
import * as groundwork from "@groundwork-iac/groundwork";

// The server comes from the cloud's own provider, here as configuration. A managed one has a port of
// its own, a certificate of its own and a database of its own name.
const config = new pulumi.Config();
const server = new groundwork.Provider("server", {
    postgresHost: config.require("host"),
    postgresPort: config.requireNumber("port"),
    postgresSslmode: "verify-ca",
    postgresSslrootcert: config.require("certificate"),
    postgresMaintenanceDatabase: "rdb",
});
const locks = new groundwork.LockDatabase("locks", { name: "pulumi_state_lock" }, { provider: server });
