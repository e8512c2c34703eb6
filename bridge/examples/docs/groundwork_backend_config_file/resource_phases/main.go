package main

import (
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// The environments are in ../environments, each in phases (dev/infra, dev/coder) or as one
		// configuration (legacy/). Every configuration gets a backend.tf with the key that it has by
		// convention, and coder reads what infra has made.
		all, err := groundwork.GetEnvironmentLayout(ctx, &groundwork.GetEnvironmentLayoutArgs{
			Root: "../environments",
		})
		if err != nil {
			return err
		}
		buckets := map[string]*groundwork.StateBucket{}
		for environment := range all.Environments {
			buckets[environment], err = groundwork.NewStateBucket(ctx, environment, &groundwork.StateBucketArgs{
				Name: pulumi.String("terraform-state-coder-" + environment),
			})
			if err != nil {
				return err
			}
		}
		for configuration, key := range all.Keys {
			environment, phase, _ := strings.Cut(configuration, "/")
			states := buckets[environment]
			args := &groundwork.BackendConfigFileArgs{
				Root: pulumi.String("../environments"),
				Path: pulumi.String("../environments/" + configuration + "/backend.tf"),
				Lock: states.LockStrategy,
				S3:   &groundwork.BackendConfigFileS3Args{Bucket: states.Name, Key: pulumi.String(key)},
			}
			if phase == "coder" {
				args.RemoteStates = groundwork.BackendConfigFileRemoteStatesMap{
					"infra": groundwork.BackendConfigFileRemoteStatesArgs{
						Key: pulumi.String(all.Keys[environment+"/infra"]),
					},
				}
			}
			if _, err := groundwork.NewBackendConfigFile(ctx, configuration, args); err != nil {
				return err
			}
		}
		return nil
	})
}
