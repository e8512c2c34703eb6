package pulumicli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Stack is a line of the list of stacks.
type Stack struct {
	Name          string `json:"name"`
	Current       bool   `json:"current"`
	ResourceCount *int   `json:"resourceCount"`
}

// Login logs in to a backend by its URL, such as s3://bucket or file:///folder.
func (c CLI) Login(ctx context.Context, url string) error {
	_, err := c.Must(ctx, "login", "--non-interactive", url)
	return err
}

// StackInit creates a stack whose secrets the passphrase encrypts, and selects it.
func (c CLI) StackInit(ctx context.Context, stack string) error {
	_, err := c.Must(ctx, "stack", "init", "--non-interactive", "--secrets-provider", "passphrase", stack)
	return err
}

// StackSelect makes a stack the one that commands without --stack mean.
func (c CLI) StackSelect(ctx context.Context, stack string) error {
	_, err := c.Must(ctx, "stack", "select", "--non-interactive", stack)
	return err
}

// Stacks lists the stacks of the project.
func (c CLI) Stacks(ctx context.Context) ([]Stack, error) {
	var stacks []Stack
	return stacks, c.readJSON(ctx, &stacks, "stack", "ls", "--json")
}

// StackRemove removes a stack; force removes one that still has resources, which stay where they are.
func (c CLI) StackRemove(ctx context.Context, stack string, force bool) error {
	args := []string{"stack", "rm", "--yes", "--non-interactive", stack}
	if force {
		args = append(args, "--force")
	}
	_, err := c.Must(ctx, args...)
	return err
}

// Outputs returns the outputs of a stack in clear, the secret ones included.
func (c CLI) Outputs(ctx context.Context, stack string) (map[string]any, error) {
	var outputs map[string]any
	return outputs, c.readJSON(ctx, &outputs, "stack", "output", "--json", "--show-secrets", "--stack", stack)
}

// Export returns the deployment of a stack as `pulumi stack export` writes it, its secrets encrypted.
func (c CLI) Export(ctx context.Context, stack string) ([]byte, error) {
	result, err := c.Must(ctx, "stack", "export", "--non-interactive", "--stack", stack)
	return []byte(result.Stdout), err
}

// Import replaces the deployment of a stack by one that Export returned.
func (c CLI) Import(ctx context.Context, stack string, deployment []byte) error {
	dir, err := os.MkdirTemp("", "groundwork-pulumi-")
	if err != nil {
		return fmt.Errorf("making a folder for the deployment: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the folder for temporary files harms nobody
	file := filepath.Join(dir, "deployment.json")
	if err := os.WriteFile(file, deployment, 0o600); err != nil {
		return fmt.Errorf("writing the deployment: %w", err)
	}
	_, err = c.Must(ctx, "stack", "import", "--non-interactive", "--stack", stack, "--file", file)
	return err
}

// Cancel gives up a stack's running update, which deletes its locks.
func (c CLI) Cancel(ctx context.Context, stack string) error {
	_, err := c.Must(ctx, "cancel", "--yes", "--non-interactive", "--stack", stack)
	return err
}

// SetConfig sets a value in the configuration of a stack.
func (c CLI) SetConfig(ctx context.Context, stack, key, value string) error {
	_, err := c.Must(ctx, "config", "set", "--non-interactive", "--stack", stack, "--plaintext", "--", key, value)
	return err
}

// SetSecret sets a value in the configuration of a stack, encrypted. It does not pass through the
// process arguments.
func (c CLI) SetSecret(ctx context.Context, stack, key, value string) error {
	c.Stdin = strings.NewReader(value)
	_, err := c.Must(ctx, "config", "set", "--non-interactive", "--stack", stack, "--secret", "--", key)
	return err
}

func (c CLI) readJSON(ctx context.Context, into any, args ...string) error {
	result, err := c.Must(ctx, append(args, "--non-interactive")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(result.Stdout), into); err != nil {
		return fmt.Errorf("reading what pulumi %v printed: %w", args, err)
	}
	return nil
}
