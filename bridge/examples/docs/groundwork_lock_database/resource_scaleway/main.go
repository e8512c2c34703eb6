package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// The server comes from the cloud's own provider, here as configuration. A managed one has a port of
		// its own, a certificate of its own and a database of its own name.
		conf := config.New(ctx, "")
		server, err := groundwork.NewProvider(ctx, "server", &groundwork.ProviderArgs{
			PostgresHost:                pulumi.String(conf.Require("host")),
			PostgresPort:                pulumi.Int(conf.RequireInt("port")),
			PostgresSslmode:             pulumi.String("verify-ca"),
			PostgresSslrootcert:         pulumi.String(conf.Require("certificate")),
			PostgresMaintenanceDatabase: pulumi.String("rdb"),
		})
		if err != nil {
			return err
		}
		_, err = groundwork.NewLockDatabase(ctx, "locks", &groundwork.LockDatabaseArgs{
			Name: pulumi.String("pulumi_state_lock"),
		}, pulumi.Provider(server))
		if err != nil {
			return err
		}
		return nil
	})
}
