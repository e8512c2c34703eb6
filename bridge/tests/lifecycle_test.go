package tests

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

const everything = "name: everything" + inYAML + aBucket + `  locks:
    type: groundwork:LockDatabase
    properties: {name: DATABASE}
  lockTable:
    type: groundwork:StateLockTable
    properties:
      postgres: {database: "${locks.name}"}
  backend:
    type: groundwork:BackendConfigFile
    properties:
      path: backend.tf
      lock: ${states.lockStrategy}
      s3: {bucket: "${states.name}", key: "${key}"}
variables:
  key:
    fn::invoke:
      function: groundwork:stateKey
      arguments: {environment: dev, phase: infra}
outputs:
  loginUrl: ${states.pulumiBackendUrl}
  strategy: ${states.lockStrategy}
`

// The life of every resource: preview, up, nothing to do, a change outside that refresh finds and up
// repairs, a change that updates in place, one that replaces, and the end.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := newStage(t, everything).withPostgres()
	s.write("Pulumi.yaml", everything) // with the names, which are known now
	names := []string{"backend", "lockTable", "locks", "states"}

	preview := s.preview()
	up := s.up()
	for _, name := range names {
		for what, report := range map[string][]string{"preview": ops(preview.Steps, name), "up": ops(up.Steps, name)} {
			if !slices.Equal(report, []string{"create"}) {
				t.Errorf("%s of %s: %v", what, name, report)
			}
		}
	}
	s.unchanged("the second up", s.up())
	s.unchanged("a preview", s.preview())
	s.unchanged("a refresh", s.refresh())
	outputs, err := s.cli.Outputs(t.Context(), stack)
	s.must(err)
	if outputs["strategy"] != "lockfile" || !strings.HasPrefix(fmt.Sprint(outputs["loginUrl"]), "s3://"+s.bucket+"?") {
		t.Errorf("outputs %v", outputs)
	}
	content, err := os.ReadFile(filepath.Join(s.cli.Dir, "backend.tf"))
	s.must(err)
	s.expect(string(content), `key = "infra/terraform.tfstate"`, "use_lockfile = true")

	s.changedOutside()
	s.changedInPlace()
	s.replaced()
	s.destroy()
	s.gone()
}

// changedOutside suspends versioning and edits the file behind the back of the engine.
func (s *stage) changedOutside() {
	s.t.Helper()
	_, err := s.server.Client().PutBucketVersioning(s.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &s.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
	})
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.cli.Dir, "backend.tf"), []byte("# edited\n"), 0o600))
	found := s.refresh().Changed()
	var names []string
	for _, step := range found {
		names = append(names, step.URN[strings.LastIndex(step.URN, "::")+2:])
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"backend", "states"}) {
		s.t.Errorf("refresh found %+v", found)
	}
	report := s.up()
	for _, name := range names {
		if got := ops(report.Steps, name); !slices.Equal(got, []string{"update"}) {
			s.t.Errorf("repairing %s: %v", name, got)
		}
	}
	versioning, err := s.server.Client().GetBucketVersioning(s.t.Context(), &s3.GetBucketVersioningInput{Bucket: &s.bucket})
	s.must(err)
	if versioning.Status != types.BucketVersioningStatusEnabled {
		s.t.Errorf("versioning is %s", versioning.Status)
	}
	s.unchanged("after the repair", s.preview())
}

// changedInPlace changes what the schema says can change.
func (s *stage) changedInPlace() {
	s.t.Helper()
	text := strings.NewReplacer("{.pulumi/backups/: 30}", "{.pulumi/backups/: 14}",
		"{team: platform}", "{team: ops}", "phase: infra", "phase: app").Replace(everything)
	s.write("Pulumi.yaml", text)
	report := s.up()
	for name, want := range map[string]string{"states": "update", "backend": "update", "locks": "same", "lockTable": "same"} {
		if got := ops(report.Steps, name); !slices.Equal(got, []string{want}) {
			s.t.Errorf("changing %s: %v, want %s", name, got, want)
		}
	}
	lifecycle, err := s.server.Client().GetBucketLifecycleConfiguration(s.t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.bucket})
	s.must(err)
	if !slices.ContainsFunc(lifecycle.Rules, func(r types.LifecycleRule) bool {
		return r.Expiration != nil && aws.ToInt32(r.Expiration.Days) == 14
	}) {
		s.t.Errorf("rules %+v", lifecycle.Rules)
	}
}

// replaced asks what another name would do: a replacement, of these resources and no others.
func (s *stage) replaced() {
	s.t.Helper()
	text := strings.NewReplacer("{.pulumi/backups/: 30}", "{.pulumi/backups/: 14}",
		"{team: platform}", "{team: ops}", "phase: infra", "phase: app",
		"name: BUCKET", "name: BUCKET2", "path: backend.tf", "path: other/backend.tf").Replace(everything)
	s.write("Pulumi.yaml", text)
	report := s.preview()
	for name, want := range map[string]bool{"states": true, "backend": true, "locks": false, "lockTable": false} {
		if got := slices.Contains(ops(report.Steps, name), "replace"); got != want {
			s.t.Errorf("another name: %s %v", name, ops(report.Steps, name))
		}
	}
}

