package tfcli_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// products are the CLIs, with the registry that each of them means by a short address.
var products = map[string]string{
	"terraform": "registry.terraform.io",
	"tofu":      "registry.opentofu.org",
}

const configuration = `
terraform {
  required_providers {
    groundwork = {
      source  = "SOURCE"
      version = "~> 0.0.1"
    }
  }
}

resource "groundwork_environment" "given" {
  name = "GIVEN"
}

resource "groundwork_environment" "leaked" {
  name = "AWS_SECRET_ACCESS_KEY"
}

resource "groundwork_environment" "home" {
  name = "HOME"
}

output "values" {
  value = join(",", [
    groundwork_environment.given.value,
    groundwork_environment.leaked.value,
    groundwork_environment.home.value,
  ])
}
`

// built is the scratch provider in a mirror.
var built struct {
	binary, config string
}

func TestMain(m *testing.M) {
	code, err := setUpAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func setUpAndRun(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "groundwork-tfcli-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source, err := filepath.Abs("testdata/scratch")
	if err != nil {
		return 0, err
	}
	if built.binary, built.config, err = tfcli.Setup(context.Background(), source, dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func workDir(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	text = strings.ReplaceAll(text, "SOURCE", tfcli.Source())
	must(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The whole way of a user: init from the mirror with a version constraint and a lock file, apply,
// destroy. Whatever asks for the network gets to a proxy that counts.
func TestProviderFromTheMirror(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "leak")
	for product, registry := range products {
		t.Run(product, func(t *testing.T) {
			path, err := toolchain.Path(t.Context(), product)
			must(t, err)
			network, asked := countingProxy(t)
			cli := tfcli.CLI{
				Path: path, Dir: workDir(t, configuration), Home: t.TempDir(), ConfigFile: built.config,
				Env: []string{"GIVEN=hello", "HTTPS_PROXY=" + network},
			}
			succeed(t, cli, "init")
			lock, err := os.ReadFile(filepath.Join(cli.Dir, ".terraform.lock.hcl"))
			must(t, err)
			for _, want := range []string{registry + "/" + tfcli.Source(), `"` + tfcli.Version + `"`, "h1:"} {
				if !strings.Contains(string(lock), want) {
					t.Errorf("the lock file lacks %q:\n%s", want, lock)
				}
			}
			succeed(t, cli, "apply", "-auto-approve")
			out := succeed(t, cli, "output", "-raw", "values").Stdout
			if want := "hello,," + cli.Home; strings.TrimSpace(out) != want {
				t.Errorf("the provider saw %q, want %q", out, want)
			}
			succeed(t, cli, "destroy", "-auto-approve")
			if n := asked.Load(); n != 0 {
				t.Errorf("the network was asked for %d times", n)
			}
		})
	}
}

// What the mirror lacks is an error at once, not a download.
func TestOtherProvidersAreRefused(t *testing.T) {
	for product := range products {
		t.Run(product, func(t *testing.T) {
			path, err := toolchain.Path(t.Context(), product)
			must(t, err)
			network, asked := countingProxy(t)
			cli := tfcli.CLI{
				Path: path, Dir: workDir(t, `resource "null_resource" "x" {}`), Home: t.TempDir(), ConfigFile: built.config,
				Env: []string{"HTTPS_PROXY=" + network},
			}
			result, err := cli.Run(t.Context(), "init")
			must(t, err)
			if result.ExitCode != 1 || !strings.Contains(result.Stderr, "hashicorp/null") {
				t.Errorf("exit code %d\n%s", result.ExitCode, result.Output())
			}
			if n := asked.Load(); n != 0 {
				t.Errorf("the network was asked for %d times", n)
			}
		})
	}
}

func countingProxy(t *testing.T) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no network in tests", http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func succeed(t *testing.T, cli tfcli.CLI, args ...string) tfcli.Result {
	t.Helper()
	result, err := cli.Run(t.Context(), args...)
	must(t, err)
	if result.ExitCode != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, result.ExitCode, result.Output())
	}
	return result
}

func TestRunReports(t *testing.T) {
	path, err := toolchain.Path(t.Context(), "terraform")
	must(t, err)
	cli := tfcli.CLI{Path: path, Dir: workDir(t, `output "x" {`), Home: t.TempDir()}

	result, err := cli.Run(t.Context(), "validate")
	must(t, err)
	if result.ExitCode != 1 || !strings.Contains(result.Output(), "main.tf") {
		t.Errorf("exit code %d\n%s", result.ExitCode, result.Output())
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cli.Run(ctx, "version"); err == nil {
		t.Error("a run whose context has ended is no success")
	}
	cli.Path = filepath.Join(t.TempDir(), "missing")
	if _, err := cli.Run(t.Context(), "version"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("unexpected %v", err)
	}
}

// A program that asks waits for its answer, and takes it.
func TestStdinAnswers(t *testing.T) {
	for product := range products {
		t.Run(product, func(t *testing.T) {
			path, err := toolchain.Path(t.Context(), product)
			must(t, err)
			for answer, code := range map[string]int{"yes\n": 0, "no\n": 1} {
				cli := tfcli.CLI{
					Path: path, Dir: workDir(t, `resource "terraform_data" "x" {}`), Home: t.TempDir(),
					Env: []string{"TF_INPUT=1"},
				}
				succeed(t, cli, "init")
				cli.Stdin = strings.NewReader(answer)
				result, err := cli.Run(t.Context(), "apply")
				must(t, err)
				if result.ExitCode != code || !strings.Contains(result.Stdout, "Only 'yes' will be accepted") {
					t.Errorf("%q: exit code %d\n%s", answer, result.ExitCode, result.Output())
				}
			}
		})
	}
}

func TestSetupReportsABrokenBuild(t *testing.T) {
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("module x\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "main.go"), []byte("package main\n\nfunc main() { undefinedThing() }\n"), 0o600))
	_, _, err := tfcli.Setup(t.Context(), root, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "undefinedThing") {
		t.Errorf("unexpected %v", err)
	}
}

// A path may hold what the configuration language gives a meaning to.
func TestWriteConfigQuotes(t *testing.T) {
	path, err := toolchain.Path(t.Context(), "terraform")
	must(t, err)
	name := `a "b" ${c} %{d} é`
	if runtime.GOOS == "windows" { // which has no quotes in names
		name = strings.ReplaceAll(name, `"`, "")
	}
	dir := filepath.Join(t.TempDir(), name)
	must(t, os.Mkdir(dir, 0o700))
	mirror, config := filepath.Join(dir, "mirror"), filepath.Join(dir, "cli.tfrc")
	must(t, tfcli.Pack(mirror, built.binary, "1.2.3"))
	must(t, tfcli.WriteConfig(config, mirror))
	cli := tfcli.CLI{
		Path: path, Dir: workDir(t, strings.ReplaceAll(configuration, "~> 0.0.1", "1.2.3")), Home: t.TempDir(), ConfigFile: config,
	}
	succeed(t, cli, "init")
}
