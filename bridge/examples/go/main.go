// The bucket and the lock table that the stacks of all environments share.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		conf := config.New(ctx, "")
		bucket, database := conf.Get("bucket"), conf.Get("lockDatabase")
		if bucket == "" {
			bucket = "pulumi-state-shared"
		}
		if database == "" {
			database = "pulumi_state_lock"
		}

		// One bucket for the stacks dev, staging and production of every project: Pulumi keeps them
		// apart by their names. It backs up a stack after every update, and 30 days of that are enough.
		states, err := groundwork.NewStateBucket(ctx, "states", &groundwork.StateBucketArgs{
			Name: pulumi.String(bucket),
			LifecycleRules: &groundwork.StateBucketLifecycleRulesArgs{
				Expirations: pulumi.IntMap{".pulumi/backups/": pulumi.Int(30)},
			},
		})
		if err != nil {
			return err
		}

		// Where deployments that share more than a stack take turns.
		locks, err := groundwork.NewLockDatabase(ctx, "locks", &groundwork.LockDatabaseArgs{
			Name: pulumi.String(database),
		})
		if err != nil {
			return err
		}
		table, err := groundwork.NewStateLockTable(ctx, "lockTable", &groundwork.StateLockTableArgs{
			Postgres: &groundwork.StateLockTablePostgresArgs{Database: locks.Name},
		})
		if err != nil {
			return err
		}

		// pulumi login "$(pulumi stack output loginUrl)"
		ctx.Export("loginUrl", states.PulumiBackendUrl)
		ctx.Export("lockTable", table.ID())
		return nil
	})
}
