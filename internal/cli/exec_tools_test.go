//go:build linux

package cli_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// bucket makes a bucket on MinIO and puts the credentials for it into the lab's environment.
func (l *lab) bucket() (name, endpoint string) {
	l.t.Helper()
	server := testenv.MinIO(l.t)
	name = testenv.BucketName(l.t)
	if _, err := server.Client().CreateBucket(l.t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		l.t.Fatal(err)
	}
	l.env = append(l.env, "AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_REQUEST_CHECKSUM_CALCULATION=when_supported") // without it, MinIO refuses what Pulumi 3.256 sends
	return name, server.Endpoint
}

// gate is a shell command that notes its beginning in the log, waits for a gate, and notes its end.
func (l *lab) gate(name string) string {
	return fmt.Sprintf("echo begin-%[1]s >> '%[2]s'; touch '%[3]s'; until [ -e '%[4]s' ]; do sleep 0.05; done; echo end-%[1]s >> '%[2]s'",
		name, l.path("log"), l.path("in-"+name), l.path("gate-"+name))
}

func (l *lab) open(name string) { l.write("gate-"+name, "") }

// slow writes a configuration whose apply takes as long as a gate is shut. Without a bucket its backend is
// partial.
func (l *lab) slow(dir, bucket, endpoint, gate string) {
	l.t.Helper()
	if bucket != "" {
		bucket = fmt.Sprintf("bucket = %q", bucket)
	}
	l.write(dir+"/main.tf", fmt.Sprintf(`terraform {
  backend "s3" {
    %s
    key                         = "infra/terraform.tfstate"
    region                      = "us-east-1"
    endpoints                   = { s3 = %q }
    use_path_style              = true
    skip_credentials_validation = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    use_lockfile                = true
  }
}

resource "terraform_data" "slow" {
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = %q
  }
}
`, bucket, endpoint, l.gate(gate)))
}

// Two people apply one configuration at once. By itself the second is refused by Terraform's own
// lock; under exec it waits for its turn, and a third that does not want to wait is told who is at it.
func TestExecTerraformApply(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bucket, endpoint := l.bucket()
	terraform := testenv.Terraform(t)
	l.env = append(l.env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null",
		"PATH="+filepath.Dir(terraform)+":/usr/local/bin:/usr/bin:/bin")
	for _, name := range []string{"a", "b", "c"} {
		l.slow(name, "", endpoint, name) // init says which bucket
		cmd := exec.Command(terraform, "-chdir="+l.path(name), "init", "-input=false", "-backend-config=bucket="+bucket)
		cmd.Env = l.environ()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	apply := func(name string, flags ...string) *job {
		return l.start(append(flags, "--", "terraform", "-chdir="+name, "apply", "-auto-approve", "-input=false", "-no-color")...)
	}
	name := fmt.Sprintf("%q", "terraform:"+bucket+"/infra/terraform.tfstate")
	first := apply("a")
	l.await("in-a")
	second := apply("b")
	second.says("for the lock " + name + ", which is held by ")
	third := apply("c", "--lock-timeout", "1s")
	third.ends(11)
	third.says("state lock timeout: the lock " + name + " is held by ")
	third.says(" for terraform apply (pid " + strconv.Itoa(first.cmd.Process.Pid) + ")")
	l.open("a")
	first.ends(0)
	l.await("in-b")
	l.open("b")
	second.ends(0)
	if got, want := l.read("log"), "begin-a\nend-a\nbegin-b\nend-b\n"; got != want {
		t.Errorf("they ran as\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(second.out.String(), "1 added, 0 changed, 1 destroyed") {
		t.Errorf("the second did not see what the first made:\n%s", second.out.String())
	}
	// An exit code of its own: 1, for an error.
	l.write("broken/main.tf", "resource {")
	l.startIn(l.path("broken"), nil, "--lock", "x", "--", "terraform", "plan").ends(1)
}

// pulumiProject makes a Pulumi program whose update begins and ends with the gate of its stack.
func (l *lab) pulumiProject(url string) {
	l.t.Helper()
	cli := testenv.Pulumi(l.t, l.path("app"))
	l.write("app/Pulumi.yaml", "name: evalap\nruntime:\n  name: yaml\n  options:\n    compiler: sh "+l.path("program.sh")+"\n")
	// The language host runs this for the program's text; which stack it is for, the lab's jobs say.
	l.write("program.sh", fmt.Sprintf("if [ -n \"$GATE\" ]; then echo begin-$GATE >> '%[1]s'; touch '%[2]s'$GATE; until [ -e '%[3]s'$GATE ]; do sleep 0.05; done; echo end-$GATE >> '%[1]s'; fi\n"+
		"printf 'name: evalap\\nruntime: yaml\\noutputs:\\n  made: by %%s\\n' \"$GATE\"\n", l.path("log"), l.path("in-"), l.path("gate-")))
	for _, pair := range cli.Environment() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "PULUMI_") || name == "PATH" || name == "NO_COLOR" {
			l.env = append(l.env, pair)
		}
	}
	l.env = append(l.env, "PULUMI_BACKEND_URL="+url)
}

// stack makes a stack.
func (l *lab) stack(name string) {
	l.t.Helper()
	cmd := exec.Command(testenv.Tool(l.t, "pulumi"), "stack", "init", name, "--non-interactive")
	cmd.Dir, cmd.Env = l.path("app"), l.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
}

// up runs a deployment as people are told to: pulumi up --stack NAME --yes.
func (l *lab) up(stack, gate string, flags ...string) *job {
	l.t.Helper()
	return l.startIn(l.path("app"), []string{"GATE=" + gate}, append(flags, "--", "pulumi", "up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive")...)
}

// inTurn checks that one deployment had ended before the other began. Pulumi asks a program for its
// text more than once.
func (l *lab) inTurn(first, second string) {
	l.t.Helper()
	log := l.read("log")
	end, begin := strings.LastIndex(log, "end-"+first), strings.Index(log, "begin-"+second)
	if end < 0 || begin < end || !strings.HasSuffix(log, "end-"+second+"\n") {
		l.t.Errorf("they ran as\n%s", log)
	}
}

// The same with Pulumi, which has no waiting of its own either.
func TestExecPulumiUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	bucket, endpoint := l.bucket()
	l.pulumiProject("s3://" + bucket + "?region=us-east-1&s3ForcePathStyle=true&endpoint=" + endpoint)
	l.stack("dev")
	first := l.up("dev", "a")
	l.await("in-a")
	second := l.up("dev", "b")
	second.says(`for the lock "pulumi:evalap/dev", which is held by `)
	third := l.up("organization/evalap/dev", "c", "--lock-timeout", "1s")
	third.ends(11)
	third.says(`state lock timeout: the lock "pulumi:evalap/dev" is held by `)
	third.says(" for pulumi up (pid " + strconv.Itoa(first.cmd.Process.Pid) + ")")
	l.open("a")
	first.ends(0)
	l.await("in-b")
	l.open("b")
	second.ends(0)
	l.inTurn("a", "b")
}
