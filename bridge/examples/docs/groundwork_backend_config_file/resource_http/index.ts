import * as groundwork from "@groundwork-iac/groundwork";

// A state behind a REST address. TF_HTTP_USERNAME and TF_HTTP_PASSWORD give the credentials.
const http = new groundwork.BackendConfigFile("http", {
    path: "app/backend.tf",
    http: {
        address: "https://states.example.org/dev/app",
        lockAddress: "https://states.example.org/dev/app/lock",
        unlockAddress: "https://states.example.org/dev/app/lock",
        lockMethod: "POST",
        unlockMethod: "DELETE",
    },
    remoteStates: {
        infra: { address: "https://states.example.org/dev/infra" },
    },
});
