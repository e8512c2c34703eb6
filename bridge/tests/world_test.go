package tests

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/imitate"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// world is servers for examples, whose names are fixed: nothing else uses them.
type world struct {
	server *minio.Server
	pg     *postgres.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{server: testenv.StartMinIO(t, minio.Options{AnyRegion: true}), pg: testenv.StartPostgres(t, postgres.Options{})}
	// A managed server has a maintenance database of its own name.
	if err := w.pg.CreateDatabase(t.Context(), "rdb", postgres.Superuser); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pg.CreateRole(t.Context(), "deploy", ""); err != nil {
		t.Fatal(err)
	}
	return w
}

const aConfiguration = "resource \"terraform_data\" \"x\" {}\n"

// sceneFiles are beside the program, or around it.
var sceneFiles = map[string]map[string]string{
	"first": {
		"environments/dev/infra/main.tf": aConfiguration, "environments/dev/coder/main.tf": aConfiguration,
		"environments/legacy/main.tf": aConfiguration,
	},
	"second": {"environments/dev/infra/providers.tf": "terraform {\n  required_version = \">= 1.10\"\n\n  backend \"s3\" {}\n}\n"},
	"fourth": {"../environments/dev/infra/main.tf": aConfiguration, "../environments/dev/coder/main.tf": aConfiguration},
	"aws":    {"infra/main.tf": aConfiguration},
}

// awsTurn lets one language at a time have the table that the example names, in the one moto.
var awsTurn sync.Mutex

// stage is a project in which the examples of a scene find what they need, by the environment alone.
func (w *world) stage(t *testing.T, scene, project string) *stage {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	s := &stage{t: t, server: w.server, endpoint: w.server.Endpoint}
	s.must(os.Mkdir(dir, 0o700))
	s.cli = testenv.Pulumi(t, dir)
	s.cli.Plugins = append(s.cli.Plugins, built)
	switch scene {
	case "aws":
		awsTurn.Lock()
		t.Cleanup(awsTurn.Unlock)
		moto := testenv.Moto(t)
		s.cli.Env = append(s.cli.Env, "GROUNDWORK_SERVICE=aws", "GROUNDWORK_DYNAMODB_ENDPOINT="+moto.Endpoint, "AWS_REGION="+moto.Region,
			"AWS_ACCESS_KEY_ID="+moto.AccessKey, "AWS_SECRET_ACCESS_KEY="+moto.SecretKey)
	case "scaleway":
		scaleway := imitate.Start(t, imitate.Scaleway, imitate.On(imitate.Upstream{
			Endpoint: w.server.Endpoint, AccessKey: w.server.AccessKey, SecretKey: w.server.SecretKey, Region: "fr-par",
		}))
		s.cli.Env = append(s.cli.Env, "GROUNDWORK_SERVICE=scaleway", "GROUNDWORK_ENDPOINT="+scaleway.Endpoint,
			"SCW_ACCESS_KEY="+scaleway.AccessKey, "SCW_SECRET_KEY="+scaleway.SecretKey)
	default:
		s.cli.Env = append(s.cli.Env, s.s3Environment()...)
		s.cli.Env = append(s.cli.Env, "PULUMI_LOCK_DB_HOST="+w.pg.Host, "PULUMI_LOCK_DB_PORT="+strconv.Itoa(w.pg.Port),
			"PULUMI_LOCK_DB_USER="+postgres.Superuser, "PULUMI_LOCK_DB_PASSWORD="+w.pg.Password)
	}
	s.write("Pulumi.yaml", project)
	s.loginToFiles()
	s.must(s.cli.StackInit(t.Context(), stack))
	if scene == "second" { // what the example of a managed database takes from its configuration
		for key, value := range map[string]string{"host": w.pg.Host, "port": strconv.Itoa(w.pg.Port), "certificate": w.pg.CAFile} {
			s.must(s.cli.SetConfig(t.Context(), stack, key, value))
		}
	}
	return s
}

// existingBuckets are there before the examples that read them or take one over.
var existingBuckets = []string{"terraform-state-coder-prod", "terraform-state-coder-dev", "evalap-pulumi-state"}

// handMadeTable is what people made before there was a provider for it.
const handMadeTable = `CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
)`

// prepare makes what is there before an example runs, as far as it is not there.
func (w *world) prepare(t *testing.T, s *stage, scene string) {
	t.Helper()
	for name, text := range sceneFiles[scene] {
		path := filepath.Join(s.cli.Dir, filepath.FromSlash(name))
		s.must(os.MkdirAll(filepath.Dir(path), 0o700))
		s.must(os.WriteFile(path, []byte(text), 0o600))
	}
	if scene != "existing" {
		return
	}
	for _, bucket := range existingBuckets {
		_, err := w.server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
		var exists *types.BucketAlreadyOwnedByYou
		if err != nil && !errors.As(err, &exists) {
			t.Fatal(err)
		}
	}
	key := "notes.txt"
	if _, err := w.server.Client().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &existingBuckets[0], Key: &key, Body: strings.NewReader("what was here before"),
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.pg.Exec(t.Context(), "pulumi_state_lock", "SELECT 1"); err != nil {
		s.must(w.pg.CreateDatabase(t.Context(), "pulumi_state_lock", postgres.Superuser))
	}
	s.must(w.pg.Exec(t.Context(), "pulumi_state_lock", handMadeTable))
}

// empty removes what an example has found, so that it can be destroyed: nothing that holds something
// is deleted with it.
func (w *world) empty(t *testing.T, scene string) {
	t.Helper()
	if scene != "existing" {
		return
	}
	client, bucket := w.server.Client(), existingBuckets[0]
	versions, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions.Versions {
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId}); err != nil {
			t.Fatal(err)
		}
	}
}

// clear takes away what prepare has made, and the examples have left.
func (w *world) clear(t *testing.T, scene string) {
	t.Helper()
	if scene != "existing" {
		return
	}
	for _, bucket := range existingBuckets {
		_, err := w.server.Client().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket})
		var api smithy.APIError
		if err != nil && (!errors.As(err, &api) || api.ErrorCode() != "NoSuchBucket") {
			t.Fatal(err)
		}
	}
	if err := w.pg.Exec(t.Context(), "postgres", "DROP DATABASE pulumi_state_lock WITH (FORCE)"); err != nil {
		t.Fatal(err)
	}
}
