package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// The same as variables, for shells and CI: set -a; . ./.env; set +a
		// Credentials and the passphrase are not among them.
		_, err := groundwork.NewBackendConfigFile(ctx, "dotenv", &groundwork.BackendConfigFileArgs{
			Path:   pulumi.String(".env"),
			Format: pulumi.String("dotenv"),
			PulumiBackend: &groundwork.BackendConfigFilePulumiBackendArgs{
				Bucket:         pulumi.String("acme-pulumi-states"),
				PassphraseFile: pulumi.String("/run/secrets/pulumi-passphrase"),
			},
			// Where `groundwork exec` locks.
			LockDatabase: &groundwork.BackendConfigFileLockDatabaseArgs{
				Host:    pulumi.String("db.example.org"),
				Port:    pulumi.Int(5432),
				Name:    pulumi.String("pulumi_state_lock"),
				Timeout: pulumi.Int(300),
			},
		})
		if err != nil {
			return err
		}
		return nil
	})
}
