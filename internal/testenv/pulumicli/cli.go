package pulumicli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// CLI runs pulumi in one directory. It sees nothing of the environment around it: no credentials,
// no PULUMI_ variables and no files in the home directory.
type CLI struct {
	// Path is the program and Dir the directory of the project.
	Path, Dir string
	// Home stands in for the home directory and holds the login; it must exist.
	Home string
	// Plugins are the folders of language hosts and provider plugins (pulumi-language-X,
	// pulumi-resource-X).
	Plugins []string
	// Backend is the URL to use whatever the login says; empty means the login.
	Backend string
	// Passphrase encrypts the secrets of a stack; empty is a valid passphrase.
	Passphrase string
	// Env holds NAME=value pairs on top of the clean environment.
	Env []string
	// Stdin is what the program reads; nil is nothing.
	Stdin io.Reader
}

// Result is what one run left.
type Result = proc.Result

// ExitError says that the program ran and refused.
type ExitError struct {
	Args []string
	Dir  string
	Result
}

// Error implements error.
func (e *ExitError) Error() string {
	return fmt.Sprintf("pulumi %s in %s: exit code %d\n%s", strings.Join(e.Args, " "), e.Dir, e.ExitCode, e.Output())
}

// Run runs the program. Its failure is in the result's exit code; an error means that it could not
// be run or did not end by itself. When the context ends it is interrupted, and may finish writing.
func (c CLI) Run(ctx context.Context, args ...string) (Result, error) {
	return proc.Command{Path: c.Path, Dir: c.Dir, Args: args, Env: c.Environment(), Stdin: c.Stdin}.Run(ctx)
}

// Must runs the program and returns an *ExitError unless it exits with 0.
func (c CLI) Must(ctx context.Context, args ...string) (Result, error) {
	result, err := c.Run(ctx, args...)
	if err == nil && result.ExitCode != 0 {
		err = &ExitError{Args: args, Dir: c.Dir, Result: result}
	}
	return result, err
}

// Environment is the whole environment that the program gets. The Automation API of an SDK works
// with the same one.
func (c CLI) Environment() []string {
	path := append([]string{filepath.Dir(c.Path)}, c.Plugins...)
	env := proc.CleanEnv(c.Home,
		"PATH="+strings.Join(append(path, os.Getenv("PATH")), string(os.PathListSeparator)),
		"PULUMI_HOME="+filepath.Join(c.Home, ".pulumi"),
		"PULUMI_CONFIG_PASSPHRASE="+c.Passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		// The event log of an operation is behind this.
		"PULUMI_DEBUG_COMMANDS=true",
		// A backend without credentials would ask the machine's metadata service, and wait.
		"AWS_EC2_METADATA_DISABLED=true",
		"NO_COLOR=1",
	)
	if c.Backend != "" {
		env = append(env, "PULUMI_BACKEND_URL="+c.Backend)
	}
	return append(env, c.Env...)
}
