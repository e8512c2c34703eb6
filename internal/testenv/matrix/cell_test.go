package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// cell runs the suite for one tool on one service.
type cell struct {
	target

	t            testing.TB
	tool, path   string
	dir, bucket  string
	checksumVars []string
}

const (
	stateKey = "app/terraform.tfstate"
	lockKey  = stateKey + ".tflock"
)

// run is the suite, in the order of a bucket's life.
func (c *cell) run() (out Outcome) {
	c.lay()
	out.Lacks, out.Lock = c.makes()
	c.isHardened(out.Lacks)
	c.uses(out.Lock)
	c.imports()
	out.Refused = c.demands(out)
	c.guards()
	c.goes()
	return out
}

// lay writes the workspaces of the suite: one makes the bucket and the backend file of another one.
func (c *cell) lay() {
	sts := ""
	if c.sts != "" {
		sts = fmt.Sprintf("    sts_endpoint = %q\n", c.sts)
	}
	header := "terraform {\n  required_providers {\n    groundwork = {\n      source = \"groundwork-iac/groundwork\"\n    }\n  }\n}\n"
	c.write("bootstrap/main.tf", header+fmt.Sprintf(`
variable "protected" {
  type    = bool
  default = true
}

resource "groundwork_state_bucket" "states" {
  name                = %[1]q
  deletion_protection = var.protected
  force_destroy       = !var.protected
}

resource "groundwork_backend_config_file" "app" {
  root = ".."
  path = "../app/backend.tf"
  tool = %[2]q
  lock = groundwork_state_bucket.states.lock_strategy

  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = %[3]q
%[4]s  }
}

output "unsupported" {
  value = groundwork_state_bucket.states.unsupported
}

output "lock_strategy" {
  value = groundwork_state_bucket.states.lock_strategy
}
`, c.bucket, map[string]string{"terraform": "terraform", "tofu": "opentofu"}[c.tool], stateKey, sts))
	c.write("app/main.tf", "resource \"terraform_data\" \"app\" {\n  input = \"deployed\"\n}\n")
	c.write("import/main.tf", header+fmt.Sprintf(`
import {
  to = groundwork_state_bucket.states
  id = "%[1]s@%[2]s"
}

resource "groundwork_state_bucket" "states" {
  name = %[1]q
}
`, c.bucket, c.region))
}

// makes applies the bootstrap workspace, finds nothing left to do, and returns what it tells.
func (c *cell) makes() (lacks []string, lock string) {
	cli := c.in("bootstrap")
	cli.Must("init")
	cli.Must("apply", "-auto-approve")
	c.unchanged(cli)
	var state struct {
		Outputs struct {
			Unsupported  struct{ Value []string }
			LockStrategy struct{ Value string } `json:"lock_strategy"`
		}
	}
	if err := json.Unmarshal([]byte(c.read("bootstrap/terraform.tfstate")), &state); err != nil {
		c.t.Fatal(err)
	}
	if file := c.read("app/backend.tf"); strings.Contains(file, "AWS_REQUEST_CHECKSUM_CALCULATION") {
		// What the file tells its reader to set.
		c.checksumVars = []string{"AWS_REQUEST_CHECKSUM_CALCULATION=when_required", "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"}
	}
	return state.Outputs.Unsupported.Value, state.Outputs.LockStrategy.Value
}

// isHardened compares what the bucket shows with what was said to be missing: nothing may be missing
// in silence, and nothing that is there may be called missing.
func (c *cell) isHardened(lacks []string) {
	shown := c.shows(c.bucket, written{noncurrent: 90, abort: 7})
	for _, code := range []s3store.Capability{
		s3store.CapVersioning, s3store.CapEncryption, s3store.CapPublicAccessBlock, s3store.CapRequireTLS,
		s3store.CapLifecycleNoncurrent, s3store.CapLifecycleAbortUploads, s3store.CapLifecycleDeleteMarkers,
	} {
		if missing := slices.Contains(lacks, string(code)); missing == shown[code] {
			c.t.Errorf("%s: the bucket shows it: %v; it is said to be missing: %v", code, shown[code], missing)
		}
	}
}

