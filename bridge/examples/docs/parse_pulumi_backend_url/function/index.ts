import * as groundwork from "@groundwork-iac/groundwork";

const states = groundwork.parsePulumiBackendUrl(
    "s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud");

// "acme-pulumi-states"
export const bucket = states.then(states => states.bucket);

// "https://s3.fr-par.scw.cloud"
export const endpoint = states.then(states => states.endpoint);
