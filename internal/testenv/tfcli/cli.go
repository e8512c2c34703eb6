package tfcli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// interruptGrace is how long an interrupted CLI may take to write its state.
const interruptGrace = time.Minute

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
}

// Result is what one run left.
type Result struct {
	Stdout, Stderr string
	ExitCode       int
}

// Output returns what the run printed: standard output, then standard error.
func (r Result) Output() string { return r.Stdout + r.Stderr }

// Run runs the program. Its failure is in the result's exit code; an error means that it could not
// be run or did not end by itself. When the context ends it is interrupted, and may finish writing.
func (c CLI) Run(ctx context.Context, args ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Path, args...) // #nosec G204 -- the caller names the program
	cmd.Dir, cmd.Env = c.Dir, c.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &stdout, &stderr
	cmd.WaitDelay = interruptGrace
	cmd.Cancel = func() error {
		if cmd.Process.Signal(os.Interrupt) == nil {
			return nil
		}
		return cmd.Process.Kill() // Windows cannot interrupt
	}

	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), ExitCode: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() && ctx.Err() == nil {
		return result, nil
	}
	if err != nil {
		return result, fmt.Errorf("running %s %v in %s: %w", filepath.Base(c.Path), args, c.Dir, err)
	}
	return result, nil
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
