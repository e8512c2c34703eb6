package proc

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
)

// interruptGrace is how long an interrupted program may take to write its state.
const interruptGrace = time.Minute

// Command is a program that ends by itself, as a command line tool does.
type Command struct {
	Path, Dir string
	Args      []string
	// Env is the whole environment; CleanEnv makes one.
	Env []string
	// Stdin is what the program reads; nil is nothing.
	Stdin io.Reader
	// Watch gets what the program prints as it prints it, beside the result; nil is nobody.
	Watch io.Writer
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
func (c Command) Run(ctx context.Context) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Path, c.Args...) // #nosec G204 -- the caller names the program
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, &stdout, &stderr
	if c.Watch != nil {
		cmd.Stdout = io.MultiWriter(&stdout, c.Watch)
	}
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
		return result, fmt.Errorf("running %s %v in %s: %w", filepath.Base(c.Path), c.Args, c.Dir, err)
	}
	return result, nil
}
