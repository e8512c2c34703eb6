import * as groundwork from "@groundwork-iac/groundwork";

// "s3://acme-pulumi-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud"
export const bucket = groundwork.pulumiBackendUrl("acme-pulumi-states", {
    prefix: "web",
    region: "fr-par",
    endpoint: "https://s3.fr-par.scw.cloud",
});

// "postgres://db.example.org:5432/pulumi_state?sslmode=verify-full"
export const postgres = groundwork.pulumiBackendUrl("pulumi_state", {
    scheme: "postgres",
    host: "db.example.org",
    port: 5432,
    parameters: { sslmode: "verify-full" },
});
