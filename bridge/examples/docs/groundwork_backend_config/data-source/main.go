package main

import (
	"fmt"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/sdk/go/groundwork"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// The text without the file, for a pipeline that writes it itself.
		infra, err := groundwork.GetBackendConfig(ctx, &groundwork.GetBackendConfigArgs{
			S3: &groundwork.GetBackendConfigS3{
				Bucket: "terraform-state-coder-dev",
				Key:    "infra/terraform.tfstate",
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("backendTf", pulumi.String(infra.Content))

		// terraform init $(pulumi stack output initArguments)
		var arguments []string
		for _, name := range []string{"bucket", "key", "region"} {
			arguments = append(arguments, fmt.Sprintf("-backend-config=%s=%s", name, infra.BackendConfig[name]))
		}
		ctx.Export("initArguments", pulumi.String(strings.Join(arguments, " ")))
		return nil
	})
}
