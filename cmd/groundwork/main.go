// Command groundwork looks after the place where infrastructure state lives: day-2 work that is no
// resource, and set-up in CI.
package main

import (
	"context"
	"os"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/cli"
)

// version is set by the linker at release time.
var version = "dev"

func main() {
	app := cli.App{Version: version, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	os.Exit(app.Run(context.Background(), os.Args[1:]))
}
