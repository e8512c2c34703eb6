// Command quickstart shows the main job of groundwork end to end, on servers that it starts itself:
//
//	go run ./internal/testenv/cmd/quickstart
//
// It runs the configuration in examples/quickstart through Terraform, or through OpenTofu with
// TOOL=tofu. Each step is checked: when one does not behave as told, the exit code is 1. Nothing is
// left behind, unless KEEP=1 asks to go on by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/toolchain"
)

// interrupted is the exit code of a program that an interrupt ended.
const interrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, getenv func(string) string, stdout, stderr io.Writer) int {
	tool := getenv("TOOL")
	switch tool {
	case "":
		tool = "terraform"
	case "terraform", "tofu":
	default:
		_, _ = fmt.Fprintf(stderr, "quickstart: TOOL is %q; the tools are terraform and tofu\n", tool)
		return 2
	}
	q := &quickstart{tool: tool, out: newPrinter(stdout, getenv), started: time.Now()}
	err := q.run(ctx, getenv("KEEP") != "" && getenv("KEEP") != "0")
	stopped := ctx.Err() != nil // and then whatever was under way has failed
	if leftover := q.clean(); leftover != nil {
		_, _ = fmt.Fprintf(stderr, "quickstart: cleaning up: %v\n", leftover)
		return 1
	}
	switch {
	case err == nil:
		return 0
	case stopped:
		_, _ = fmt.Fprintln(stderr, "\nquickstart: interrupted; everything was stopped and removed")
		return interrupted
	}
	_, _ = fmt.Fprintf(stderr, "\nquickstart: %v\n", err)
	return 1
}

// quickstart is one run.
type quickstart struct {
	tool    string
	out     *printer
	started time.Time

	// dir holds everything, and project the copy of examples/quickstart in it.
	dir, project string
	server       *minio.Server
	database     *postgres.Server
	cli          tfcli.CLI
	step         int
}

func (q *quickstart) run(ctx context.Context, keep bool) error {
	q.out.title("groundwork quickstart: states that are versioned, locked and guarded, from nothing")
	if err := q.prepare(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		q.planBootstrap, q.applyBootstrap, q.moveState, q.applyInfra, q.applyCoder, q.meetLock, q.refuseDestroy, q.makeLocks,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	q.out.title("Done in %s. All of it behaved as told.", time.Since(q.started).Round(time.Second))
	if keep {
		return q.wait(ctx)
	}
	q.out.text("Nothing is left behind. KEEP=1 make quickstart stops here, for you to go on by hand.")
	return nil
}

// prepare starts and builds what the steps need. The first run on a machine builds MinIO and the
// command line too, which takes minutes; later ones find them.
func (q *quickstart) prepare(ctx context.Context) error {
	root, err := toolchain.ModuleRoot()
	if err != nil {
		return err
	}
	if q.dir, err = os.MkdirTemp("", "groundwork-quickstart-"); err != nil {
		return fmt.Errorf("making a folder to work in: %w", err)
	}
	q.out.text("It all happens on this machine, in %s.", q.dir)
	q.out.text("First the programs: a first run builds them, which takes some minutes; later ones find them.")
	program, err := toolchain.Ensure(ctx, q.tool)
	if err != nil {
		return err
	}
	q.out.item("%s %s", q.tool, program.Version)
	_, config, err := tfcli.Setup(ctx, root, q.dir)
	if err != nil {
		return err
	}
	q.out.item("the provider of this checkout, in a mirror that stands in for the registry")
	if q.server, err = minio.Start(ctx, minio.Options{}); err != nil {
		return err
	}
	q.out.item("MinIO at %s, an S3 server that stands in for your cloud's", q.server.Endpoint)

	if err := q.startPostgres(ctx); err != nil {
		return err
	}

	home := filepath.Join(q.dir, "home")
	q.project = filepath.Join(q.dir, "project")
	if err := errors.Join(os.Mkdir(home, 0o700), copyExample(root, q.project)); err != nil {
		return fmt.Errorf("preparing the workspaces: %w", err)
	}
	q.cli = tfcli.CLI{Path: program.Path, Home: home, ConfigFile: config, Env: append(q.environment(), "TF_CLI_ARGS=-no-color")}
	q.out.item("a copy of examples/quickstart")
	return nil
}

// environment is all that the tool has to be told. The server and its keys end with this run.
func (q *quickstart) environment() []string {
	env := []string{
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + q.server.Endpoint,
		"AWS_ACCESS_KEY_ID=" + q.server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + q.server.SecretKey,
	}
	if q.database != nil {
		env = append(env,
			"PULUMI_LOCK_DB_HOST="+q.database.Host, "PULUMI_LOCK_DB_PORT="+strconv.Itoa(q.database.Port),
			"PULUMI_LOCK_DB_USER="+postgres.Superuser, "PULUMI_LOCK_DB_PASSWORD="+q.database.Password,
			"PGSSLMODE=verify-full", "PGSSLROOTCERT="+q.database.CAFile)
	}
	return env
}

// startPostgres starts PostgreSQL, which is not built here: where it is not installed, the step that
// needs it is left out.
func (q *quickstart) startPostgres(ctx context.Context) error {
	var err error
	q.database, err = postgres.Start(ctx, postgres.Options{})
	var absent *postgres.NotInstalledError
	switch {
	case errors.As(err, &absent):
		q.database = nil
		q.out.item("no PostgreSQL, so the step about lock tables is left out (%v)", absent)
		return nil
	case err != nil:
		return err
	}
	q.out.item("PostgreSQL at %s, which stands in for your cloud's as well", q.database.Addr())
	return nil
}

func (q *quickstart) clean() error {
	var errs []error
	if q.server != nil {
		errs = append(errs, q.server.Stop())
	}
	if q.database != nil {
		errs = append(errs, q.database.Stop())
	}
	if q.dir != "" {
		errs = append(errs, os.RemoveAll(q.dir))
	}
	return errors.Join(errs...)
}

// copyExample copies what is under version control, whatever else a visitor has left there.
func copyExample(root, dir string) error {
	from := filepath.Join(root, "examples", "quickstart")
	for _, name := range []string{".gitignore", "bootstrap.sh", "bootstrap/main.tf", infra + "/main.tf", coder + "/main.tf", locks + "/main.tf"} {
		text, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(name))) // #nosec G304 -- of this repository
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(target, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
