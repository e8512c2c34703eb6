// Package tfcli runs real Terraform and OpenTofu with the provider of this repository, offline.
//
// The provider goes into a filesystem mirror, laid out as a registry would unpack it, and the CLI
// configuration knows no other source. So `init`, version constraints and the dependency lock file
// work as they do for a user, which development overrides do not give, and nothing is downloaded.
//
//	_, config, err := tfcli.Setup(ctx, root, dir)
//	cli := tfcli.CLI{Path: terraform, Dir: work, Home: home, ConfigFile: config}
//	result, err := cli.Run(ctx, "init")
package tfcli
