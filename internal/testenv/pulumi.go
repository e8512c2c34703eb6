package testenv

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

// Pulumi returns a runner of the Pulumi CLI in a directory, with a home of its own and the language
// host for programs in YAML; env adds NAME=value pairs to the clean environment.
func Pulumi(tb testing.TB, dir string, env ...string) pulumicli.CLI {
	tb.Helper()
	home := filepath.Join(tb.TempDir(), "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		tb.Fatalf("testenv: %v", err)
	}
	return pulumicli.CLI{
		Path: Tool(tb, "pulumi"), Dir: dir, Home: home,
		Plugins:    []string{filepath.Dir(Tool(tb, "pulumi-language-yaml"))},
		Passphrase: "correct horse", Env: env,
	}
}
