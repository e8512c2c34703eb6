import pulumi
import groundwork_iac as groundwork

# "s3://acme-pulumi-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud"
pulumi.export("bucket", groundwork.pulumi_backend_url("acme-pulumi-states", {
    "prefix": "web",
    "region": "fr-par",
    "endpoint": "https://s3.fr-par.scw.cloud",
}))

# "postgres://db.example.org:5432/pulumi_state?sslmode=verify-full"
pulumi.export("postgres", groundwork.pulumi_backend_url("pulumi_state", {
    "scheme": "postgres",
    "host": "db.example.org",
    "port": 5432,
    "parameters": {"sslmode": "verify-full"},
}))
