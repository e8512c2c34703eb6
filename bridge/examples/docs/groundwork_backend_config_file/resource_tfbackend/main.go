package main

import (
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// A partial configuration for each environment of one configuration:
		// terraform init -backend-config=environments/prod.s3.tfbackend
		for _, environment := range []string{"dev", "prod"} {
			_, err := groundwork.NewBackendConfigFile(ctx, environment, &groundwork.BackendConfigFileArgs{
				Path:   pulumi.String("environments/" + environment + ".s3.tfbackend"),
				Format: pulumi.String("tfbackend"),
				S3: &groundwork.BackendConfigFileS3Args{
					Bucket: pulumi.String("terraform-state-coder-" + environment),
					Key:    pulumi.String("app/terraform.tfstate"),
				},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
