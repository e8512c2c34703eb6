package toollock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// tool is a real program in a directory.
type tool struct {
	path, dir string
	env       []string
}

// run is a program that was started.
type run struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
	done   chan error
}

// wait waits until the program has ended.
func (r *run) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(3 * time.Minute):
		_ = r.cmd.Process.Kill()
		err := <-r.done // so that its output is whole
		t.Fatalf("%v does not end, and was killed (%v):\n%s", r.cmd.Args, err, r.output)
		return nil
	}
}

func (c tool) start(t *testing.T, args ...string) *run {
	t.Helper()
	r := &run{cmd: exec.Command(c.path, args...), output: &bytes.Buffer{}, done: make(chan error, 1)}
	r.cmd.Dir, r.cmd.Env = c.dir, c.env
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	r.cmd.WaitDelay = time.Second // what the program has started itself may keep its output open
	must(t, r.cmd.Start())
	go func() {
		err := r.cmd.Wait()
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil
		}
		r.done <- err
	}()
	return r
}

// must runs a program that has to succeed.
func (c tool) must(t *testing.T, args ...string) string {
	t.Helper()
	r := c.start(t, args...)
	if err := r.wait(t); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(c.path), args, err, r.output)
	}
	return r.output.String()
}

// refused runs a program that has to fail.
func (c tool) refused(t *testing.T, args ...string) string {
	t.Helper()
	r := c.start(t, args...)
	if err := r.wait(t); err == nil {
		t.Fatalf("%s %v is not refused:\n%s", filepath.Base(c.path), args, r.output)
	}
	return r.output.String()
}

func (c tool) write(t *testing.T, name, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600))
}

func (c tool) exists(name string) bool {
	_, err := os.Stat(filepath.Join(c.dir, name))
	return err == nil
}

// backend is a backend of Terraform and OpenTofu with its lock.
type backend struct {
	config string // the backend block
	env    []string
	place  Place
}

// holding makes an apply stay in the middle until the file go exists.
const holding = `
resource "terraform_data" "held" {
  provisioner "local-exec" {
    command = "touch started && while [ -e started ] && [ ! -e go ]; do sleep 0.1; done"
  }
}
`

var backends = map[string]func(t *testing.T, dir string) backend{
	"lockfile": func(t *testing.T, _ string) backend {
		client, name := bucket(t, true, "")
		config, env := s3Backend(t, name)
		return backend{config: fmt.Sprintf(config, "use_lockfile = true"), env: env, place: NewLockfile(client, name, "infra/terraform.tfstate")}
	},
	"dynamodb": func(t *testing.T, _ string) backend {
		_, name := bucket(t, true, "")
		client, table := dynamoTable(t)
		config, env := s3Backend(t, name)
		return backend{
			config: fmt.Sprintf(config, fmt.Sprintf("dynamodb_table = %q", table)), env: env,
			place: NewDynamoDB(client, table, name, "infra/terraform.tfstate"),
		}
	},
	"pg": func(t *testing.T, _ string) backend {
		b := newPGBackend(t)
		return backend{
			config: `backend "pg" {}`, env: []string{"PG_CONN_STR=" + b.server.URL(b.role.Name, b.role.Password, b.database) + "?sslmode=disable"},
			place: NewPG(b.client, PGStates{}, ""),
		}
	},
	"local": func(_ *testing.T, dir string) backend {
		return backend{config: `backend "local" {}`, place: NewLocal(filepath.Join(dir, "terraform.tfstate"))}
	},
}

func s3Backend(t *testing.T, bucket string) (config string, env []string) {
	t.Helper()
	server, dynamo := testenv.MinIO(t), testenv.Dynalite(t)
	config = fmt.Sprintf(`backend "s3" {
    bucket = %q
    key = "infra/terraform.tfstate"
    region = %q
    use_path_style = true
    skip_credentials_validation = true
    skip_requesting_account_id = true
    skip_metadata_api_check = true
    skip_region_validation = true
    %%s
  }`, bucket, server.Region)
	// dynalite checks no signature, so the bucket's keys do for both.
	return config, []string{
		"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey,
		"AWS_ENDPOINT_URL_S3=" + server.Endpoint, "AWS_ENDPOINT_URL_DYNAMODB=" + dynamo.Endpoint,
	}
}

