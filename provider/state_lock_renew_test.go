package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
)

// behindProxy leads a provider block to the same server through a proxy.
func behindProxy(t *testing.T, block string) (string, *tcpproxy.Proxy) {
	t.Helper()
	server := testenv.Postgres(t)
	proxy := testenv.TCPProxy(t, server.Addr())
	direct := fmt.Sprintf("postgres_port        = %d", server.Port)
	if !strings.Contains(block, direct) {
		t.Fatalf("the block has no %q: %s", direct, block)
	}
	return strings.Replace(block, direct, fmt.Sprintf("postgres_port        = %d", proxy.Port()), 1), proxy
}

// eventually asks until it is so.
func eventually(what string, is func() (bool, error)) error {
	for range 1500 {
		if so, err := is(); so || err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s: not within half a minute", what)
}

// A database that is away when the lock is to be renewed is asked again, since the tools do not renew
// again after an error. One that is away at the end is asked again, too.
func TestAccEphemeralStateLockOverOutage(t *testing.T) {
	block, database, leases := leaseLab(t, "")
	block, proxy := behindProxy(t, block)
	dir := t.TempDir()
	there := func(name string) func() (bool, error) {
		return func() (bool, error) {
			_, err := os.Stat(filepath.Join(dir, name))
			return err == nil, nil
		}
	}
	end := func() (time.Time, error) {
		held, err := leases.List(t.Context())
		if err != nil || len(held) != 1 {
			return time.Time{}, fmt.Errorf("held are %+v, %w", held, err)
		}
		return held[0].Expires, nil
	}
	cut := func() (bool, error) { return proxy.Fired(), nil }
	disturb := func() error {
		if err := eventually("the dependent starts", there("started")); err != nil {
			return err
		}
		proxy.CutBefore(1)
		before, err := end()
		if err != nil {
			return err
		}
		if err := eventually("a renewal is cut", cut); err != nil {
			return err
		}
		proxy.Reset()
		if err := eventually("the lease is renewed after that", func() (bool, error) {
			now, err := end()
			return now.After(before), err
		}); err != nil {
			return err
		}
		proxy.CutBefore(1)
		return eventually("another renewal, or the giving back, is cut", cut)
	}
	outcome := make(chan error, 1)
	go func() {
		err := disturb()
		proxy.Reset()
		outcome <- err
		_ = os.WriteFile(filepath.Join(dir, "go"), nil, 0o600) // the run would show that it is not there
	}()
	config := block + fmt.Sprintf(`
ephemeral "groundwork_state_lock" "a" {
  name          = "pulumi:shop/dev"
  postgres      = { database = %q }
  lease_seconds = 9
}
resource "terraform_data" "x" {
  depends_on = [ephemeral.groundwork_state_lock.a]
  provisioner "local-exec" {
    command = "cd '%s' && touch started && while [ ! -e go ]; do sleep 0.1; done"
  }
}
`, database, dir)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps:                    []resource.TestStep{{Config: config}},
	})
	if err := <-outcome; err != nil {
		t.Error(err)
	}
	if held, err := leases.List(t.Context()); err != nil || len(held) != 0 {
		t.Errorf("after the run: %+v, %v", held, err)
	}
}
