package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The bucket can go again: not while it holds the state that manages it, not while it holds live
// state of others, and not without a copy of what it holds.
func TestTheWayBack(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.bootstrapped()
		p.phasesApplied()
		cli := p.in(bootstrap)

		contains(t, refused(t, cli, "destroy", "-auto-approve"), "is refused by deletion_protection")
		p.replace("  name = var.bucket\n", "  name = var.bucket\n\n  deletion_protection = false\n", bootstrap, "main.tf")
		cli.Must("apply", "-auto-approve")
		contains(t, refused(t, cli, "destroy", "-auto-approve"),
			`The state "bootstrap/terraform.tfstate", which manages bucket "`+p.bucket+`", is kept in that bucket itself.`,
			"Nothing overrides this. Move the state to a local file first", `backend "local" {}`)

		p.write(localOverride, bootstrap, "backend_override.tf")
		cli.Must("init", "-migrate-state", "-force-copy")
		if state := p.read(bootstrap, "terraform.tfstate"); !strings.Contains(state, "groundwork_state_bucket") {
			t.Fatalf("the state is not local:\n%s", state)
		}
		contains(t, refused(t, cli, "destroy", "-auto-approve"), "holds live state",
			"coder/terraform.tfstate (1 resource)", "infra/terraform.tfstate (1 resource)")
		if !p.bucketExists() || !slices.Contains(p.names(infra), "backend.tf") {
			t.Fatal("a destroy that was refused has destroyed something")
		}

		for _, phase := range []string{coder, infra} {
			p.in(phase).Must("destroy", "-auto-approve")
		}
		contains(t, refused(t, cli, "destroy", "-auto-approve"), "is not empty")
		p.replace("deletion_protection = false\n", "deletion_protection = false\n  force_destroy       = true\n  final_backup_to     = \"backup\"\n", bootstrap, "main.tf")
		cli.Must("apply", "-auto-approve")
		contains(t, cli.Must("destroy", "-auto-approve").Stdout, "Destroy complete! Resources: 4 destroyed.")
		p.isGone()
	})
}

// The same from another directory, with the local state and the tool's own data at unusual places.
func TestTheWayBackFromElsewhere(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.replace("  name = var.bucket\n", "  name = var.bucket\n\n  deletion_protection = false\n  force_destroy       = true\n", bootstrap, "main.tf")
		cli := p.in(".")
		cli.Env = append(cli.Env, "TF_DATA_DIR=.data")
		run := func(args ...string) []string { return append([]string{"-chdir=" + bootstrap}, args...) }
		cli.Must(run("init")...)
		cli.Must(run("apply", "-auto-approve")...)
		cli.Must(run("init", "-migrate-state", "-force-copy")...)
		contains(t, refused(t, cli, run("destroy", "-auto-approve")...), "is kept in that bucket itself")

		p.write("terraform {\n  backend \"local\" {\n    path = \"../moved/out.tfstate\"\n  }\n}\n", bootstrap, "backend_override.tf")
		cli.Must(run("init", "-migrate-state", "-force-copy")...)
		contains(t, p.read("moved", "out.tfstate"), "groundwork_state_bucket")
		contains(t, cli.Must(run("destroy", "-auto-approve")...).Stdout, "Destroy complete! Resources: 4 destroyed.")
		if p.bucketExists() {
			t.Error("the bucket is still there")
		}
	})
}

// A copy beside the configuration is not enough: as long as the bucket is in use, or the copy is older
// than the state in it, the bucket stays.
func TestACopyIsNoWayBack(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.replace("  name = var.bucket\n", "  name = var.bucket\n\n  deletion_protection = false\n  force_destroy       = true\n  final_backup_to     = \"backup\"\n", bootstrap, "main.tf")
		p.bootstrapped()
		cli := p.in(bootstrap)
		p.write(cli.Must("state", "pull").Stdout, bootstrap, "terraform.tfstate")
		contains(t, refused(t, cli, "destroy", "-auto-approve"), "is kept in that bucket itself")

		// Somebody goes on in the bucket, while this one begins again from the old copy.
		p.commit()
		clone := p.clone()
		clone.replace("  name = var.bucket\n", "  name = var.bucket\n  tags = { owner = \"others\" }\n", bootstrap, "main.tf")
		other := clone.in(bootstrap)
		other.Must("init")
		other.Must("apply", "-auto-approve")
		p.write(localOverride, bootstrap, "backend_override.tf")
		cli.Must("init", "-reconfigure")
		contains(t, refused(t, cli, "destroy", "-auto-approve"), "is kept in that bucket itself")
		unchanged(t, other)
	})
}

