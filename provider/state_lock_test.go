package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// leaseLab is a lock table on PostgreSQL, with a provider block for it and a store beside it.
func leaseLab(t *testing.T, more string) (block, database string, store lease.Store) {
	t.Helper()
	role, database, store := leaseTable(t)
	return pgBlock(testenv.Postgres(t), role, more), database, store
}

// leaseTable is a lock table on PostgreSQL, with its owner and a store beside it.
func leaseTable(t *testing.T) (role postgres.Role, database string, store lease.Store) {
	t.Helper()
	server := testenv.Postgres(t)
	role = testenv.PostgresRole(t, server, "")
	database = testenv.PostgresDatabase(t, server, role.Name)
	settings, err := pglock.Config{
		Host: server.Host, Port: server.Port, User: role.Name, Password: role.Password, SSLMode: "disable",
	}.Resolve(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	client, err := pglock.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	const table = "CREATE TABLE public.pulumi_state_locks (lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz)"
	if err := server.Exec(t.Context(), database, fmt.Sprintf("SET ROLE %q; %s", role.Name, table)); err != nil {
		t.Fatal(err)
	}
	leases, err := client.Leases(t.Context(), database, pglock.LeaseOptions{Repair: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := leases.Close(); err != nil {
			t.Error(err)
		}
	})
	// The first lease gives the table that was made by hand what it lacks.
	grant, err := leases.Acquire(t.Context(), lease.Request{Name: "first"}, lease.Wait{})
	if err == nil {
		err = leases.Release(t.Context(), grant)
	}
	if err != nil {
		t.Fatal(err)
	}
	return role, database, leases
}

func TestAccStateLocks(t *testing.T) {
	server := testenv.MinIO(t)
	block, database, leases := leaseLab(t, fmt.Sprintf("service = \"minio\"\n endpoint = %q\n access_key = %q\n secret_key = %q",
		server.Endpoint, server.AccessKey, server.SecretKey))
	store, bucket := directStore(t), testenv.BucketName(t)
	if _, err := store.Ensure(t.Context(), bucket, s3store.EnsureOptions{}); err != nil {
		t.Fatal(err)
	}
	tool, err := toollock.NewLockfile(store, bucket, "infra/terraform.tfstate").Acquire(t.Context(), lease.Info{Who: "anna@laptop", Operation: "OperationTypeApply"})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := toollock.NewPulumi(toollock.BucketFiles(store, bucket, ""), "shop", "dev").Acquire(t.Context(), lease.Info{Who: "carl@ci"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Acquire(t.Context(), lease.Request{Name: "nightly", Info: lease.Info{Who: "bert@ci", Operation: "backup"}}, lease.Wait{}); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("%s\ndata \"groundwork_state_locks\" \"all\" {\n bucket = %q\n postgres = { database = %q }\n}\n", block, bucket, database)
	const address = "data.groundwork_state_locks.all"
	at := func(i int, name string) tfjsonpath.Path {
		return tfjsonpath.New("locks").AtSliceIndex(i).AtMapKey(name)
	}
	text := func(i int, name, want string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(address, at(i, name), knownvalue.StringExact(want))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("locks"), knownvalue.ListSizeExact(3)),
					text(0, "kind", "lockfile"), text(0, "id", tool.Lock.ID()), text(0, "holder", "anna@laptop"), text(0, "operation", "OperationTypeApply"),
					text(0, "name", "s3://"+bucket+"/infra/terraform.tfstate"), text(0, "place", "s3://"+bucket+"/infra/terraform.tfstate.tflock"),
					text(1, "kind", "pulumi"), text(1, "id", stack.Lock.ID()), text(1, "holder", "carl@ci"),
					statecheck.ExpectKnownValue(address, at(1, "fence"), knownvalue.Null()),
					text(2, "kind", "lease"), text(2, "name", "nightly"), text(2, "holder", "bert@ci"), text(2, "operation", "backup"),
					statecheck.ExpectKnownValue(address, at(2, "expired"), knownvalue.Bool(false)),
					statecheck.ExpectKnownValue(address, at(2, "left_seconds"), knownvalue.NotNull()),
					statecheck.ExpectKnownValue(address, at(2, "fence"), knownvalue.NotNull()),
				},
			},
			{ // Only what is under a prefix: neither the other environment nor the stacks at the top.
				Config: fmt.Sprintf("%s\ndata \"groundwork_state_locks\" \"all\" {\n bucket = %q\n prefix = \"infra/\"\n}\n", block, bucket),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("locks"), knownvalue.ListSizeExact(1)), text(0, "id", tool.Lock.ID()),
				},
			},
			{
				Config:      block + "\ndata \"groundwork_state_locks\" \"all\" {\n bucket = \"" + testenv.BucketName(t) + "\"\n}\n",
				ExpectError: regexp.MustCompile("Unable to List the Locks"),
			},
		},
	})
}

// The lock is held while what depends on it runs, renewed past its lease, and free afterwards.
func TestAccEphemeralStateLock(t *testing.T) {
	block, database, leases := leaseLab(t, "")
	lock := func(name, more string) string {
		return fmt.Sprintf("ephemeral \"groundwork_state_lock\" %q {\n name = \"pulumi:shop/dev\"\n postgres = { database = %q }\n %s\n}\n", name, database, more)
	}
	free := func(t *testing.T) {
		t.Helper()
		held, err := leases.List(t.Context())
		if err != nil || len(held) != 0 {
			t.Errorf("after the run: %+v, %v", held, err)
		}
	}
	dir := t.TempDir()
	// The contender waits from the moment when the dependent runs, and must not have it before the end.
	outcome := make(chan error, 1)
	go func() {
		for range 3000 {
			if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		grant, err := leases.Acquire(t.Context(), lease.Request{Name: "pulumi:shop/dev"}, lease.Wait{Timeout: time.Minute})
		if err == nil {
			if _, missing := os.Stat(filepath.Join(dir, "done")); missing != nil {
				err = fmt.Errorf("it was had while the dependent ran: %w", missing)
			}
			if releaseErr := leases.Release(t.Context(), grant); err == nil {
				err = releaseErr
			}
		}
		outcome <- err
	}()
	dependent := fmt.Sprintf("resource \"terraform_data\" \"x\" {\n depends_on = [ephemeral.groundwork_state_lock.a]\n provisioner \"local-exec\" {\n  command = \"cd '%s' && touch started && sleep 7 && touch done\"\n }\n}\n", dir)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: protoV6Factories(),
		Steps: []resource.TestStep{
			{
				Config:      block + "ephemeral \"groundwork_state_lock\" \"a\" {\n name = \"x\"\n}\n",
				ExpectError: regexp.MustCompile(`Exactly one of these attributes must be configured`),
			},
			{Config: block + lock("a", "lease_seconds = 3") + dependent},
			{
				// A run that fails gives nothing back: the short lease is for the steps that follow.
				PreConfig:   func() { free(t) },
				Config:      block + lock("a", "lease_seconds = 3") + lock("b", "timeout_seconds = 0\n depends_on = [ephemeral.groundwork_state_lock.a]"),
				ExpectError: regexp.MustCompile(`(?s)Unable to Take the Lock.*groundwork locks list`),
			},
			{Config: block + lock("a", "")},
		},
	})
	if err := <-outcome; err != nil {
		t.Error(err)
	}
}
