package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		all := groundwork.GetStateLocksOutput(ctx, groundwork.GetStateLocksOutputArgs{
			Bucket: pulumi.String("evalap-pulumi-state"),
			Postgres: &groundwork.GetStateLocksPostgresArgs{
				Database: pulumi.String("pulumi_state_lock"),
			},
		})
		// Each lock with its name, its holder and since when it is held.
		ctx.Export("locks", all.Locks())
		return nil
	})
}
