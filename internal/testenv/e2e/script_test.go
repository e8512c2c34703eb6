package e2e

import (
	"os/exec"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// script returns a runner of examples/quickstart/bootstrap.sh, and its arguments.
func (p *project) script() (cli *testenv.CLI, arguments string) {
	p.t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		p.t.Fatal(err)
	}
	cli = p.in(".")
	cli.Path, cli.Env = shell, append(cli.Env, "TF="+p.path)
	return cli, "bootstrap.sh"
}

// settled checks what every run of the script has to leave: the state in the bucket, nothing to do,
// and the checkout as it was committed.
func (p *project) settled() {
	p.t.Helper()
	if _, ok := p.object("bootstrap/terraform.tfstate"); !ok {
		p.t.Error("the state is not in the bucket")
	}
	unchanged(p.t, p.in(bootstrap))
	if changed := p.changed(); changed != "" {
		p.t.Errorf("files that are committed have changed:\n%s", changed)
	}
}

// What a pipeline runs on every push, beginning with the push that has nothing yet.
func TestScript(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		cli, script := p.script()
		contains(t, cli.Must(script).Stdout, "Apply complete! Resources: 4 added, 0 changed, 0 destroyed.")
		p.commit()
		p.settled()

		for range 2 { // each from an empty checkout
			clone := p.clone()
			cli, script := clone.script()
			contains(t, cli.Must(script).Stdout, "Apply complete! Resources: 0 added, 0 changed, 0 destroyed.")
			clone.settled()
		}

		// The day after the bucket was lost.
		p.abandon()
		clone := p.clone()
		cli, script = clone.script()
		contains(t, cli.Must(script).Stdout, "Apply complete! Resources: 4 added, 0 changed, 0 destroyed.")
		clone.settled()
	})
}

// A pipeline that died between making the bucket and moving the state there loses its local state.
// The next one finds an empty bucket and completes it.
func TestScriptFinishesALostRun(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		lost := *p
		cli := lost.in(bootstrap)
		cli.Must("init")
		cli.Must("apply", "-auto-approve")
		p.commit()

		clone := p.clone()
		again, script := clone.script()
		contains(t, again.Must(script).Stdout, "Apply complete! Resources: 4 added, 0 changed, 0 destroyed.")
		clone.settled()
	})
}

// Whatever keeps init from working, a bucket that is in use is not taken over.
func TestScriptTakesNothingOver(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.bootstrapped()
		p.commit()
		clone := p.clone()
		cli, script := clone.script()
		// The provider reaches the service, and the tool's own backend does not.
		cli.Env = append(cli.Env, "GROUNDWORK_ACCESS_KEY="+p.server.AccessKey, "GROUNDWORK_SECRET_KEY="+p.server.SecretKey,
			"AWS_ACCESS_KEY_ID=nobody")
		result := cli.Run(script)
		if result.ExitCode == 0 {
			t.Fatalf("it was to fail:\n%s", result.Output())
		}
		contains(t, result.Output(), "exists already and holds objects")
		for _, name := range clone.names(bootstrap) {
			if name == "backend_override.tf" {
				t.Error("the override is still there")
			}
		}
		unchanged(t, p.in(bootstrap))
	})
}