// newTerraform makes a project with a backend.
func newTerraform(t *testing.T, path string, setUp func(*testing.T, string) backend) (tool, Place) {
	t.Helper()
	dir := t.TempDir()
	b := setUp(t, dir)
	c := tool{path: path, dir: dir, env: append(proc.CleanEnv(t.TempDir(),
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "AWS_EC2_METADATA_DISABLED=true", "NO_COLOR=1",
		"TF_CLI_ARGS=-no-color", "TF_CLI_CONFIG_FILE="+os.DevNull), b.env...)}
	c.write(t, "main.tf", "terraform {\n  "+b.config+"\n}\n"+holding)
	c.must(t, "init")
	t.Cleanup(func() { c.write(t, "go", "") }) // whatever waits for it ends
	return c, b.place
}

// Each tool holds its lock and we see it and are refused; we hold it and the tool is refused; and
// what a killed tool leaves is broken as it was seen.
func TestInteroperation(t *testing.T) {
	for name, path := range map[string]string{"terraform": testenv.Terraform(t), "tofu": testenv.OpenTofu(t)} {
		for kind, setUp := range backends {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				c, place := newTerraform(t, path, setUp)
				none(t)(place.Inspect(t.Context()))
				toolHolds(t, c, place)
				weHold(t, c, place)
				toolDies(t, c, place)
			})
		}
	}
}

// holder is what the tool has to be shown as.
func checkTool(t *testing.T, l Lock) {
	t.Helper()
	who, operation := "@", "OperationTypeApply"
	if l.Kind == KindPG {
		operation = "" // the database does not know
	}
	if host, err := os.Hostname(); err == nil && l.Kind != KindPG {
		who = "@" + host
	}
	if !strings.Contains(l.Info.Who, who) || l.Info.Operation != operation || l.Since.IsZero() || l.Leftover || l.Problem != "" {
		t.Errorf("the tool's lock is seen as %+v", l)
	}
}

func toolHolds(t *testing.T, c tool, place Place) {
	t.Helper()
	r := c.start(t, "apply", "-auto-approve")
	await(t, r, func() bool { return c.exists("started") })
	seen := one(t)(place.Inspect(t.Context()))
	checkTool(t, seen)
	if seen.Kind == KindLocal && seen.PID != r.cmd.Process.Pid {
		t.Errorf("process %d holds the lock, and %d is shown", r.cmd.Process.Pid, seen.PID)
	}
	_, err := place.Acquire(t.Context(), info("state restore"))
	var held *HeldError
	if !errors.As(err, &held) {
		t.Fatalf("the lock is had twice: %v", err)
	}
	checkTool(t, held.Locks[0])
	if !strings.Contains(err.Error(), seen.Info.Who) {
		t.Errorf("the refusal does not name the holder: %v", err)
	}
	c.write(t, "go", "")
	if err := r.wait(t); err != nil {
		t.Fatalf("%v\n%s", err, r.output)
	}
	none(t)(place.Inspect(t.Context()))
}

// await waits for what a program does while it runs.
func await(t *testing.T, r *run, is func() bool) {
	t.Helper()
	eventually(t, "the program gets as far", func() bool {
		select {
		case err := <-r.done:
			t.Fatalf("it ends too early: %v\n%s", err, r.output)
		default:
		}
		return is()
	})
}

func weHold(t *testing.T, c tool, place Place) {
	t.Helper()
	grant, err := place.Acquire(t.Context(), info("state restore"))
	must(t, err)
	output := c.refused(t, "plan")
	wants := []string{"Error acquiring the state lock", "anna@laptop", "state restore", grant.Lock.Info.ID}
	if place.Kind() == KindPG {
		wants = []string{"Error acquiring the state lock", "already locked"}
	}
	for _, want := range wants {
		if !strings.Contains(output, want) {
			t.Errorf("the tool does not say %q:\n%s", want, output)
		}
	}
	must(t, grant.Release(t.Context()))
	c.must(t, "plan")
	none(t)(place.Inspect(t.Context()))
}

