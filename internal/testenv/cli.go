package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// Terraform returns the path of a Terraform CLI.
func Terraform(tb testing.TB) string {
	tb.Helper()
	return Tool(tb, "terraform")
}

// OpenTofu returns the path of an OpenTofu CLI.
func OpenTofu(tb testing.TB) string {
	tb.Helper()
	return Tool(tb, "tofu")
}

// Tool returns the path of any pinned program, built if it is absent.
func Tool(tb testing.TB, name string) string {
	tb.Helper()
	path, err := toolchain.Path(tb.Context(), name)
	if err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return path
}

// RepoRoot returns the folder of the checkout.
func RepoRoot(tb testing.TB) string {
	tb.Helper()
	root, err := toolchain.ModuleRoot()
	if err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return root
}

// provider is the program of this checkout in a mirror, with the CLI configuration that names it.
type provider struct {
	binary, config string
}

var builtProvider shared[provider]

// ProviderBinary returns the path of the provider's program, built once per process.
func ProviderBinary(tb testing.TB) string {
	tb.Helper()
	return sharedProvider(tb).binary
}

// CLIConfig returns the path of a CLI configuration with which terraform and tofu install the
// provider of this checkout, and nothing else.
func CLIConfig(tb testing.TB) string {
	tb.Helper()
	return sharedProvider(tb).config
}

func sharedProvider(tb testing.TB) provider {
	tb.Helper()
	root := RepoRoot(tb)
	return builtProvider.get(tb, "the provider of this checkout is not available", func() (provider, error) {
		return buildProvider(context.WithoutCancel(tb.Context()), root)
	})
}

func buildProvider(ctx context.Context, root string) (provider, error) {
	dir, err := os.MkdirTemp("", "groundwork-provider-")
	if err != nil {
		return provider{}, fmt.Errorf("making a folder for it: %w", err)
	}
	remove := func() error { return os.RemoveAll(dir) }
	binary, config, err := tfcli.Setup(ctx, root, dir)
	if err != nil {
		return provider{}, errors.Join(err, remove())
	}
	process.atEnd(remove)
	return provider{binary: binary, config: config}, nil
}

// CLI is a tfcli.CLI that fails its test.
type CLI struct {
	tfcli.CLI

	tb testing.TB
}

// NewCLI returns a runner of a program, such as Terraform(tb), in a directory, with the provider of
// this checkout. The environment is clean; env adds NAME=value pairs.
func NewCLI(tb testing.TB, path, dir string, env ...string) *CLI {
	tb.Helper()
	config := CLIConfig(tb)
	home := filepath.Join(tb.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return &CLI{tb: tb, CLI: tfcli.CLI{Path: path, Dir: dir, Home: home, ConfigFile: config, Env: env}}
}

// Run runs the program and returns what came of it, failures included.
func (c *CLI) Run(args ...string) tfcli.Result {
	c.tb.Helper()
	result, err := c.CLI.Run(c.tb.Context(), args...)
	if err != nil {
		c.tb.Fatalf("testenv: %v\n%s", err, result.Output())
	}
	return result
}

// Must runs the program and fails the test unless it exits with 0.
func (c *CLI) Must(args ...string) tfcli.Result {
	c.tb.Helper()
	result := c.Run(args...)
	if result.ExitCode != 0 {
		c.tb.Fatalf("%s %v in %s: exit code %d\n%s", filepath.Base(c.Path), args, c.Dir, result.ExitCode, result.Output())
	}
	return result
}
