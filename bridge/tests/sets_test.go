package tests

import (
	"slices"
	"strings"
	"testing"
)

const sets = `name: sets
runtime: yaml
resources:
  states:
    type: groundwork:StateBucket
    properties:
      name: BUCKET
      deletionProtection: false
      access:
        - level: read-only
          principals: ["arn:aws:iam::123456789012:user/reader", "arn:aws:iam::123456789012:user/auditor"]
          prefix: infra/
`

// A preview names what changes in a set, and a set within a set: MinIO's bucket has elements in
// `unsupported` as well, which do not change.
func TestPreviewOfSets(t *testing.T) {
	t.Parallel()
	s := newStage(t, sets)
	s.up()
	quiet := func(what string, diagnostics []string) {
		t.Helper()
		for _, d := range diagnostics {
			if strings.Contains(d, "calculate") || strings.Contains(d, "panic") {
				t.Errorf("%s says %s", what, d)
			}
		}
	}
	same := s.preview()
	s.unchanged("a preview", same)
	quiet("a preview of no change", same.Diagnostics)

	s.write("Pulumi.yaml", strings.Replace(sets, "user/auditor", "user/operator", 1))
	preview := s.preview()
	quiet("a preview of a change", preview.Diagnostics)
	step, ok := preview.Step("states")
	if !ok || step.Op != "update" || !slices.Equal(step.Diff, []string{"access"}) {
		t.Errorf("the preview does not show the change: %+v", step)
	}
	s.up()
	s.unchanged("after the change", s.preview())
	s.destroy()
	s.gone()
}