// uses initialises the other workspace with the written file, and applies in it. While that apply
// waits for an answer a second one is kept out, where states are locked.
func (c *cell) uses(lock string) {
	first, second := c.in("app"), c.in("app")
	first.Must("init")
	answer, ask := io.Pipe()
	first.Stdin, first.Env = answer, append(first.Env, "TF_INPUT=1")
	asked := &watched{until: "Enter a value:", seen: make(chan struct{})}
	first.Watch = asked
	done := make(chan string, 1)
	ctx, cancel := context.WithTimeoutCause(c.t.Context(), 10*time.Minute, errors.New("ten minutes have passed"))
	defer cancel()
	go func() {
		result, err := first.CLI.Run(ctx, "apply")
		if err != nil || result.ExitCode != 0 {
			done <- fmt.Sprintf("exit code %d, %v:\n%s", result.ExitCode, err, result.Output())
		}
		close(done)
	}()
	c.await(asked, done)
	if locked := c.holds(lockKey); locked != (lock == "lockfile") {
		c.t.Errorf("lock_strategy is %q, and that there is a lock object is %v", lock, locked)
	}
	if lock == "lockfile" {
		result := second.Run("apply", "-auto-approve")
		if result.ExitCode != 1 || !strings.Contains(result.Output(), "Error acquiring the state lock") {
			c.t.Errorf("the second apply was not kept out: exit code %d\n%s", result.ExitCode, result.Output())
		}
	}
	_, err := io.WriteString(ask, "yes\n")
	if err := errors.Join(err, ask.Close()); err != nil {
		c.t.Fatal(err)
	}
	if failure := <-done; failure != "" {
		c.t.Fatalf("apply in app: %s", failure)
	}
	if !c.holds(stateKey) || c.holds(lockKey) {
		c.t.Errorf("after the apply: the state is there: %v, and its lock: %v", c.holds(stateKey), c.holds(lockKey))
	}
	c.unchanged(second)
}

// imports takes the bucket into another state, where it changes nothing.
func (c *cell) imports() {
	cli := c.in("import")
	cli.Must("init")
	if out := cli.Must("apply", "-auto-approve").Stdout; !strings.Contains(out, "1 imported, 0 added, 0 changed, 0 destroyed") {
		c.t.Errorf("the import changed something:\n%s", out)
	}
	c.unchanged(cli)
}

// guards tries to destroy the bucket while it is protected, and while it holds live state.
func (c *cell) guards() {
	cli := c.in("bootstrap")
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"destroy", "-auto-approve"}, "deletion_protection"},
		{[]string{"apply", "-auto-approve", "-var=protected=false"}, ""},
		{[]string{"destroy", "-auto-approve", "-var=protected=false"}, stateKey + " (1 resource)"},
	} {
		if step.says == "" {
			cli.Must(step.args...)
			continue
		}
		result := cli.Run(step.args...)
		if result.ExitCode != 1 || !strings.Contains(oneLine(result.Output()), step.says) {
			c.t.Fatalf("%v was not refused with %q: exit code %d\n%s", step.args, step.says, result.ExitCode, result.Output())
		}
	}
}

// goes destroys what is in the state and then the bucket, and looks for it on the service.
func (c *cell) goes() {
	c.in("app").Must("destroy", "-auto-approve")
	c.in("bootstrap").Must("destroy", "-auto-approve", "-var=protected=false")
	if _, err := c.store(c.t).Head(c.t.Context(), c.bucket); !errors.Is(err, s3store.ErrNotFound) {
		c.t.Errorf("the bucket is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(c.dir, "app", "backend.tf")); !errors.Is(err, os.ErrNotExist) {
		c.t.Errorf("the backend file is still there: %v", err)
	}
}

func (c *cell) in(workspace string) *testenv.CLI {
	c.t.Helper()
	env := append(c.env(), "TF_CLI_ARGS=-no-color")
	return testenv.NewCLI(c.t, c.path, filepath.Join(c.dir, workspace), append(env, c.checksumVars...)...)
}

func (c *cell) unchanged(cli *testenv.CLI) {
	c.t.Helper()
	if result := cli.Run("plan", "-detailed-exitcode"); result.ExitCode != 0 {
		c.t.Fatalf("the plan in %s is not empty (exit code %d):\n%s", cli.Dir, result.ExitCode, result.Output())
	}
}

func (c *cell) write(name, text string) {
	c.t.Helper()
	file := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cell) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(name)))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// holds tells whether the bucket has an object.
func (c *cell) holds(key string) bool {
	c.t.Helper()
	_, err := c.client(c.t).HeadObject(c.t.Context(), &s3.HeadObjectInput{Bucket: &c.bucket, Key: &key})
	var absent *types.NotFound
	if err != nil && !errors.As(err, &absent) {
		c.t.Fatal(err)
	}
	return err == nil
}

// await waits until something was seen, unless the run is over before.
func (c *cell) await(asked *watched, over <-chan string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeoutCause(c.t.Context(), 5*time.Minute, errors.New("five minutes have passed"))
	defer cancel()
	select {
	case <-asked.seen:
	case failure := <-over:
		c.t.Fatalf("the apply did not ask: %s", failure)
	case <-ctx.Done():
		c.t.Fatalf("the apply did not ask: %v; it said:\n%s", context.Cause(ctx), asked.text.String())
	}
}

// watched tells when a text has been written to it.
type watched struct {
	until string
	seen  chan struct{}
	text  bytes.Buffer
	told  bool
}

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.text.Write(p)
	if !w.told && strings.Contains(w.text.String(), w.until) {
		w.told = true
		close(w.seen)
	}
	return len(p), nil
}

// oneLine takes out line breaks, repeated spaces and the bars beside a message.
func oneLine(text string) string {
	words := strings.Fields(text)
	words = slices.DeleteFunc(words, func(w string) bool { return w == "│" || w == "╷" || w == "╵" })
	return strings.Join(words, " ")
}
