package e2e

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/provider"
)

// example says what an example needs. Without an entry it is applied on an empty MinIO.
type example struct {
	// files are beside the example, relative to its directory.
	files map[string]string
	// buckets are there already, each with an object in it.
	buckets []string
	// handMade is a lock table that somebody made by hand, and a role, on the PostgreSQL server.
	handMade bool
	// aws is applied as on AWS, with moto for DynamoDB.
	aws bool
	// service is another one than MinIO, on which the example is planned: a plan asks nothing.
	service string
	// onlyValid examples configure the provider itself, so that they cannot be pointed elsewhere.
	onlyValid bool
}

const aConfiguration = "resource \"terraform_data\" \"x\" {}\n"

var examples = map[string]example{
	"provider/provider.tf":       {onlyValid: true},
	"provider/provider_aws.tf":   {onlyValid: true},
	"provider/provider_minio.tf": {onlyValid: true},
	// It reads a bucket and a database that others made; the provider's tests read real ones.
	"data-sources/groundwork_state_locks/data-source.tf": {onlyValid: true},

	"resources/groundwork_state_bucket/resource_access.tf": {service: "scaleway"},
	"resources/groundwork_state_bucket/resource_adopt.tf":  {buckets: []string{"terraform-state-coder-prod"}},
	"resources/groundwork_backend_config_file/resource_block.tf": {files: map[string]string{
		"environments/dev/infra/providers.tf": "terraform {\n  required_version = \">= 1.10\"\n\n  backend \"s3\" {}\n}\n",
	}},
	"resources/groundwork_backend_config_file/resource_phases.tf": {files: map[string]string{
		"../environments/dev/infra/main.tf": aConfiguration, "../environments/dev/coder/main.tf": aConfiguration,
		"../environments/legacy/main.tf": aConfiguration,
	}},
	"data-sources/groundwork_environment_layout/data-source.tf": {files: map[string]string{
		"environments/dev/infra/main.tf": aConfiguration, "environments/dev/coder/main.tf": aConfiguration,
		"environments/legacy/main.tf": aConfiguration,
	}},
	"resources/groundwork_lock_database/resource_scaleway.tf": {onlyValid: true},
	"resources/groundwork_state_lock_table/resource_adopt.tf": {handMade: true},
	"resources/groundwork_state_lock_table/resource_dynamodb.tf": {aws: true, files: map[string]string{
		"infra/main.tf": aConfiguration,
	}},

	"data-sources/groundwork_s3_capabilities/data-source_bucket.tf": {buckets: []string{"terraform-state-coder-dev"}},
}

