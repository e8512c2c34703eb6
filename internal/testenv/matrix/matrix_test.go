package matrix

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

var update = flag.Bool("update", false, "copy the table of this run into matrix.md")

func TestMain(m *testing.M) {
	// Cells wait for command lines and servers more than they compute.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Main(m)
}

// Every tool on every service. The table of what came of it goes to the file that
// GROUNDWORK_MATRIX_TABLE names, and must be the one in the documentation.
func TestMatrix(t *testing.T) {
	var table []Row
	var mu sync.Mutex
	t.Run("cells", func(t *testing.T) {
		for i, r := range rows() {
			table = append(table, Row{Service: r.service, On: r.on, Outcomes: map[string]Outcome{}})
			for _, tool := range Tools() {
				record := func(o Outcome) {
					mu.Lock()
					defer mu.Unlock()
					table[i].Outcomes[tool[0]] = o
				}
				t.Run(r.service+" "+tool[0], func(t *testing.T) {
					t.Parallel()
					// Replaced below; it stays if the test does not get there.
					record(Outcome{Failed: "see the output of the run"})
					target := r.start(t)
					target.service = r.service
					c := &cell{
						target: target, t: t, tool: tool[0], path: testenv.Tool(t, tool[0]),
						dir: filepath.Join(t.TempDir(), "work"), bucket: testenv.BucketName(t),
					}
					out := c.run()
					if !t.Failed() {
						record(out)
					}
				})
			}
		}
	})
	text := Render(table)
	if file := os.Getenv("GROUNDWORK_MATRIX_TABLE"); file != "" {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile("matrix.md", []byte(text), 0o644); err != nil { //nolint:gosec // a public document
			t.Error(err)
		}
		return
	}
	if text != Table {
		t.Errorf("the documentation has another table. If this one is right, run `make matrix-docs`:\n%s\nIn the documentation:\n%s", text, Table)
	}
}

func TestRender(t *testing.T) {
	degraded := Outcome{Lacks: []string{"versioning", "encryption"}, Lock: "none", Refused: []string{"lockfile", "encryption"}}
	got := Render([]Row{
		{Service: "a", On: "A", Outcomes: map[string]Outcome{"terraform": {Lock: "lockfile"}, "tofu": {Lock: "lockfile"}}},
		{Service: "b", On: "B", Outcomes: map[string]Outcome{"terraform": degraded, "tofu": {Failed: "why"}}},
	})
	want := []string{
		"| `service` | Run on | Terraform | OpenTofu | States locked by | Refused when demanded |",
		"| --- | --- | --- | --- | --- | --- |",
		"| `a` | A | ok | ok | an object in the bucket | nothing to refuse |",
		"| `b` | B | degraded: `encryption`, `versioning` | **failed**: why | Terraform: none; OpenTofu: not seen | Terraform: `encryption`, `lockfile`; OpenTofu: nothing to refuse |",
	}
	if got != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%s", got)
	}
}
