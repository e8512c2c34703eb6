package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		all, err := groundwork.GetEnvironmentLayout(ctx, &groundwork.GetEnvironmentLayoutArgs{
			Root: "environments",
		})
		if err != nil {
			return err
		}
		// Such as { "dev/coder": "coder/terraform.tfstate", "dev/infra": "infra/terraform.tfstate",
		// "legacy": "legacy/terraform.tfstate" }.
		ctx.Export("keys", pulumi.ToStringMap(all.Keys))
		// "phased", or "legacy" for an environment that is still to be converted to phases.
		ctx.Export("dev", pulumi.String(all.Environments["dev"].Structure))
		return nil
	})
}
