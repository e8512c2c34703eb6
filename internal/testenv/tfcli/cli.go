package tfcli

import (
	"context"
	"io"
	"os"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// CLI runs one program, terraform or tofu, in one directory. It sees nothing of the environment
// around it: no credentials, no TF_ variables and no files in the home directory.
type CLI struct {
	// Path is the program and Dir the directory of the configuration.
	Path, Dir string
	// Home stands in for the home directory; it must exist.
	Home string
	// ConfigFile is the CLI configuration; empty means none.
	ConfigFile string
	// Env holds NAME=value pairs on top of the clean environment.
	Env []string
	// Stdin is what the program reads; nil is nothing. A program that asks holds its locks until it
	// is answered.
	Stdin io.Reader
	// Watch gets what the program prints as it prints it, beside the result; nil is nobody.
	Watch io.Writer
}

// Result is what one run left.
type Result = proc.Result

// Run runs the program. Its failure is in the result's exit code; an error means that it could not
// be run or did not end by itself. When the context ends it is interrupted, and may finish writing.
func (c CLI) Run(ctx context.Context, args ...string) (Result, error) {
	return proc.Command{Path: c.Path, Dir: c.Dir, Args: args, Env: c.environment(), Stdin: c.Stdin, Watch: c.Watch}.Run(ctx)
}

func (c CLI) environment() []string {
	config := c.ConfigFile
	if config == "" {
		config = os.DevNull
	}
	env := proc.CleanEnv(c.Home,
		"TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
		// Without credentials the S3 backend would ask the machine's metadata service, and wait.
		"AWS_EC2_METADATA_DISABLED=true",
	)
	return append(env, c.Env...)
}
