// Command pulumi-resource-groundwork is the plugin that the Pulumi engine runs.
package main

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
)

func main() {
	tfbridge.Main(context.Background(), provider.Name, provider.Plugin(), tfbridge.ProviderMetadata{
		PackageSchema: provider.Schema(),
	})
}
