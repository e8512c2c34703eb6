package pulumicli_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// A program that needs no provider: it has outputs, one of them secret.
const program = `name: story
runtime: yaml
config:
  greeting: {type: string}
  password: {type: string, secret: true}
outputs:
  greeting: ${greeting}
  password: ${password}
`

func project(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(text), 0o600))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The whole life of a stack on a backend of files, with a proxy that counts what asks for the network.
func TestLifeOfAStack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	asked := new(atomic.Int32)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no network in tests", http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	cli := testenv.Pulumi(t, project(t, program), "HTTPS_PROXY="+proxy.URL, "HTTP_PROXY="+proxy.URL)

	must(t, cli.Login(ctx, "file://"+filepath.ToSlash(t.TempDir())))
	must(t, cli.StackInit(ctx, "dev"))
	must(t, cli.SetConfig(ctx, "dev", "greeting", "--hello"))
	must(t, cli.SetSecret(ctx, "dev", "password", "swordfish"))

	preview, err := cli.Preview(ctx, "dev")
	must(t, err)
	up, err := cli.Up(ctx, "dev")
	must(t, err)
	for what, report := range map[string]pulumicli.Report{"preview": preview, "up": up} {
		if step, ok := report.Step("story-dev"); !ok || step.Op != "create" || report.Changes["create"] != 1 {
			t.Errorf("%s: steps %v, changes %v", what, report.Steps, report.Changes)
		}
	}
	again, err := cli.Up(ctx, "dev")
	must(t, err)
	if changed := again.Changed(); len(changed) != 0 || again.Changes["same"] != 1 {
		t.Errorf("the second up changed %v", changed)
	}

	outputs, err := cli.Outputs(ctx, "dev")
	must(t, err)
	if outputs["greeting"] != "--hello" || outputs["password"] != "swordfish" {
		t.Errorf("outputs %v", outputs)
	}
	deployment, err := cli.Export(ctx, "dev")
	must(t, err)
	if text := string(deployment); strings.Contains(text, "swordfish") || !strings.Contains(text, "ciphertext") {
		t.Errorf("the secret is in clear, or there is none:\n%s", text)
	}
	must(t, cli.StackInit(ctx, "copy"))
	must(t, cli.Import(ctx, "dev", deployment))

	stacks, err := cli.Stacks(ctx)
	must(t, err)
	var names []string
	for _, s := range stacks {
		names = append(names, s.Name)
	}
	if !slices.Contains(names, "dev") || !slices.Contains(names, "copy") || len(names) != 2 {
		t.Errorf("stacks %v", names)
	}
	must(t, cli.StackRemove(ctx, "copy", false))
	must(t, cli.StackSelect(ctx, "dev"))
	must(t, cli.Cancel(ctx, "dev"))
	_, err = cli.Refresh(ctx, "dev")
	must(t, err)
	_, err = cli.Destroy(ctx, "dev", "--remove")
	must(t, err)
	if n := asked.Load(); n != 0 {
		t.Errorf("the network was asked for %d times", n)
	}
}

// The states of a bucket backend are where Pulumi says they are.
func TestBucketBackend(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := testenv.MinIO(t)
	bucket := testenv.BucketName(t)
	_, err := server.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	must(t, err)
	cli := testenv.Pulumi(t, project(t, "name: empty\nruntime: yaml\n"),
		"AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey)
	must(t, cli.Login(ctx, "s3://"+bucket+"?region=us-east-1&s3ForcePathStyle=true&endpoint="+server.Endpoint))
	must(t, cli.StackInit(ctx, "dev"))
	_, err = cli.Up(ctx, "dev")
	must(t, err)
	key := ".pulumi/stacks/empty/dev.json"
	if _, err := server.Client().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Error(err)
	}
}

func TestFailuresAreTyped(t *testing.T) {
	t.Parallel()
	cli := testenv.Pulumi(t, project(t, "name: broken\nruntime: yaml\nresources: {x: {type: 'none:index:None'}}\n"))
	cli.Backend = "file://" + filepath.ToSlash(t.TempDir())
	must(t, cli.StackInit(t.Context(), "dev"))
	report, err := cli.Up(t.Context(), "dev")
	var exit *pulumicli.ExitError
	if !errors.As(err, &exit) || exit.ExitCode == 0 || len(report.Diagnostics) == 0 {
		t.Fatalf("error %v, diagnostics %v", err, report.Diagnostics)
	}
	// The missing plugin is not looked for elsewhere.
	if !strings.Contains(exit.Output(), "none") {
		t.Errorf("the output does not name the plugin:\n%s", exit.Output())
	}
	if _, err := cli.Up(t.Context(), "no-such-stack"); !errors.As(err, &exit) {
		t.Errorf("unexpected %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cli.Run(ctx, "version"); err == nil {
		t.Error("a run whose context has ended is no success")
	}
}

// Nothing of the user's Pulumi reaches the program.
func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("PULUMI_ACCESS_TOKEN", "leak")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "leak")
	cli := testenv.Pulumi(t, t.TempDir(), "GIVEN=1")
	env := cli.Environment()
	if i := slices.IndexFunc(env, func(pair string) bool { return strings.Contains(pair, "leak") }); i >= 0 {
		t.Errorf("%s leaks", env[i])
	}
	if !slices.Contains(env, "GIVEN=1") {
		t.Error("what was given is missing")
	}
}
