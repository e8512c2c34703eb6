package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// What a bucket that exists can do: whether lock files hold is tried out in it, and nothing of
		// that stays there.
		bucket, err := groundwork.GetS3Capabilities(ctx, &groundwork.GetS3CapabilitiesArgs{
			Bucket: pulumi.StringRef("terraform-state-coder-dev"),
			Probe:  pulumi.BoolRef(true),
		})
		if err != nil {
			return err
		}
		ctx.Export("evidence", pulumi.String(bucket.LockReason))
		return nil
	})
}
