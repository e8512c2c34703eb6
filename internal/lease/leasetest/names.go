package leasetest

import (
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

func names(t *testing.T, target Target) {
	a, b := target.Open(t), target.Open(t)
	long := strings.Repeat("a long name/", 100)
	all := append([]string{
		"pulumi:project/stack", "bucket/env:/dev/terraform.tfstate", "with space", "quote ' and \" and `", "percent % and _",
		"ünïcödé/日本/🔒", "new\nline", strings.Repeat("ä", 255), strings.Repeat("ä", 256), long + "1", long + "2", "null", "{}", "$1", "-",
	}, target.Names...)
	grants := map[string]lease.Grant{}
	for _, text := range all {
		r := lease.Request{Name: t.Name() + "/" + text, Duration: time.Minute, Info: lease.Info{Who: "anna"}}
		// Each is a lock of its own.
		grant := take(t, a, r)
		if grant.Name != r.Name {
			t.Errorf("the grant of %q is for %q", r.Name, grant.Name)
		}
		grants[r.Name] = grant
	}
	held, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]lease.Held{}
	for _, h := range held {
		seen[h.Name] = h
	}
	for text, grant := range grants {
		if h, ok := seen[text]; !ok || h.Fence != grant.Fence {
			t.Errorf("the list shows %+v for %q", h, text)
		}
		_, err := b.Acquire(t.Context(), lease.Request{Name: text}, lease.Wait{})
		wantHeld(t, err, "anna")
		if grant, err = b.Renew(t.Context(), grant); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		release(t, b, grant)
	}
	for _, text := range []string{""} {
		if grant, err := a.Acquire(t.Context(), lease.Request{Name: text}, lease.Wait{}); err == nil {
			t.Errorf("the name %q is taken", text)
			release(t, a, grant)
		}
	}
	if _, err := a.Acquire(t.Context(), lease.Request{Name: t.Name(), Duration: -1}, lease.Wait{}); err == nil {
		t.Error("a lease of a negative duration is taken")
	}
}
