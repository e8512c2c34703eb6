package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// What is known about the configured service. Nothing is asked, and no credentials are needed.
		service, err := groundwork.GetS3Capabilities(ctx, &groundwork.GetS3CapabilitiesArgs{})
		if err != nil {
			return err
		}
		ctx.Export("lockStrategy", pulumi.String(service.LockStrategy))
		return nil
	})
}
