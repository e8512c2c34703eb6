// Command terraform-provider-groundwork serves the groundwork provider to Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/groundwork-iac/terraform-provider-groundwork/provider"
)

// version is set by the linker at release time.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "serve the provider so that a debugger can attach to it")
	flag.Parse()

	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: provider.Address,
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
