package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// The variables of a Pulumi backend, for a pipeline that sets them itself.
		states, err := groundwork.GetBackendConfig(ctx, &groundwork.GetBackendConfigArgs{
			Format: pulumi.StringRef("dotenv"),
			PulumiBackend: &groundwork.GetBackendConfigPulumiBackend{
				Bucket: pulumi.StringRef("acme-pulumi-states"),
				Prefix: pulumi.StringRef("web"),
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("variables", pulumi.ToStringMap(states.BackendConfig))
		return nil
	})
}
