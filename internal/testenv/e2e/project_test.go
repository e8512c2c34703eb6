package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// tools are the command lines that every flow runs through, with how they call themselves.
var tools = map[string]struct {
	path func(testing.TB) string
	name string
}{
	"terraform": {testenv.Terraform, "Terraform"},
	"tofu":      {testenv.OpenTofu, "OpenTofu"},
}

// withTools runs a flow through each tool.
func withTools(t *testing.T, flow func(t *testing.T, p *project)) {
	t.Helper()
	t.Parallel()
	for command, tool := range tools {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			flow(t, newProject(t, tool.path(t), command, tool.name))
		})
	}
}

// project is a checkout of examples/quickstart, and all that is needed to run a tool in it.
type project struct {
	t testing.TB
	// dir is the checkout, bucket the name of its bucket.
	dir, bucket string
	server      *minio.Server
	// path is the tool's program, command what people type and tool what it calls itself.
	path, command, tool string
}

// The workspaces of a project.
const (
	bootstrap = "bootstrap"
	infra     = "environments/dev/infra"
	coder     = "environments/dev/coder"
)

func newProject(t testing.TB, path, command, tool string) *project {
	t.Helper()
	p := &project{
		t: t, dir: filepath.Join(t.TempDir(), "project"), bucket: testenv.BucketName(t), server: testenv.MinIO(t),
		path: path, command: command, tool: tool,
	}
	if err := os.CopyFS(p.dir, os.DirFS(filepath.Join(testenv.RepoRoot(t), "examples", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	return p
}

// in returns a runner in a workspace, with what a CI job has in its environment.
func (p *project) in(workspace string) *testenv.CLI {
	p.t.Helper()
	return testenv.NewCLI(p.t, p.path, filepath.Join(p.dir, filepath.FromSlash(workspace)),
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT="+p.server.Endpoint,
		"AWS_ACCESS_KEY_ID="+p.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+p.server.SecretKey,
		"TF_VAR_bucket="+p.bucket, "TF_CLI_ARGS=-no-color",
	)
}

func (p *project) file(parts ...string) string {
	return filepath.Join(append([]string{p.dir}, parts...)...)
}

func (p *project) read(parts ...string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.file(parts...))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *project) write(text string, parts ...string) {
	p.t.Helper()
	if err := os.WriteFile(p.file(parts...), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) remove(parts ...string) {
	p.t.Helper()
	if err := os.Remove(p.file(parts...)); err != nil {
		p.t.Fatal(err)
	}
}

// replace changes a piece of a file as a person with an editor does.
func (p *project) replace(old, with string, parts ...string) {
	p.t.Helper()
	text := p.read(parts...)
	if strings.Count(text, old) != 1 {
		p.t.Fatalf("%s holds %q not exactly once:\n%s", filepath.Join(parts...), old, text)
	}
	p.write(strings.Replace(text, old, with, 1), parts...)
}

// names lists a workspace's directory.
func (p *project) names(workspace string) []string {
	p.t.Helper()
	entries, err := os.ReadDir(p.file(filepath.FromSlash(workspace)))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// abandon empties and deletes the bucket behind everybody's back.
func (p *project) abandon() {
	p.t.Helper()
	c, err := s3store.New(p.t.Context(), s3store.Config{
		Service: "minio", Endpoint: p.server.Endpoint, AccessKey: p.server.AccessKey, SecretKey: p.server.SecretKey,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.Purge(p.t.Context(), p.bucket, nil); err != nil {
		p.t.Fatal(err)
	}
	if err := c.DeleteBucket(p.t.Context(), p.bucket); err != nil {
		p.t.Fatal(err)
	}
}

// object returns an object of the bucket, and false when it is not there.
func (p *project) object(key string) (string, bool) {
	p.t.Helper()
	out, err := p.server.Client().GetObject(p.t.Context(), &s3.GetObjectInput{Bucket: &p.bucket, Key: &key})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		return "", false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	text, err := io.ReadAll(out.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text), true
}

func (p *project) bucketExists() bool {
	p.t.Helper()
	_, err := p.server.Client().HeadBucket(p.t.Context(), &s3.HeadBucketInput{Bucket: &p.bucket})
	var absent *types.NotFound
	if err != nil && !errors.As(err, &absent) {
		p.t.Fatal(err)
	}
	return err == nil
}

// commit puts everything under version control that the project's .gitignore lets in.
func (p *project) commit() {
	p.t.Helper()
	if _, err := os.Stat(p.file(".git")); err != nil {
		git(p.t, p.dir, "init", "-q", "-b", "main")
	}
	git(p.t, p.dir, "add", "-A")
	git(p.t, p.dir, "commit", "-q", "-m", "As it is")
}

// clone returns the same project in a fresh clone: what is not committed is not there.
func (p *project) clone() *project {
	p.t.Helper()
	other := *p
	other.dir = filepath.Join(p.t.TempDir(), "clone")
	git(p.t, p.t.TempDir(), "clone", "-q", p.dir, other.dir)
	return &other
}

// changed lists what differs from what is committed.
func (p *project) changed() string {
	p.t.Helper()
	return git(p.t, p.dir, "status", "--porcelain")
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{
		"-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "core.autocrlf=false",
	}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, stderr.String())
	}
	return stdout.String()
}

// contains fails the test unless a text, its line breaks aside, holds each of the pieces: the tools
// wrap their messages.
func contains(t testing.TB, text string, pieces ...string) {
	t.Helper()
	flat := oneLine(text)
	for _, piece := range pieces {
		if !strings.Contains(flat, oneLine(piece)) {
			t.Errorf("there is no %q in:\n%s", piece, text)
		}
	}
}

// oneLine takes out line breaks, repeated spaces and the bars beside a message.
func oneLine(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "│" || w == "╷" || w == "╵" })
	return strings.Join(words, " ")
}

// unchanged fails the test unless a plan has nothing to do.
func unchanged(t testing.TB, cli *testenv.CLI) {
	t.Helper()
	if result := cli.Run("plan", "-detailed-exitcode"); result.ExitCode != 0 {
		t.Fatalf("the plan in %s is not empty (exit code %d):\n%s", cli.Dir, result.ExitCode, result.Output())
	}
}

// refused runs a command that must fail, and returns what it said.
func refused(t testing.TB, cli *testenv.CLI, args ...string) string {
	t.Helper()
	result := cli.Run(args...)
	if result.ExitCode != 1 {
		t.Fatalf("%v in %s: exit code %d, and it should be refused:\n%s", args, cli.Dir, result.ExitCode, result.Output())
	}
	return result.Output()
}

// background starts a command and returns what waits for its end.
func background(ctx context.Context, cli *testenv.CLI, args ...string) (wait func() (string, error)) {
	type outcome struct {
		output string
		code   int
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := cli.CLI.Run(ctx, args...)
		done <- outcome{result.Output(), result.ExitCode, err}
	}()
	return func() (string, error) {
		o := <-done
		if o.err == nil && o.code != 0 {
			o.err = errors.New("it failed")
		}
		return o.output, o.err
	}
}
