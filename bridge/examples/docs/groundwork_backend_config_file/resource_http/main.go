package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// A state behind a REST address. TF_HTTP_USERNAME and TF_HTTP_PASSWORD give the credentials.
		_, err := groundwork.NewBackendConfigFile(ctx, "http", &groundwork.BackendConfigFileArgs{
			Path: pulumi.String("app/backend.tf"),
			Http: &groundwork.BackendConfigFileHttpArgs{
				Address:       pulumi.String("https://states.example.org/dev/app"),
				LockAddress:   pulumi.String("https://states.example.org/dev/app/lock"),
				UnlockAddress: pulumi.String("https://states.example.org/dev/app/lock"),
				LockMethod:    pulumi.String("POST"),
				UnlockMethod:  pulumi.String("DELETE"),
			},
			RemoteStates: groundwork.BackendConfigFileRemoteStatesMap{
				"infra": groundwork.BackendConfigFileRemoteStatesArgs{
					Address: pulumi.String("https://states.example.org/dev/infra"),
				},
			},
		})
		if err != nil {
			return err
		}
		return nil
	})
}
