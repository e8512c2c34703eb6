package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// phased starts the README of a scenario that keeps its states in a bucket for each environment.
func phased(t *testing.T, name, command, path string) (w *walkthrough, prefix string) {
	t.Helper()
	prefix = bucketPrefix()
	env := append(minioEnv(t), "TF_VAR_bucket_prefix="+prefix, "TF_VAR_tool="+toolNames[command])
	return newWalkthrough(t, name, path, env...), prefix
}

// Three environments, two phases each, from nothing to nothing.
func TestTwoPhaseScenario(t *testing.T) {
	eachTool(t, func(t *testing.T, command, path string) {
		w, prefix := phased(t, "two-phase", command, path)
		client := testenv.MinIO(t).Client()
		contains(t, w.run("Make the buckets").Stdout, "Apply complete! Resources: 11 added, 0 changed, 0 destroyed.")
		if keys := objectsIn(t, client, prefix+"-backend"); !slices.Equal(keys, []string{"backend/terraform.tfstate"}) {
			t.Errorf("in the bucket of the backend's own state: %v", keys)
		}
		contains(t, w.run("Deploy").Stdout, `"https://coder.k8s-prod.example.com"`)
		for _, environment := range []string{"dev", "staging", "prod"} {
			if keys := objectsIn(t, client, prefix+"-"+environment); !slices.Equal(keys, []string{"coder/terraform.tfstate", "infra/terraform.tfstate"}) {
				t.Errorf("in the bucket of %s: %v", environment, keys)
			}
		}
		w.run("Look again")
		contains(t, w.refused("terraform -chdir=backend destroy -var=teardown=true"), "deletion_protection")

		w.run("Take one environment down")
		w.sh("terraform -chdir=backend apply -var=teardown=true")
		contains(t, w.refused("terraform -chdir=backend destroy -var=teardown=true"),
			"is kept in that bucket itself", "holds live state", "coder/terraform.tfstate (1 resource)", "infra/terraform.tfstate (1 resource)")
		contains(t, w.run("Take everything down").Stdout, "Destroy complete! Resources: 11 destroyed.")
		isGone(t, client, prefix+"-backend", prefix+"-dev", prefix+"-staging", prefix+"-prod")
		if w.exists("environments", "prod", "coder", "backend.tf") || w.exists("backend", "backend.tf") {
			t.Error("backend files are still there")
		}
	})
}

// From one local state for each environment to buckets, and on to phases for one of them. Whatever
// is moved, every resource stays the one that it was.
func TestLegacyScenario(t *testing.T) {
	eachTool(t, func(t *testing.T, command, path string) {
		w, prefix := phased(t, "legacy", command, path)
		client := testenv.MinIO(t).Client()
		w.run("As it is today")
		dev, prod := w.resources("environments/dev"), w.resources("environments/prod")
		if len(dev) != 2 || len(prod) != 2 {
			t.Fatalf("there are %v and %v", dev, prod)
		}
		same := func(want map[string]string, configurations ...string) {
			t.Helper()
			if got := w.resources(configurations...); !maps.Equal(got, want) {
				t.Errorf("%v manage %v, want %v", configurations, got, want)
			}
		}

		contains(t, w.run("Move the states into buckets").Stdout, "Apply complete! Resources: 6 added, 0 changed, 0 destroyed.")
		same(dev, "environments/dev")
		if keys := objectsIn(t, client, prefix+"-prod"); !slices.Equal(keys, []string{"prod/terraform.tfstate"}) {
			t.Errorf("in the bucket of prod: %v", keys)
		}

		contains(t, w.run("Lay out the phases").Stdout, "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.")
		w.sh("terraform -chdir=environments/dev plan -detailed-exitcode") // it can be worked with as before

		output := w.run("Split the state").Stdout
		contains(t, output, "Resources: 0 added, 0 changed, 0 destroyed.")
		same(dev, "environments/dev/infra", "environments/dev/coder")
		same(map[string]string{}, "environments/dev")

		contains(t, w.run("Take the old configuration away").Stdout, "0 added, 0 changed, ")
		if w.exists("environments", "dev", "backend.tf") || w.exists("dev.tfstate") {
			t.Error("files of the old configuration are still there")
		}
		w.run("Look again")
		same(dev, "environments/dev/infra", "environments/dev/coder")
		same(prod, "environments/prod")
		if keys := objectsIn(t, client, prefix+"-dev"); !slices.Equal(keys, []string{"coder/terraform.tfstate", "dev/terraform.tfstate", "infra/terraform.tfstate"}) {
			t.Errorf("in the bucket of dev: %v", keys)
		}

		w.run("Take everything down")
		isGone(t, client, prefix+"-backend", prefix+"-dev", prefix+"-prod")
	})
}

// The module's own tests, by the tools' own means of testing.
func TestBackendModule(t *testing.T) {
	eachTool(t, func(t *testing.T, _, path string) {
		dir := filepath.Join(t.TempDir(), "terraform-backend")
		from := filepath.Join(testenv.RepoRoot(t), "examples", "modules", "terraform-backend")
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		prefix := bucketPrefix()
		cli := testenv.NewCLI(t, path, dir, append(minioEnv(t), "TF_CLI_ARGS=-no-color", "TF_VAR_bucket_prefix="+prefix)...)
		cli.Must("fmt", "-check", "-diff", "-recursive")
		cli.Must("init")
		cli.Must("validate")
		contains(t, cli.Must("test").Stdout, "Success! 6 passed, 0 failed.")
		isGone(t, testenv.MinIO(t).Client(), prefix+"-dev", prefix+"-staging")
		for _, configuration := range []string{"dev/infra", "dev/coder", "staging"} {
			if _, err := os.Stat(filepath.Join(dir, "tests", "environments", filepath.FromSlash(configuration), "backend.tf")); err == nil {
				t.Errorf("the backend file of %s is still there", configuration)
			}
		}
	})
}
