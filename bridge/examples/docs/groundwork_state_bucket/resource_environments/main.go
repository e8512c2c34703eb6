package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// One bucket for each environment. Production keeps its history for longer.
		for _, environment := range []string{"dev", "staging", "prod"} {
			days := 90
			if environment == "prod" {
				days = 365
			}
			_, err := groundwork.NewStateBucket(ctx, environment, &groundwork.StateBucketArgs{
				Name: pulumi.String("terraform-state-coder-" + environment),
				Tags: pulumi.StringMap{"environment": pulumi.String(environment)},
				LifecycleRules: &groundwork.StateBucketLifecycleRulesArgs{
					NoncurrentExpirationDays: pulumi.Int(days),
					NoncurrentVersionsToKeep: pulumi.Int(10),
				},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
