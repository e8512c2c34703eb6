// Package pulumicli runs the real Pulumi CLI, offline and away from the user's own Pulumi.
//
// The CLI finds language hosts and provider plugins on PATH only (Plugins names the folders), keeps
// its login in a home of its own, and asks neither for updates nor for plugins to download.
//
//	cli := pulumicli.CLI{Path: pulumi, Plugins: []string{filepath.Dir(yamlHost)}, Dir: work, Home: home}
//	err := cli.Login(ctx, "s3://bucket?region=us-east-1")
//	err = cli.StackInit(ctx, "dev")
//	report, err := cli.Up(ctx, "dev")
//
// A helper's error is an *ExitError where the program ran and refused; Run leaves exit codes to the
// caller.
package pulumicli