func toolDies(t *testing.T, c tool, place Place) {
	t.Helper()
	must(t, errors.Join(os.Remove(filepath.Join(c.dir, "started")), os.Remove(filepath.Join(c.dir, "go"))))
	r := c.start(t, "apply", "-auto-approve", "-replace=terraform_data.held")
	await(t, r, func() bool { return c.exists("started") })
	seen := one(t)(place.Inspect(t.Context()))
	if place.Kind() == KindLocal {
		var alive *AliveError
		if err := seen.Break(t.Context(), lease.Info{}); !errors.As(err, &alive) {
			t.Fatalf("a living process is robbed: %v", err)
		}
	}
	must(t, r.cmd.Process.Kill())
	if err := r.wait(t); err == nil {
		t.Error("what was killed ended well")
	}
	switch place.Kind() {
	case KindPG:
		eventually(t, "the server has noticed", func() bool { l, err := place.Inspect(t.Context()); must(t, err); return len(l) == 0 })
	case KindLocal:
		eventually(t, "the lock is free", func() bool { return one(t)(place.Inspect(t.Context())).Leftover })
		must(t, one(t)(place.Inspect(t.Context())).Break(t.Context(), lease.Info{}))
	default:
		output := c.refused(t, "plan")
		if !strings.Contains(output, seen.ID()) {
			t.Errorf("the tool names another lock than %s:\n%s", seen.ID(), output)
		}
		must(t, seen.Break(t.Context(), lease.Info{Info: "the tool was killed"}))
	}
	none(t)(place.Inspect(t.Context()))
	c.must(t, "plan")
}

// The same with Pulumi, in a bucket, in a folder and in PostgreSQL.
func TestInteroperationPulumi(t *testing.T) {
	for name, setUp := range map[string]func(*testing.T) (Files, string, []string){
		"bucket": func(t *testing.T) (Files, string, []string) {
			client, name := bucket(t, true, "")
			server := testenv.MinIO(t)
			url := fmt.Sprintf("s3://%s?region=%s&endpoint=%s&s3ForcePathStyle=true&request_checksum_calculation=when_required", name, server.Region, server.Endpoint)
			return BucketFiles(client, name, ""), url, []string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey}
		},
		"folder": func(t *testing.T) (Files, string, []string) {
			dir := t.TempDir()
			return DirFiles(dir), "file://" + filepath.ToSlash(dir), nil
		},
		"table": func(t *testing.T) (Files, string, []string) {
			server := testenv.Postgres(t)
			role := testenv.PostgresRole(t, server, "")
			address := url.URL{
				Scheme: "postgres", User: url.UserPassword(role.Name, role.Password), Host: server.Addr(),
				Path: "/" + testenv.PostgresDatabase(t, server, role.Name), RawQuery: "sslmode=disable&table=Team_State",
			}
			return tableOf(t, address.String()), address.String(), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, url, env := setUp(t)
			c := newPulumi(t, url, env)
			place := NewPulumi(files, "shop", "dev")
			none(t)(place.Inspect(t.Context()))
			pulumiHolds(t, c, place)
			pulumiIsRefused(t, c, place)
			pulumiDies(t, c, place)
		})
	}
}

// openPG opens a database by its address alone.
func openPG(address string) (*pglock.Client, error) {
	settings, err := pglock.Config{URL: address}.Resolve(func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	return pglock.New(settings)
}

// tableOf is a Pulumi backend in PostgreSQL by its address.
func tableOf(t *testing.T, address string) Files {
	t.Helper()
	files, err := TableFiles(address, openPG)
	must(t, err)
	return files
}

// User and password come from where Pulumi takes them. A backend that nobody has used has no locks.
func TestTableFilesByEnvironment(t *testing.T) {
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "")
	t.Setenv("PGUSER", role.Name)
	t.Setenv("PGPASSWORD", role.Password)
	files := tableOf(t, fmt.Sprintf("postgres://%s/%s?sslmode=disable", server.Addr(), testenv.PostgresDatabase(t, server, role.Name)))
	none(t)(PulumiLocks(t.Context(), files))
}

