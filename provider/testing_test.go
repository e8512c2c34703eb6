package provider

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func TestMain(m *testing.M) {
	// Most tests wait: for a command line, a timeout, a retry. Two at a time, one for each core of
	// a small machine, would take minutes longer.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(testenv.Run(func() int {
		if err := prepareEnvironment(); err != nil {
			fmt.Fprintf(os.Stderr, "preparing the acceptance tests: %v\n", err)
			return 1
		}
		return m.Run()
	}))
}

// prepareEnvironment makes the acceptance tests run wherever `go test` does, with the pinned CLI,
// and keeps the settings of the machine out: a test must not find somebody's credentials.
func prepareEnvironment() error {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"AWS_", "SCW_", "GROUNDWORK_", "TF_VAR_", "TF_CLI_", "TF_DATA_DIR", "TF_WORKSPACE"} {
			if strings.HasPrefix(name, prefix) && name != toolchain.CacheVariable {
				if err := os.Unsetenv(name); err != nil {
					return err
				}
			}
		}
	}
	settings := map[string]string{
		"TF_ACC": "1", "CHECKPOINT_DISABLE": "1", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "TF_CLI_CONFIG_FILE": os.DevNull,
	}
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		path, err := toolchain.Path(context.Background(), "terraform")
		if err != nil {
			return err
		}
		settings["TF_ACC_TERRAFORM_PATH"] = path
	}
	for name, value := range settings {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// underOpenTofu tells which of the two command lines runs the acceptance tests.
func underOpenTofu() bool {
	return strings.Contains(filepath.Base(os.Getenv("TF_ACC_TERRAFORM_PATH")), "tofu")
}

// protoV6Factories serves the provider from this very process.
func protoV6Factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"groundwork": providerserver.NewProtocol6WithError(New("test")()),
	}
}

// minioProviderBlock configures the provider for the MinIO that the tests share.
func minioProviderBlock(tb testing.TB) string {
	tb.Helper()
	return minioProviderBlockAs(tb, "minio")
}

// minioProviderBlockAs does so under another profile, such as custom.
func minioProviderBlockAs(tb testing.TB, service string) string {
	tb.Helper()
	s := testenv.MinIO(tb)
	return fmt.Sprintf(`
provider "groundwork" {
  service    = %q
  region     = %q
  endpoint   = %q
  access_key = %q
  secret_key = %q
}
`, service, s.Region, s.Endpoint, s.AccessKey, s.SecretKey)
}

// terraformState is what the checks of the test framework are given.
type terraformState = terraform.State

// cliHeader is the terraform block of configurations that a real CLI runs.
var cliHeader = fmt.Sprintf(`
terraform {
  required_providers {
    groundwork = {
      source = %q
    }
  }
}
`, tfcli.Source())