// exampleFiles lists the examples that the documentation shows, without those of imports.
func exampleFiles(t testing.TB) []string {
	t.Helper()
	root := os.DirFS(filepath.Join(testenv.RepoRoot(t), "examples"))
	var files []string
	for _, dir := range []string{"provider", "resources", "data-sources", "functions"} {
		err := fs.WalkDir(root, dir, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, ".tf") && !strings.HasPrefix(path.Base(name), "import-by-") {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func readExample(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.RepoRoot(t), "examples", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// workspaceOf lays an example out as a configuration of its own.
func workspaceOf(t testing.TB, text string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work")
	all := map[string]string{"main.tf": text}
	if !strings.Contains(text, "required_providers") {
		all["versions.tf"] = "terraform {\n  required_providers {\n    groundwork = {\n      source = \"" + tfcli.Source() + "\"\n    }\n  }\n}\n"
	}
	maps.Copy(all, files)
	for name, text := range all {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every example is a valid configuration for both tools.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, name := range exampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := readExample(t, name)
			for _, tool := range tools {
				cli := testenv.NewCLI(t, tool.path(t), workspaceOf(t, text, examples[name].files), "TF_CLI_ARGS=-no-color")
				cli.Must("init")
				cli.Must("validate")
			}
		})
	}
	for name := range examples {
		if !slices.Contains(exampleFiles(t), name) {
			t.Errorf("there is no example %s any more", name)
		}
	}
}

// Every example does what it says: applied on a real server, or planned where the service cannot be
// had here.
func TestExamplesApply(t *testing.T) {
	eachTool(t, func(t *testing.T, command, path string) {
		server := testenv.StartMinIO(t, minio.Options{}) // the names of the buckets are those of the examples
		for _, name := range exampleFiles(t) {
			if examples[name].onlyValid {
				continue
			}
			t.Run(name, func(t *testing.T) { applyExample(t, server, name, command, path) })
		}
	})
}

func applyExample(t *testing.T, server *minio.Server, name, command, path string) {
	e := examples[name]
	dir := workspaceOf(t, readExample(t, name), e.files)
	if e.service != "" {
		cli := testenv.NewCLI(t, path, dir, "TF_CLI_ARGS=-no-color",
			"GROUNDWORK_SERVICE="+e.service, "GROUNDWORK_ACCESS_KEY=nobody", "GROUNDWORK_SECRET_KEY=nothing")
		cli.Must("init")
		cli.Must("plan")
		return
	}
	t.Cleanup(func() { emptyServer(t, server) })
	for _, bucket := range e.buckets {
		occupied(t, server, bucket)
	}
	cli := testenv.NewCLI(t, path, dir, "TF_CLI_ARGS=-no-color",
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT="+server.Endpoint,
		"GROUNDWORK_ACCESS_KEY="+server.AccessKey, "GROUNDWORK_SECRET_KEY="+server.SecretKey)
	switch {
	case e.aws:
		moto := testenv.Moto(t)
		// The names of tables are those of the examples too: a region for each tool keeps them apart.
		region := map[string]string{"terraform": moto.Region, "tofu": "eu-central-1"}[command]
		cli.Env = []string{
			"TF_CLI_ARGS=-no-color", "GROUNDWORK_SERVICE=aws", "GROUNDWORK_DYNAMODB_ENDPOINT=" + moto.Endpoint,
			"AWS_ACCESS_KEY_ID=" + moto.AccessKey, "AWS_SECRET_ACCESS_KEY=" + moto.SecretKey, "AWS_REGION=" + region,
		}
	case usesPostgres(name):
		cli.Env = append(cli.Env, postgresFor(t, e)...)
	}
	cli.Must("init")
	cli.Must("apply", "-auto-approve")
	if strings.Contains(readExample(t, name), `path = "backend.tf"`) {
		return // it has a backend now, which is not the example's to initialise
	}
	unchanged(t, cli)
}

func usesPostgres(name string) bool {
	return strings.Contains(name, "groundwork_lock_database") || strings.Contains(name, "groundwork_state_lock_table")
}

// handMadeTable is what people made before there was a provider for it.
const handMadeTable = `CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
)`

// postgresFor starts a PostgreSQL server, since the names in the examples are fixed, and returns
// what the provider has to know of it.
func postgresFor(t testing.TB, e example) []string {
	t.Helper()
	server := testenv.StartPostgres(t, postgres.Options{})
	if e.handMade {
		if err := server.CreateDatabase(t.Context(), "pulumi_state_lock", postgres.Superuser); err != nil {
			t.Fatal(err)
		}
		if _, err := server.CreateRole(t.Context(), "deploy", ""); err != nil {
			t.Fatal(err)
		}
		if err := server.Exec(t.Context(), "pulumi_state_lock", handMadeTable); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"PULUMI_LOCK_DB_HOST=" + server.Host, "PULUMI_LOCK_DB_PORT=" + strconv.Itoa(server.Port),
		"PULUMI_LOCK_DB_USER=" + postgres.Superuser, "PULUMI_LOCK_DB_PASSWORD=" + server.Password,
	}
}

func occupied(t testing.TB, server *minio.Server, bucket string) {
	t.Helper()
	key := "infra/terraform.tfstate"
	if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(emptyState)}); err != nil {
		t.Fatal(err)
	}
}