// Names that Pulumi could not use, or that would be statements, are refused, and nothing is said of
// what an address holds.
func TestTableFilesRefuses(t *testing.T) {
	for _, query := range []string{"table=a+b", `table=a"b`, "table=a;drop", "table=1a", "table=a.b.c", "table=é", "table=x&nonsense=1"} {
		if query == "table=a;drop" {
			query = "table=" + url.QueryEscape("a;drop")
		}
		if _, err := TableFiles("postgres://me:hunter2@h/d?"+query, openPG); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := TableFiles("postgres://me:hunter2@h:port/d", openPG); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

// newPulumi makes a project whose program is made by a script that waits for the file go.
func newPulumi(t *testing.T, backend string, env []string) tool {
	t.Helper()
	dir := t.TempDir()
	cli := testenv.Pulumi(t, dir, env...)
	cli.Backend = backend
	c := tool{path: cli.Path, dir: dir, env: cli.Environment()}
	c.write(t, "Pulumi.yaml", "name: shop\nruntime:\n  name: yaml\n  options:\n    compiler: sh slow.sh\n")
	c.write(t, "slow.sh", "touch started\nwhile [ -e started ] && [ ! -e go ]; do sleep 0.1; done\necho '{\"outputs\": {\"x\": 1}}'\n")
	t.Cleanup(func() { c.write(t, "go", "") })
	c.must(t, "stack", "init", "dev", "--non-interactive")
	return c
}

var up = []string{"up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev"}

func pulumiHolds(t *testing.T, c tool, place Place) {
	t.Helper()
	r := c.start(t, up...)
	await(t, r, func() bool {
		l, err := place.Inspect(t.Context())
		must(t, err)
		return c.exists("started") && len(l) == 1
	})
	seen := one(t)(place.Inspect(t.Context()))
	host, _ := os.Hostname()
	if seen.PID != r.cmd.Process.Pid || !strings.HasSuffix(seen.Info.Who, "@"+host) || seen.Since.IsZero() || seen.Problem != "" {
		t.Errorf("process %d of Pulumi is seen as %+v", r.cmd.Process.Pid, seen)
	}
	var held *HeldError
	if _, err := place.Acquire(t.Context(), info("state restore")); !errors.As(err, &held) || held.Locks[0].ID() != seen.ID() {
		t.Fatalf("the lock is had twice: %v", err)
	}
	c.write(t, "go", "")
	if err := r.wait(t); err != nil {
		t.Fatalf("%v\n%s", err, r.output)
	}
	none(t)(place.Inspect(t.Context()))
}

func pulumiIsRefused(t *testing.T, c tool, place Place) {
	t.Helper()
	grant, err := place.Acquire(t.Context(), info("state restore"))
	must(t, err)
	output := c.refused(t, up...)
	for _, want := range []string{"locked by 1 lock", "created by anna@laptop", fmt.Sprintf("pid %d", os.Getpid()), grant.Lock.ID()} {
		if !strings.Contains(output, want) {
			t.Errorf("Pulumi does not say %q:\n%s", want, output)
		}
	}
	must(t, grant.Release(t.Context()))
	c.must(t, up...)

	grant, err = place.Acquire(t.Context(), info("state restore"))
	must(t, err)
	c.must(t, "cancel", "--yes", "--non-interactive", "--stack", "dev")
	if err := grant.Release(t.Context()); !errors.Is(err, lease.ErrLost) {
		t.Errorf("after pulumi cancel: %v", err)
	}
}

func pulumiDies(t *testing.T, c tool, place Place) {
	t.Helper()
	must(t, errors.Join(os.Remove(filepath.Join(c.dir, "started")), os.Remove(filepath.Join(c.dir, "go"))))
	r := c.start(t, up...)
	await(t, r, func() bool { return c.exists("started") })
	seen := one(t)(place.Inspect(t.Context()))
	must(t, r.cmd.Process.Kill())
	if err := r.wait(t); err == nil {
		t.Error("what was killed ended well")
	}
	c.write(t, "go", "")
	if output := c.refused(t, up...); !strings.Contains(output, seen.ID()) {
		t.Errorf("Pulumi names another lock than %s:\n%s", seen.ID(), output)
	}
	must(t, seen.Break(context.WithoutCancel(t.Context()), lease.Info{Info: "Pulumi was killed"}))
	c.must(t, up...)
	none(t)(place.Inspect(t.Context()))
}
