package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// groundworkProgram builds the command line of this checkout and returns its folder.
func groundworkProgram(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", testenv.RepoRoot(t), "-o", dir+string(os.PathSeparator), "./cmd/groundwork")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building groundwork: %v\n%s", err, out)
	}
	return dir
}

// One bucket for three stacks, one table for their deployments, and the way back.
func TestPulumiStacksScenario(t *testing.T) {
	eachTool(t, func(t *testing.T, command, path string) {
		db, bucket := testenv.StartPostgres(t, postgres.Options{}), testenv.BucketName(t)
		pulumi := testenv.Pulumi(t, t.TempDir())
		env := append(minioEnv(t), pulumi.Environment()...)
		w := newWalkthrough(t, "pulumi-multi-stack", path, append(env,
			"TF_VAR_bucket="+bucket, "TF_VAR_tool="+toolNames[command],
			`TF_VAR_lock_database={"host"="`+db.Host+`","port"=`+strconv.Itoa(db.Port)+`,"user"="`+postgres.Superuser+`"}`,
			"PULUMI_LOCK_DB_HOST="+db.Host, "PULUMI_LOCK_DB_PORT="+strconv.Itoa(db.Port),
			"PULUMI_LOCK_DB_USER="+postgres.Superuser, "PULUMI_LOCK_DB_PASSWORD="+db.Password,
			"PATH="+strings.Join([]string{
				called(t, "terraform", path), groundworkProgram(t), filepath.Dir(pulumi.Path), pulumi.Plugins[0], os.Getenv("PATH"),
			}, string(os.PathListSeparator)))...)
		client := testenv.MinIO(t).Client()

		contains(t, w.run("Make the bucket, the table and the files").Stdout, "Apply complete! Resources: 6 added, 0 changed, 0 destroyed.", "No changes.")
		dotenv, err := os.ReadFile(filepath.Join(w.dir, "infra", ".env"))
		if err != nil || strings.Contains(string(dotenv), db.Password) {
			t.Fatalf("the .env file, or a password in it: %v\n%s", err, dotenv)
		}
		contains(t, w.run("Make the stacks").Stdout, "evalap-production.example.com")
		keys := strings.Join(objectsIn(t, client, bucket), "\n")
		for _, stack := range []string{"dev", "staging", "production"} {
			contains(t, keys, ".pulumi/stacks/evalap/"+stack+".json", ".pulumi/backups/evalap/"+stack+"/")
		}
		o, err := minioStore(t).Read(t.Context(), bucket)
		if err != nil || o.Lifecycle.Owned.Expirations[".pulumi/backups/"] != 30 || !o.VersioningEnabled() {
			t.Errorf("the bucket shows %+v, %v", o, err)
		}

		contains(t, w.run("Deploy one at a time").Stdout, "evalap-dev.example.com", "urn:pulumi:production::evalap::")
		if n := ask(t, db, "pulumi_state_lock", "SELECT count(*)::text FROM pulumi_state_locks WHERE LeaseExpires > NOW()"); n != "0" {
			t.Errorf("%s locks are still held", n)
		}
		contains(t, w.refused("terraform -chdir=backend destroy -var=teardown=true"), "deletion_protection")

		w.run("Take everything down")
		isGone(t, client, bucket)
		if n := ask(t, db, "postgres", "SELECT count(*)::text FROM pg_database WHERE datname = 'pulumi_state_lock'"); n != "0" {
			t.Error("the lock database is still there")
		}
		project, err := os.ReadFile(filepath.Join(w.dir, "infra", "Pulumi.yaml"))
		if err != nil || string(project) != document(t, "examples/scenarios/pulumi-multi-stack/infra/Pulumi.yaml") {
			t.Errorf("the project is not as it was: %v\n%s", err, project)
		}
	})
}
