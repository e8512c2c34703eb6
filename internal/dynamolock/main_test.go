package dynamolock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/awslocal"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

func TestMain(m *testing.M) {
	if err := cleanEnvironment(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Main(m)
}

// cleanEnvironment keeps the settings of the machine out: a test must not find credentials.
func cleanEnvironment() error {
	var errs []error
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"AWS_", "GROUNDWORK_"} {
			if strings.HasPrefix(name, prefix) && name != toolchain.CacheVariable {
				errs = append(errs, os.Unsetenv(name))
			}
		}
	}
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		errs = append(errs, os.Setenv(name, os.DevNull))
	}
	return errors.Join(append(errs, os.Setenv("AWS_EC2_METADATA_DISABLED", "true"))...)
}

// configFor reaches a server with short pauses.
func configFor(s *awslocal.Server) Config {
	return Config{
		Region: s.Region, Endpoint: s.Endpoint, AccessKey: s.AccessKey, SecretKey: s.SecretKey, MaxBackoff: 5 * time.Millisecond,
	}
}

func newClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(t.Context(), cfg)
	must(t, err)
	return c
}

// onMoto and onDynalite return clients of the shared servers.
func onMoto(t testing.TB) *Client { t.Helper(); return newClient(t, configFor(testenv.Moto(t))) }

func onDynalite(t testing.TB) *Client {
	t.Helper()
	return newClient(t, configFor(testenv.Dynalite(t)))
}

// onEach runs a test of leases on each server that stands in for DynamoDB.
func onEach(t *testing.T, test func(t *testing.T, server *awslocal.Server)) {
	for name, server := range map[string]func(testing.TB) *awslocal.Server{"dynalite": testenv.Dynalite, "moto": testenv.Moto} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, server(t))
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
