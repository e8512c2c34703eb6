package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// "infra/terraform.tfstate"
		infra, err := groundwork.StateKey(ctx, "dev", pulumi.StringRef("infra"))
		if err != nil {
			return err
		}
		ctx.Export("infra", pulumi.String(infra))

		// A legacy environment, which has no phases: "dev/terraform.tfstate"
		legacy, err := groundwork.StateKey(ctx, "dev", nil)
		if err != nil {
			return err
		}
		ctx.Export("legacy", pulumi.String(legacy))
		return nil
	})
}