// emptyServer removes every bucket, for the next example that wants the same names.
func emptyServer(t testing.TB, server *minio.Server) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // which has ended in a cleanup
	c, err := s3store.New(ctx, s3store.Config{
		Service: "minio", Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := server.Client().ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list.Buckets {
		if _, err := c.Purge(ctx, *b.Name, nil); err != nil {
			t.Error(err)
		}
		if err := c.DeleteBucket(ctx, *b.Name); err != nil {
			t.Error(err)
		}
	}
}

var importCommand = regexp.MustCompile(`(?m)^terraform import (groundwork_\w+\.\w+) (\S+)$`)

// The three ways to import a resource name one that the first example has, and agree on its ID. A
// block with an identity needs a newer Terraform than the one that is built here, so it is held
// against the provider's own schema.
func TestImportExamples(t *testing.T) {
	t.Parallel()
	identities := identitySchemas(t)
	for name, identity := range identities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := "resources/" + name + "/"
			resource := readExample(t, dir+"resource.tf")
			command := importCommand.FindStringSubmatch(readExample(t, dir+"import.sh"))
			if command == nil {
				t.Fatal("import.sh has no import command")
			}
			address, id := command[1], command[2]
			kind, label, _ := strings.Cut(address, ".")
			if !strings.Contains(resource, `resource "`+kind+`" "`+label+`"`) {
				t.Errorf("resource.tf has no %s", address)
			}
			block := readExample(t, dir+"import-by-string-id.tf")
			contains(t, block, "to = "+address, `id = "`+id+`"`)
			for _, tool := range tools {
				cli := testenv.NewCLI(t, tool.path(t), workspaceOf(t, resource+"\n"+block, nil))
				cli.Must("init")
				cli.Must("validate")
			}
			text := readExample(t, dir+"import-by-identity.tf")
			contains(t, text, "to = "+address)
			written := identityIn(t, text)
			for _, a := range identity {
				if a.RequiredForImport && !slices.Contains(written, a.Name) {
					t.Errorf("import-by-identity.tf lacks %s", a.Name)
				}
				written = slices.DeleteFunc(written, func(w string) bool { return w == a.Name })
			}
			if len(written) > 0 {
				t.Errorf("import-by-identity.tf has %v, which the identity lacks", written)
			}
		})
	}
}

// identitySchemas are those of every resource: each has one.
func identitySchemas(t testing.TB) map[string][]*tfprotov6.ResourceIdentitySchemaAttribute {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(provider.New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	identities, err := server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]*tfprotov6.ResourceIdentitySchemaAttribute{}
	for name := range schemas.ResourceSchemas {
		identity := identities.IdentitySchemas[name]
		if identity == nil {
			t.Errorf("%s has no identity", name)
			continue
		}
		out[name] = identity.IdentityAttributes
	}
	examplesExist(t, schemas)
	return out
}

// examplesExist fails the test if something that the provider offers has no example.
func examplesExist(t testing.TB, schemas *tfprotov6.GetProviderSchemaResponse) {
	t.Helper()
	var want []string
	for name := range schemas.ResourceSchemas {
		want = append(want, "resources/"+name+"/resource.tf")
	}
	for name := range schemas.DataSourceSchemas {
		want = append(want, "data-sources/"+name+"/data-source.tf")
	}
	for name := range schemas.Functions {
		want = append(want, "functions/"+name+"/function.tf")
	}
	have := exampleFiles(t)
	for _, name := range want {
		if !slices.Contains(have, name) {
			t.Errorf("there is no examples/%s", name)
		}
	}
}

// identityIn lists the names in an import block's identity.
func identityIn(t testing.TB, text string) []string {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "import.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var names []string
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		object, ok := block.Body.Attributes["identity"].Expr.(*hclsyntax.ObjectConsExpr)
		if !ok {
			t.Fatal("the identity is no object")
		}
		for _, item := range object.Items {
			names = append(names, hcl.ExprAsKeyword(item.KeyExpr))
		}
	}
	return names
}
