// Command pulumi-tfgen-groundwork writes the Pulumi schema of the provider and the documentation
// that goes with it. `make schema` runs it.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
)

func main() {
	tfgen.Main(provider.Name, provider.Provider())
}
