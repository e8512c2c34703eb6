package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// Terraform applies in a workspace of each environment, and neither is the selected one.
func TestLocksOfAllWorkspaces(t *testing.T) {
	s := newShop(t)
	terraform := testenv.Terraform(t)
	const held = `
resource "terraform_data" "held" {
  provisioner "local-exec" {
    command = "touch started && while [ -e started ] && [ ! -e go ]; do sleep 0.1; done"
  }
}
`
	env := proc.CleanEnv(t.TempDir(), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "AWS_EC2_METADATA_DISABLED=true", "TF_CLI_CONFIG_FILE="+os.DevNull)
	phases := []string{"infra", "coder"}
	for _, phase := range phases {
		dir := filepath.Join(s.dir, "environments/dev", phase)
		s.write("environments/dev/"+phase+"/held.tf", held)
		tf := func(args ...string) *exec.Cmd {
			cmd := exec.Command(terraform, args...)
			cmd.Dir, cmd.Env = dir, env
			return cmd
		}
		for _, args := range [][]string{
			{"init", "-backend-config=skip_credentials_validation=true", "-backend-config=skip_requesting_account_id=true", "-backend-config=skip_metadata_api_check=true"},
			{"workspace", "new", "blue"}, {"workspace", "select", "default"},
		} {
			if phase == "coder" && args[0] == "init" {
				args = args[:1]
			}
			if out, err := tf(args...).CombinedOutput(); err != nil {
				t.Fatalf("%q: %v\n%s", args, err, out)
			}
		}
		apply := tf("apply", "-auto-approve")
		apply.Env = append(apply.Env, "TF_WORKSPACE=blue")
		apply.WaitDelay = time.Second
		s.must(apply.Start())
		done := make(chan struct{})
		go func() { _ = apply.Wait(); close(done) }()
		t.Cleanup(func() { s.write("environments/dev/"+phase+"/go", ""); <-done })
	}
	for _, phase := range phases {
		for range 3000 {
			if _, err := os.Stat(filepath.Join(s.dir, "environments/dev", phase, "started")); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	locks := s.list()
	if l := locks["lockfile"]; l.Name != "s3://"+s.bucket+"/env:/blue/infra/terraform.tfstate" || l.Operation != "OperationTypeApply" || l.Phase != "infra" {
		t.Errorf("the lock file is shown as %+v", l)
	}
	if l := locks["local"]; l.Name != filepath.Join(s.dir, "environments/dev/coder/terraform.tfstate.d/blue/terraform.tfstate") || l.PID == 0 || l.Phase != "coder" {
		t.Errorf("the local lock is shown as %+v", l)
	}
	if len(locks) != 2 || len(s.list("--workspace", "blue")) != 2 {
		t.Errorf("%d locks: %+v", len(locks), locks)
	}
	out, _ := s.want(CodeDone, "locks", "list", "--workspace", "default", "--format", "json")
	var doc LocksDocument
	s.must(json.Unmarshal([]byte(out), &doc))
	if len(doc.Locks) != 0 {
		t.Errorf("in the default workspace: %s", out)
	}
}
