import pulumi
import groundwork_iac as groundwork

states = groundwork.parse_pulumi_backend_url(
    "s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud")

# "acme-pulumi-states"
pulumi.export("bucket", states.bucket)

# "https://s3.fr-par.scw.cloud"
pulumi.export("endpoint", states.endpoint)