func (s *stage) gone() {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	if _, err := s.server.Client().HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket}); err == nil {
		s.t.Error("the bucket is still there")
	}
	if s.database != "" {
		if n := s.query("postgres", "SELECT count(*)::text FROM pg_database WHERE datname = $1", s.database); n != "0" {
			s.t.Error("the database is still there")
		}
	}
	if _, err := os.Stat(filepath.Join(s.cli.Dir, "backend.tf")); err == nil {
		s.t.Error("the file is still there")
	}
}

// Existing things are imported by the IDs that Terraform knows, and the program that import writes
// fits them.
func TestImport(t *testing.T) {
	t.Parallel()
	s := newStage(t, "name: imports\nruntime: yaml\n").withPostgres()
	_, err := s.server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &s.bucket})
	s.must(err)
	s.must(s.pg.CreateDatabase(t.Context(), s.database, s.role()))

	for name, what := range map[string]struct{ token, id string }{
		"states": {"groundwork:index/stateBucket:StateBucket", s.bucket},
		"locks":  {"groundwork:index/lockDatabase:LockDatabase", s.database},
	} {
		report, err := s.cli.ImportResource(t.Context(), stack, what.token, name, what.id, "--protect=false", "--out", filepath.Join(s.cli.Dir, name+".yaml"))
		s.must(err)
		if got := ops(report.Steps, name); !slices.Equal(got, []string{"import"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	resources, _ := s.exported()
	if id := resources["states"].ID; id != s.bucket+"@"+s.server.Region {
		t.Errorf("the bucket's ID is %q", id)
	}
	// Nothing is changed on a bucket that was imported until the program says so.
	if origin := resources["states"].Outputs["origin"]; origin != "imported" {
		t.Errorf("origin %v", origin)
	}
	s.write("Pulumi.yaml", `name: imports
runtime: yaml
resources:
  states:
    type: groundwork:StateBucket
    properties: {name: BUCKET, deletionProtection: false}
  locks:
    type: groundwork:LockDatabase
    properties: {name: DATABASE}
`)
	s.up()
	s.unchanged("after the import", s.up())
	s.destroy()
	s.gone()
}

// What is secret stays so in what Pulumi writes down, and what comes from the environment is not
// written down at all.
func TestSecrets(t *testing.T) {
	t.Parallel()
	s := newStage(t, "name: secrets\nruntime: yaml\n").withPostgres()
	s.write("Pulumi.yaml", `name: secrets
runtime: yaml
config:
  secretKey: {type: string, secret: true}
resources:
  explicit:
    type: pulumi:providers:groundwork
    properties:
      accessKey: `+s.server.AccessKey+`
      secretKey: ${secretKey}
      postgresPassword: not-the-real-one
  given:
    type: groundwork:StateBucket
    properties: {name: BUCKET, deletionProtection: false}
    options: {provider: "${explicit}"}
  fromEnvironment:
    type: groundwork:StateBucket
    properties: {name: BUCKET-env, deletionProtection: false}
  locks:
    type: groundwork:LockDatabase
    properties: {name: DATABASE}
`)
	s.must(s.cli.SetSecret(t.Context(), stack, "secretKey", s.server.SecretKey))
	s.up()
	_, text := s.exported()
	password := s.environment("PGPASSWORD")
	for what, secret := range map[string]string{
		"the secret key": s.server.SecretKey, "the access key": s.server.AccessKey,
		"a password that the program gives": "not-the-real-one", "PGPASSWORD": password,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the state in clear", what)
		}
	}
	// The whole backend, with its history and its backups, and the project's own folder.
	s.search(s.cli.Home, s.server.SecretKey, password, "not-the-real-one")
	s.search(s.cli.Dir, s.server.SecretKey, password)
	s.destroy()
}

// ops returns what was done to a resource, in order.
func ops(steps []pulumicli.Step, name string) []string {
	var found []string
	for _, step := range steps {
		if strings.HasSuffix(step.URN, "::"+name) {
			found = append(found, step.Op)
		}
	}
	return found
}

func (s *stage) environment(name string) string {
	i := slices.IndexFunc(s.cli.Env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	return strings.TrimPrefix(s.cli.Env[i], name+"=")
}

func (s *stage) role() string { return s.environment("PGUSER") }

// search fails the test for every file of a folder that holds one of the words.
func (s *stage) search(dir string, words ...string) {
	s.t.Helper()
	s.must(filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, word := range words {
			if strings.Contains(string(data), word) {
				s.t.Errorf("%s holds a secret", path)
			}
		}
		return err
	}))
}

// query runs SQL as superuser and returns the first column of the first row.
func (s *stage) query(database, sql string, args ...any) string {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	conn, err := s.pg.Connect(ctx, database)
	s.must(err)
	defer func() { _ = conn.Close(ctx) }()
	var text string
	s.must(conn.QueryRow(ctx, sql, args...).Scan(&text))
	return text
}
