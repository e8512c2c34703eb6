package e2e

import (
	"slices"
	"strings"
	"testing"
)

// localOverride is what the guide tells people to put into backend_override.tf.
const localOverride = `terraform {
  backend "local" {}
}
`

// bootstrapped applies the bootstrap workspace of a project from nothing and moves its state into
// the bucket that it made.
func (p *project) bootstrapped() {
	p.t.Helper()
	cli := p.in(bootstrap)
	cli.Must("init")
	cli.Must("apply", "-auto-approve")
	cli.Must("init", "-migrate-state", "-force-copy")
}

// phasesApplied applies both phases.
func (p *project) phasesApplied() {
	p.t.Helper()
	for _, phase := range []string{infra, coder} {
		cli := p.in(phase)
		cli.Must("init")
		cli.Must("apply", "-auto-approve")
	}
}

// From an empty directory to a bootstrap whose own state is in the bucket, and two phases that keep
// theirs there as well.
func TestBootstrapFromNothing(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		cli := p.in(bootstrap)
		cli.Must("init")
		if plan := cli.Must("plan").Stdout; !strings.Contains(plan, `key    = "infra/terraform.tfstate"`) {
			t.Errorf("the plan does not show the file of the first phase:\n%s", plan)
		}
		contains(t, cli.Must("apply", "-auto-approve").Stdout, "Apply complete! Resources: 4 added, 0 changed, 0 destroyed.")
		if !p.bucketExists() {
			t.Fatal("there is no bucket")
		}
		for workspace, key := range map[string]string{
			bootstrap: "bootstrap/terraform.tfstate", infra: "infra/terraform.tfstate", coder: "coder/terraform.tfstate",
		} {
			contains(t, p.read(workspace, "backend.tf"), `backend "s3"`, `bucket = "`+p.bucket+`"`, `key = "`+key+`"`, "use_lockfile = true")
		}
		contains(t, p.read(coder, "backend.tf"), `data "terraform_remote_state" "infra"`)
		contains(t, refused(t, cli, "plan"), "Initial configuration of the requested backend \"s3\"")

		cli.Must("init", "-migrate-state", "-force-copy")
		if state, ok := p.object("bootstrap/terraform.tfstate"); !ok || !strings.Contains(state, "groundwork_state_bucket") {
			t.Errorf("the state is not in the bucket: %s", state)
		}
		if left := p.read(bootstrap, "terraform.tfstate"); left != "" {
			t.Errorf("the local state still holds something:\n%s", left)
		}
		unchanged(t, cli)

		p.phasesApplied()
		contains(t, p.in(coder).Must("output").Stdout, `coder_url = "https://coder.k8s-dev.example.com"`)
		for _, key := range []string{"infra/terraform.tfstate", "coder/terraform.tfstate"} {
			if _, ok := p.object(key); !ok {
				t.Errorf("there is no %s", key)
			}
			if _, ok := p.object(key + ".tflock"); ok {
				t.Errorf("%s is still locked", key)
			}
		}
		for _, workspace := range []string{bootstrap, infra, coder} {
			unchanged(t, p.in(workspace))
		}
	})
}

// A colleague, and every CI run, starts from an empty checkout.
func TestBootstrapFromAClone(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.bootstrapped()
		p.phasesApplied()
		p.commit()

		clone := p.clone()
		for workspace, committed := range map[string][]string{
			bootstrap: {".terraform.lock.hcl", "backend.tf", "main.tf"},
			infra:     {"backend.tf", "main.tf"},
			coder:     {"backend.tf", "main.tf"},
		} {
			if names := clone.names(workspace); !slices.Equal(names, committed) {
				t.Errorf("committed in %s: %v, want %v", workspace, names, committed)
			}
		}
		for range 2 { // what CI does on every push
			for _, workspace := range []string{bootstrap, infra, coder} {
				cli := clone.in(workspace)
				cli.Must("init")
				unchanged(t, cli)
				contains(t, cli.Must("apply", "-auto-approve").Stdout, "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.")
			}
			if changed := clone.changed(); changed != "" {
				t.Errorf("the run changed files that are committed:\n%s", changed)
			}
		}
		unchanged(t, p.in(bootstrap))
	})
}
