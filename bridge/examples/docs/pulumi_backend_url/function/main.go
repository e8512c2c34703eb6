package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// "s3://acme-pulumi-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud"
		bucket, err := groundwork.PulumiBackendUrl(ctx, "acme-pulumi-states", map[string]any{
			"prefix":   "web",
			"region":   "fr-par",
			"endpoint": "https://s3.fr-par.scw.cloud",
		})
		if err != nil {
			return err
		}
		ctx.Export("bucket", pulumi.String(bucket))

		// "postgres://db.example.org:5432/pulumi_state?sslmode=verify-full"
		postgres, err := groundwork.PulumiBackendUrl(ctx, "pulumi_state", map[string]any{
			"scheme":     "postgres",
			"host":       "db.example.org",
			"port":       5432,
			"parameters": map[string]any{"sslmode": "verify-full"},
		})
		if err != nil {
			return err
		}
		ctx.Export("postgres", pulumi.String(postgres))
		return nil
	})
}
