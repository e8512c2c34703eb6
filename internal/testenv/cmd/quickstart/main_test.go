package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

// Both tools, and what the README quotes of it.
func TestQuickstart(t *testing.T) {
	for _, tool := range []string{"terraform", "tofu"} {
		t.Run(tool, func(t *testing.T) {
			ownTemp(t)
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), environment(map[string]string{"TOOL": tool}), &stdout, &stderr); code != 0 {
				t.Fatalf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
			}
			if !strings.Contains(stdout.String(), "All of it behaved as told.") || strings.Contains(stdout.String(), "\x1b") {
				t.Errorf("got:\n%s", stdout.String())
			}
			empty(t, os.TempDir())
			if tool == "terraform" {
				quoted := quotedInReadme(t)
				if len(quoted) < 4 {
					t.Errorf("the README has %d transcripts", len(quoted))
				}
				for _, transcript := range quoted {
					if !strings.Contains(stdout.String(), transcript) {
						t.Errorf("the README shows\n%s\nand this is not in\n%s", transcript, stdout.String())
					}
				}
			}
		})
	}
}

// quotedInReadme returns the transcripts in the README.
func quotedInReadme(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(text), "```text\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	return blocks
}

// ownTemp gives the test a folder for temporary files of its own. PostgreSQL refuses to run as root,
// so another user must be able to reach it, as in /tmp itself.
func ownTemp(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "quickstart-test-") //nolint:usetesting // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
}

// Without PostgreSQL the rest is shown all the same, and what is missing is said.
func TestWithoutPostgres(t *testing.T) {
	ownTemp(t)
	q := &quickstart{out: newPrinter(&bytes.Buffer{}, environment(nil)), server: &minio.Server{Endpoint: "http://127.0.0.1:1"}}
	if err := q.makeLocks(t.Context()); err != nil {
		t.Error(err)
	}
	for _, pair := range q.environment() {
		if strings.HasPrefix(pair, "PULUMI_") {
			t.Errorf("there is %s", pair)
		}
	}
}

// watcher ends a context when a text was written.
type watcher struct {
	bytes.Buffer
	text string
	stop context.CancelFunc
}

// Write implements io.Writer.
func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.text) {
		w.stop()
	}
	return n, err
}

func TestInterruptLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		env  map[string]string
		code int
	}{
		"while a command runs":                  {"bootstrap $ terraform apply", nil, interrupted},
		"while a client holds a lock":           {"second: environments/dev/coder $", nil, interrupted},
		"while it is kept, which is no failure": {"in another terminal", map[string]string{"KEEP": "1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ownTemp(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			stdout := &watcher{text: tc.text, stop: stop}
			var stderr bytes.Buffer
			if code := run(ctx, environment(tc.env), stdout, &stderr); code != tc.code {
				t.Fatalf("exit code %d, want %d\n%s%s", code, tc.code, stdout.String(), stderr.String())
			}
			empty(t, os.TempDir())
		})
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "go-build") {
			t.Errorf("left behind: %s", e.Name())
		}
	}
}

func TestRunRefusesNonsense(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), environment(map[string]string{"TOOL": "pulumi"}), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), "terraform and tofu") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

// What is told and does not happen is an error with everything that was said.
func TestShow(t *testing.T) {
	output := "noise\n│ Lock Info:\n│   Who:       me\nDone! And on to\nmore\nEnd! 1 made.\n"
	var out bytes.Buffer
	q := &quickstart{out: newPrinter(&out, environment(nil))}
	if err := q.show(output, "Done!", "Who:", "End!"); err != nil || out.String() != "   | Done!\n   | Who:       me\n   | End! 1 made.\n" {
		t.Errorf("%v: %q", err, out.String())
	}
	if err := q.show(output, "absent"); err == nil || !strings.Contains(err.Error(), "absent") || !strings.Contains(err.Error(), "noise") {
		t.Errorf("got %v", err)
	}
}

func TestShowError(t *testing.T) {
	output := "Refreshing...\n╷\n│ Error: No\n│ \n│   with groundwork_state_bucket.states,\n│   on main.tf line 2, in resource \"x\" \"y\":\n" +
		"│    2: resource \"x\" \"y\" {\n│ \n│ Because it\n│ is so: really.\n╵\n"
	var out bytes.Buffer
	q := &quickstart{out: newPrinter(&out, environment(nil))}
	want := "   |  Error: No\n   |\n   |  Because it\n   |  is so: really.\n"
	if err := q.showError(output, "Because it is so"); err != nil || out.String() != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out.String(), want)
	}
	if err := q.showError(output, "otherwise"); err == nil || !strings.Contains(err.Error(), "otherwise") {
		t.Errorf("got %v", err)
	}
}

func TestBetween(t *testing.T) {
	text := "a\n  # first\n    body\n  end\nz\n"
	if got := between(text, "  # first", "\n  end\n"); got != "# first\n  body\nend" {
		t.Errorf("got %q", got)
	}
}

func TestExportsSurviveAShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	word := `a 'b' "c" $d ` + "`e`"
	out, err := exec.CommandContext(t.Context(), shell, "-c", "printf %s "+quoted(word)).Output()
	if err != nil || string(out) != word {
		t.Errorf("%v: %q", err, out)
	}
}

// The files that are copied are all that the example has under version control.
func TestCopyExample(t *testing.T) {
	root, dir := filepath.Join("..", "..", "..", ".."), t.TempDir()
	if err := copyExample(root, dir); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "git", "-C", filepath.Join(root, "examples", "quickstart"), "ls-files").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
}
