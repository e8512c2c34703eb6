package cli

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
)

// What others wrote into locks, and named them, does nothing to a terminal or a shell, is the same in
// JSON and YAML, and can be broken as it is shown.
func TestLocksOfOddContent(t *testing.T) {
	s := newShop(t)
	const evil = "\x1b]0;title\x07ev\u202eil\u009b1m\r\n"
	text, err := json.Marshal(lease.Info{ID: "x; touch /tmp/owned\x1b", Who: evil, Operation: evil, Info: evil})
	s.must(err)
	s.put("env:/odd/infra/terraform.tfstate.tflock", string(text))
	s.put("env:/ev\x1b[31mil\u0085/infra/terraform.tfstate.tflock", "by hand")
	s.put("env:/empty/infra/terraform.tfstate.tflock", "")
	s.put("env:/nul/infra/terraform.tfstate.tflock", strings.Repeat("\x00", 10_000))
	for _, name := range []string{"two\nlines' \x1b[31m\u0085\ufeff\x7f", "it's $(date) `x`", strings.Repeat("ü", 300)} {
		_, err := s.leases.Acquire(t.Context(), lease.Request{Name: name, Info: lease.Info{ID: evil, Who: evil}}, lease.Wait{})
		s.must(err)
	}

	out, _ := s.want(CodeDone, "locks", "list")
	for _, r := range out {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("the table holds %q:\n%q", r, out)
		}
	}
	for _, want := range []string{`ev\u202eil`, "the lock is not the JSON that Terraform writes"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	asJSON, _ := s.want(CodeDone, "locks", "list", "--format", "json")
	asYAML, _ := s.want(CodeDone, "locks", "list", "--format", "yaml")
	var doc LocksDocument
	s.must(json.Unmarshal([]byte(asJSON), &doc))
	var fromJSON, fromYAML map[string]any
	s.must(json.Unmarshal([]byte(asJSON), &fromJSON))
	s.must(yaml.Unmarshal([]byte(asYAML), &fromYAML))
	again, err := json.Marshal(fromYAML) // with numbers as JSON has them
	s.must(err)
	fromYAML = nil
	s.must(json.Unmarshal(again, &fromYAML))
	ages := cmp.FilterPath(func(p cmp.Path) bool {
		last := p.Last().String()
		return last == `["age_seconds"]` || last == `["left_seconds"]`
	}, cmp.Ignore())
	if diff := cmp.Diff(fromJSON, fromYAML, ages); diff != "" {
		t.Errorf("JSON and YAML differ: %s", diff)
	}
	if len(doc.Locks) != 7 || strings.ContainsAny(asJSON, "\x1b\u009b\u202e") {
		t.Errorf("%d locks:\n%q", len(doc.Locks), asJSON)
	}

	for _, l := range doc.Locks {
		if (l.Problem != "") != (l.Kind == "lockfile" && l.Holder == "somebody") || strings.Contains(l.Next, "force-unlock") {
			t.Errorf("shown as %+v", l)
		}
		// The next command, as a shell would take it.
		_, command, ok := strings.Cut(l.Next, "groundwork locks break ")
		command, _, forced := strings.Cut(command, " --force")
		if !ok || !forced {
			t.Fatalf("the next step is %q", l.Next)
		}
		id, err := exec.Command("bash", "-c", "printf %s "+command).Output() //nolint:gosec // that is what is tried
		s.must(err)
		if string(id) != l.ID {
			t.Errorf("bash makes %q of %s, and the ID is %q", id, command, l.ID)
		}
		broken, _ := s.want(CodeDone, "locks", "break", string(id), "--force", "--yes")
		if strings.TrimFunc(broken, unicode.IsPrint) != "\n" {
			t.Errorf("breaking it says %q", broken)
		}
	}
	if left := s.list(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
