package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		states, err := groundwork.ParsePulumiBackendUrl(ctx,
			"s3://acme-pulumi-states/web?region=fr-par&endpoint=s3.fr-par.scw.cloud")
		if err != nil {
			return err
		}
		// "acme-pulumi-states"
		ctx.Export("bucket", pulumi.String(states.Bucket))
		// "https://s3.fr-par.scw.cloud"
		ctx.Export("endpoint", pulumi.String(states.Endpoint))
		return nil
	})
}
