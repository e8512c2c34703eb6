package e2e

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

// Two people at once: while one sits at the question whether to apply, the other is refused, and
// told who holds the lock.
func TestSecondClientIsRefused(t *testing.T) {
	withTools(t, func(t *testing.T, p *project) {
		p.t = t
		p.bootstrapped()
		p.phasesApplied()

		first, second := p.in(infra), p.in(infra)
		answer, ask := io.Pipe()
		first.Stdin, first.Env = answer, append(first.Env, "TF_INPUT=1")
		wait := background(t.Context(), first, "apply", "-replace=terraform_data.cluster")
		const lock = "infra/terraform.tfstate.tflock"
		p.await(lock)
		for _, args := range [][]string{{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"}, {"plan", "-lock-timeout=1s"}} {
			contains(t, refused(t, second, args...), "Error acquiring the state lock", "PreconditionFailed",
				"Path: "+p.bucket+"/infra/terraform.tfstate", "Operation: OperationTypeApply", "Who:")
		}
		if _, ok := p.object(lock); !ok {
			t.Error("the second client has broken the lock")
		}
		if _, err := io.WriteString(ask, "yes\n"); err != nil {
			t.Fatal(err)
		}
		if err := ask.Close(); err != nil {
			t.Fatal(err)
		}
		output, err := wait()
		if err != nil {
			t.Fatalf("%v:\n%s", err, output)
		}
		contains(t, output, "Apply complete! Resources: 1 added, 0 changed, 1 destroyed.")
		if _, ok := p.object(lock); ok {
			t.Error("the lock is still there")
		}
		unchanged(t, second)
	})
}

// await waits until an object is there.
func (p *project) await(key string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeoutCause(p.t.Context(), time.Minute, errors.New("a minute has passed"))
	defer cancel()
	for {
		if _, ok := p.object(key); ok {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("there is no %s: %v", key, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