// isGone checks what a destroy leaves.
func (p *project) isGone() {
	p.t.Helper()
	if p.bucketExists() {
		p.t.Error("the bucket is still there")
	}
	want := []string{".terraform", ".terraform.lock.hcl", "backend_override.tf", "backup", "main.tf", "terraform.tfstate", "terraform.tfstate.backup"}
	if names := p.names(bootstrap); !slices.Equal(names, want) {
		p.t.Errorf("left in %s: %v, want %v", bootstrap, names, want)
	}
	var state struct {
		Resources []json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal([]byte(p.read(bootstrap, "terraform.tfstate")), &state); err != nil || len(state.Resources) != 0 {
		p.t.Errorf("the state is not empty: %v, %d resources", err, len(state.Resources))
	}
	for _, phase := range []string{infra, coder} {
		if slices.Contains(p.names(phase), "backend.tf") {
			p.t.Errorf("%s still has its backend.tf", phase)
		}
	}
	for _, key := range []string{"bootstrap", "infra", "coder"} {
		copies, err := filepath.Glob(p.file(bootstrap, "backup", p.bucket+"-*", "objects", key, "terraform.tfstate"))
		if err != nil || len(copies) != 1 {
			p.t.Errorf("copies of %s/terraform.tfstate: %v, %v", key, copies, err)
		}
	}
}

// A checkout whose bucket does not exist: the first run of a CI job, or the day after a disaster.
func TestCloneWithoutABucket(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		// The files of a project whose bucket was never made here: applied against one that is gone.
		p.bootstrapped()
		p.commit()
		other := p.clone()
		p.abandon()

		cli := other.in(bootstrap)
		said := refused(t, cli, "init")
		contains(t, said, noBucket[p.command], "The referenced S3 bucket must have been previously created.")
		contains(t, refused(t, cli, "plan"), "Backend initialization required, please run \""+p.command+" init\"")

		other.write(localOverride, bootstrap, "backend_override.tf")
		cli.Must("init", "-reconfigure")
		contains(t, cli.Must("apply", "-auto-approve").Stdout, "Apply complete! Resources: 4 added, 0 changed, 0 destroyed.")
		other.remove(bootstrap, "backend_override.tf")
		contains(t, refused(t, cli, "plan"), `Backend type changed from "local" to "s3"`)
		contains(t, refused(t, cli, "init"), "Backend configuration changed")
		cli.Must("init", "-migrate-state", "-force-copy")
		unchanged(t, cli)
		if _, ok := other.object("bootstrap/terraform.tfstate"); !ok {
			t.Error("the state is not in the bucket")
		}
		if changed := other.changed(); changed != "" {
			t.Errorf("the run changed files that are committed:\n%s", changed)
		}
		// Unlike after the first bootstrap, the tools leave the local copy as it was.
		if left := other.read(bootstrap, "terraform.tfstate"); !strings.Contains(left, "groundwork_state_bucket") {
			t.Errorf("the local state is %q; the guide says that it stays", left)
		}

		// Doing it again by mistake, with the bucket there, takes nothing over.
		again := other.clone()
		again.write(localOverride, bootstrap, "backend_override.tf")
		cli = again.in(bootstrap)
		cli.Must("init", "-reconfigure")
		contains(t, refused(t, cli, "apply", "-auto-approve"), "exists already and holds objects, \"bootstrap/terraform.tfstate\" among them")
		if _, err := os.Stat(again.file(bootstrap, "backend.tf")); err != nil {
			t.Error(err)
		}
	})
}

// noBucket is what init says when the bucket is not there. The guide quotes it.
var noBucket = map[string]string{
	"terraform": `Failed to get existing workspaces: S3 bucket "`,
	"tofu":      "Failed to get existing workspaces: S3 bucket does not exist.",
}
