// Package tests runs the built plugin in the real Pulumi engine, against real servers.
package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

// built is where the plugin of this checkout is, for all tests.
var built string

func TestMain(m *testing.M) {
	code, err := setUpAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func setUpAndRun(m *testing.M) (code int, err error) {
	built, err = os.MkdirTemp("", "groundwork-plugin-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(built)) }()
	if err := build(context.Background(), built, "../cmd/pulumi-resource-groundwork"); err != nil {
		return 0, err
	}
	return testenv.Run(m.Run), nil
}

// build builds a program with the flags that share the build cache with `make bridge`.
func build(ctx context.Context, dir, pkg string, flags ...string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-o", dir + string(filepath.Separator)}, flags, []string{pkg})
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// sharedFolder makes a folder that lasts as long as the process, for what several tests use.
func sharedFolder(prefix string) (string, error) { return os.MkdirTemp(built, prefix) }

// inYAML goes on after the name of a project, up to its resources.
const inYAML = "\nruntime: yaml\nresources:\n"

// aBucket is a resource of such a project.
const aBucket = `  states:
    type: groundwork:StateBucket
    properties:
      name: BUCKET
      deletionProtection: false
      lifecycleRules:
        expirations: {.pulumi/backups/: 30}
      tags: {team: platform}
`

// stage is a project in a folder of its own, with servers that its programs find by the environment.
type stage struct {
	t   *testing.T
	cli pulumicli.CLI
	// endpoint is the S3 server that the provider talks to.
	server   *minio.Server
	endpoint string
	pg       *postgres.Server
	// bucket and database are names that no other test uses.
	bucket, database string
}

const stack = "dev"

// newStage puts a program of one file, or the files of a folder, in front of the shared servers, and
// makes a stack for it in a backend of files.
func newStage(t *testing.T, program string) *stage {
	t.Helper()
	s := bareStage(t, t.TempDir())
	s.write("Pulumi.yaml", program)
	s.loginToFiles()
	s.must(s.cli.StackInit(t.Context(), stack))
	return s
}

func bareStage(t *testing.T, dir string) *stage {
	t.Helper()
	server := testenv.MinIO(t)
	s := &stage{t: t, server: server, endpoint: server.Endpoint, bucket: testenv.BucketName(t)}
	s.cli = testenv.Pulumi(t, dir, s.s3Environment()...)
	s.cli.Plugins = append(s.cli.Plugins, built)
	return s
}

func (s *stage) s3Environment() []string {
	return []string{
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + s.endpoint, "GROUNDWORK_REGION=" + s.server.Region,
		"AWS_ACCESS_KEY_ID=" + s.server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.server.SecretKey,
	}
}

// withPostgres gives the programs a PostgreSQL server, by the variables that everybody knows.
func (s *stage) withPostgres() *stage {
	s.t.Helper()
	s.pg = testenv.Postgres(s.t)
	s.database = testenv.PostgresName(s.t)
	admin := testenv.PostgresRole(s.t, s.pg, "CREATEDB IN ROLE groundwork_tls")
	s.cli.Env = append(s.cli.Env,
		"PGHOST="+s.pg.Host, "PGPORT="+strconv.Itoa(s.pg.Port), "PGUSER="+admin.Name, "PGPASSWORD="+admin.Password,
		"PGSSLMODE=verify-full", "PGSSLROOTCERT="+s.pg.CAFile)
	return s
}

func (s *stage) loginToFiles() {
	s.t.Helper()
	s.must(s.cli.Login(s.t.Context(), "file://"+filepath.ToSlash(s.t.TempDir())))
}

func (s *stage) write(name, text string) {
	s.t.Helper()
	text = strings.NewReplacer("BUCKET", s.bucket, "DATABASE", s.database).Replace(text)
	s.must(os.WriteFile(filepath.Join(s.cli.Dir, name), []byte(text), 0o600))
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) up(args ...string) pulumicli.Report {
	s.t.Helper()
	report, err := s.cli.Up(s.t.Context(), stack, args...)
	s.must(err)
	return report
}

func (s *stage) preview(args ...string) pulumicli.Report {
	s.t.Helper()
	report, err := s.cli.Preview(s.t.Context(), stack, args...)
	s.must(err)
	return report
}

func (s *stage) refresh() pulumicli.Report {
	s.t.Helper()
	report, err := s.cli.Refresh(s.t.Context(), stack)
	s.must(err)
	return report
}

func (s *stage) destroy() pulumicli.Report {
	s.t.Helper()
	report, err := s.cli.Destroy(s.t.Context(), stack)
	s.must(err)
	return report
}

// refused runs an operation that must fail, and returns what it said.
func (s *stage) refused(report pulumicli.Report, err error) string {
	s.t.Helper()
	var exit *pulumicli.ExitError
	if err == nil {
		s.t.Fatalf("nothing was refused:\n%s", report.Output())
	}
	if !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return exit.Output()
}

func (s *stage) unchanged(what string, report pulumicli.Report) {
	s.t.Helper()
	if changed := report.Changed(); len(changed) > 0 {
		s.t.Errorf("%s: %+v", what, changed)
	}
	// A program that ran through the Automation API says no more than this.
	if changes := report.Changes; report.Steps == nil && (len(changes) != 1 || changes["same"] == 0) {
		s.t.Errorf("%s: %v", what, changes)
	}
}

// resource returns the inputs and outputs of a resource in the exported state.
type exported struct {
	ID              string
	Type            string
	URN             string
	Inputs, Outputs map[string]any
}

func (s *stage) exported() (resources map[string]exported, text string) {
	s.t.Helper()
	data, err := s.cli.Export(s.t.Context(), stack)
	s.must(err)
	var state struct {
		Deployment struct{ Resources []exported }
	}
	s.must(json.Unmarshal(data, &state))
	resources = map[string]exported{}
	for _, r := range state.Deployment.Resources {
		resources[r.URN[strings.LastIndex(r.URN, "::")+2:]] = r
	}
	return resources, string(data)
}

// spaces lets messages that are wrapped be searched.
var spaces = regexp.MustCompile(`\s+`)

func (s *stage) expect(text string, parts ...string) {
	s.t.Helper()
	flat := spaces.ReplaceAllString(text, " ")
	for _, p := range parts {
		if !strings.Contains(flat, p) {
			s.t.Errorf("it does not say %q:\n%s", p, text)
		}
	}
}

// once is for what all tests of the process share.
type once[T any] struct {
	sync.Once
	value T
	err   error
}

func (o *once[T]) get(t *testing.T, create func() (T, error)) T {
	t.Helper()
	o.Do(func() { o.value, o.err = create() })
	if o.err != nil {
		t.Fatal(o.err)
	}
	return o.value
}
