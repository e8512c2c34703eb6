package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The workspaces, and the bucket that examples/quickstart names.
const (
	bootstrap = "bootstrap"
	infra     = "environments/dev/infra"
	coder     = "environments/dev/coder"
	bucket    = "terraform-state-coder-dev"
)

func (q *quickstart) planBootstrap(ctx context.Context) error {
	q.begin("Plan the bootstrap workspace",
		"It makes the bucket, and writes the backend configuration of every workspace, its own",
		"included. The plan shows each file before it is written; this is the one for coder:")
	if _, err := q.succeed(ctx, bootstrap, "init"); err != nil {
		return err
	}
	plan, err := q.succeed(ctx, bootstrap, "plan")
	if err != nil {
		return err
	}
	file := between(plan, `  # groundwork_backend_config_file.phase["coder"] will be created`, "\n        EOT\n")
	if !strings.Contains(file, "use_lockfile = true") || !strings.Contains(file, `data "terraform_remote_state" "infra"`) {
		return unexpected("the plan does not show the file for coder", plan)
	}
	q.out.quote(file + "\n...")
	return q.show(plan, "Plan:")
}

func (q *quickstart) applyBootstrap(ctx context.Context) error {
	q.begin("Apply it",
		"The bucket comes with versioning, encryption and expiry of old versions, as far as the",
		"service has them, and a probe on the bucket itself proves that lock files hold.")
	output, err := q.succeed(ctx, bootstrap, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	if err := q.show(output, "groundwork_state_bucket.states: Creation complete", "Apply complete!"); err != nil {
		return err
	}
	for _, workspace := range []string{bootstrap, infra, coder} {
		name := filepath.Join(q.project, filepath.FromSlash(workspace), "backend.tf")
		if _, err := os.Stat(name); err != nil {
			return fmt.Errorf("a file was not written: %w", err)
		}
		q.out.item("written: %s/backend.tf", workspace)
	}
	return nil
}

func (q *quickstart) moveState(ctx context.Context) error {
	q.begin("Move the bootstrap's own state into the bucket that it has made",
		"Its backend.tf is there now, so init offers to copy the state; -force-copy says yes.")
	output, err := q.succeed(ctx, bootstrap, "init", "-migrate-state", "-force-copy")
	if err != nil {
		return err
	}
	if err := q.show(output, `Successfully configured the backend "s3"!`); err != nil {
		return err
	}
	if err := q.mustHold(ctx, "bootstrap/terraform.tfstate"); err != nil {
		return err
	}
	plan, err := q.succeed(ctx, bootstrap, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	if err := q.show(plan, "No changes."); err != nil {
		return err
	}
	settings, err := q.succeed(ctx, bootstrap, "state", "show", "groundwork_state_bucket.states")
	if err != nil {
		return err
	}
	return q.show(settings, "versioning ", "algorithm ", "noncurrent_expiration_days ", "deletion_protection ", "lock_strategy ")
}

func (q *quickstart) applyInfra(ctx context.Context) error {
	q.begin("Phase 1, infra, keeps its state there by the generated file",
		"Nobody has written a backend block by hand.")
	if _, err := q.succeed(ctx, infra, "init"); err != nil {
		return err
	}
	output, err := q.succeed(ctx, infra, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	if err := q.show(output, "Apply complete!", "cluster_host ="); err != nil {
		return err
	}
	return q.mustHold(ctx, "infra/terraform.tfstate")
}

func (q *quickstart) applyCoder(ctx context.Context) error {
	q.begin("Phase 2, coder, reads what phase 1 has made",
		"Its generated file brings the terraform_remote_state data source along.")
	if _, err := q.succeed(ctx, coder, "init"); err != nil {
		return err
	}
	output, err := q.succeed(ctx, coder, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	if err := q.show(output, "Apply complete!", `coder_url = "https://coder.k8s-dev.example.com"`); err != nil {
		return err
	}
	return q.mustHold(ctx, "coder/terraform.tfstate")
}

func (q *quickstart) refuseDestroy(ctx context.Context) error {
	q.begin("A destroy is refused, and says why",
		"Protection is on by default:")
	said, err := q.refuse(ctx, "", bootstrap, "destroy", "-auto-approve")
	if err != nil {
		return err
	}
	if err := q.showError(said, "is refused by deletion_protection"); err != nil {
		return err
	}
	q.out.line("")
	q.out.text("Even without it, a bucket is not destroyed together with the state that manages it:")
	q.out.item("in bootstrap/main.tf: deletion_protection = false and force_destroy = true")
	if err := q.unprotect(); err != nil {
		return err
	}
	if _, err := q.succeed(ctx, bootstrap, "apply", "-auto-approve"); err != nil {
		return err
	}
	if said, err = q.refuse(ctx, "", bootstrap, "destroy", "-auto-approve"); err != nil {
		return err
	}
	if err := q.showError(said, "is kept in that bucket itself"); err != nil {
		return err
	}
	q.out.line("")
	for _, key := range []string{"bootstrap", "infra", "coder"} {
		if err := q.mustHold(ctx, key+"/terraform.tfstate"); err != nil {
			return err
		}
	}
	q.out.text("All three states are where they were. docs/guides/first-bootstrap.md has the way back.")
	return nil
}

// unprotect does what a person would do with an editor.
func (q *quickstart) unprotect() error {
	file := filepath.Join(q.project, bootstrap, "main.tf")
	text, err := os.ReadFile(file) // #nosec G304 -- the copy that this program made
	if err != nil {
		return err
	}
	const name = "  name = var.bucket\n"
	changed := strings.Replace(string(text), name, name+"\n  deletion_protection = false\n  force_destroy       = true\n", 1)
	return os.WriteFile(file, []byte(changed), 0o600)
}

func (q *quickstart) holds(ctx context.Context, key string) (bool, error) {
	name := bucket
	_, err := q.server.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &name, Key: &key})
	var absent *types.NotFound
	if errors.As(err, &absent) {
		return false, nil
	}
	return err == nil, err
}

func (q *quickstart) mustHold(ctx context.Context, key string) error {
	held, err := q.holds(ctx, key)
	if err == nil && !held {
		err = errors.New("it is not there")
	}
	if err != nil {
		return fmt.Errorf("looking for %s in the bucket: %w", key, err)
	}
	q.out.item("in the bucket: %s", key)
	return nil
}
