package backendfile

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// keys lists the objects in a bucket.
func keys(t *testing.T, server *minio.Server, bucket string) map[string]bool {
	t.Helper()
	list, err := server.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, o := range list.Contents {
		out[aws.ToString(o.Key)] = true
	}
	return out
}

// newBucket is one on MinIO, for the version of the CLI that runs the tests.
func newBucket(t *testing.T) (server *minio.Server, place backendcfg.PulumiS3, env []string) {
	t.Helper()
	server = testenv.MinIO(t)
	result, err := testenv.Pulumi(t, t.TempDir()).Must(t.Context(), "version")
	must(t, err)
	version, err := backendcfg.ParsePulumiVersion(strings.TrimSpace(result.Stdout))
	must(t, err)
	bucket := testenv.BucketName(t)
	if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	return server, backendcfg.PulumiS3{Bucket: bucket, Region: "us-east-1", Endpoint: server.Endpoint, PathStyle: true, Version: version},
		[]string{"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey}
}

// stacksOf takes one stack through its life, with the login that is there.
func stacksOf(t *testing.T, cli pulumicli.CLI, stack string) {
	t.Helper()
	must(t, cli.StackInit(t.Context(), stack))
	if report, err := cli.Up(t.Context(), stack); err != nil || report.Changes["create"] == 0 {
		t.Fatalf("up: %v %v", report.Changes, err)
	}
	stacks, err := cli.Stacks(t.Context())
	must(t, err)
	if len(stacks) == 0 || !strings.HasSuffix(stacks[0].Name, stack) {
		t.Errorf("stack ls: %+v", stacks)
	}
}

const program = "outputs:\n  answer: 42\n"

// TestPulumiReadsTheProject: `pulumi login` without an address, and every command after it, go where
// the Pulumi.yaml says, which groundwork made or edited.
func TestPulumiReadsTheProject(t *testing.T) {
	t.Parallel()
	server, place, env := newBucket(t)
	place.Prefix = "team a/web"
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "Pulumi.yaml"), Root: dir, Format: backendcfg.FormatPulumiProject, Placement: Block}
	r := render(t, f, backendcfg.Config{Pulumi: &backendcfg.Pulumi{S3: &place, Project: &backendcfg.PulumiProject{Name: "web", Runtime: "yaml", Description: "It says \"hi\": # no comment"}}})
	must(t, f.Create(r))
	text, _ := onDisk(t, f.Path)
	write(t, f.Path, text+program)
	cli := testenv.Pulumi(t, dir, env...)
	if _, err := cli.Must(t.Context(), "login"); err != nil {
		t.Fatal(err)
	}
	who, err := cli.Must(t.Context(), "whoami", "--verbose")
	if err != nil || !strings.Contains(who.Output(), place.Bucket) {
		t.Errorf("whoami: %v\n%s", err, who.Output())
	}
	stacksOf(t, cli, "dev")
	if found := keys(t, server, place.Bucket); !found["team a/web/.pulumi/stacks/web/dev.json"] {
		t.Errorf("the bucket holds %v", found)
	}
	must(t, f.Delete(Sum(r.Content)))
	if out, err := cli.Run(t.Context(), "preview", "--stack", "dev", "--non-interactive"); err != nil || !strings.Contains(out.Output(), "unchanged") {
		t.Errorf("the project no longer works where the login is: %v\n%s", err, out.Output())
	}
}

// TestPulumiReadsTheDotenv: a shell that sources the file needs no login.
func TestPulumiReadsTheDotenv(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatalf("this test needs a POSIX shell: %v", err)
	}
	server, place, env := newBucket(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Pulumi.yaml"), "name: api\nruntime: yaml\n"+program)
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	write(t, passphrase, "correct horse\n")
	f := File{Path: filepath.Join(dir, ".env"), Root: dir, Format: backendcfg.FormatDotenv, Placement: Block}
	must(t, f.Create(render(t, f, backendcfg.Config{Pulumi: &backendcfg.Pulumi{S3: &place, PassphraseFile: passphrase}})))
	cli := testenv.Pulumi(t, dir, env...)
	script := `set -eu; unset PULUMI_CONFIG_PASSPHRASE; set -a; . ./.env; set +a
pulumi stack init dev --non-interactive
pulumi config set --stack dev --secret greeting hello
pulumi up --stack dev --yes --skip-preview --non-interactive
pulumi stack ls`
	result, err := proc.Command{Path: sh, Dir: dir, Args: []string{"-c", script}, Env: cli.Environment()}.Run(t.Context())
	if err != nil || result.ExitCode != 0 || !strings.Contains(result.Output(), "dev") {
		t.Fatalf("%v, exit code %d\n%s", err, result.ExitCode, result.Output())
	}
	if found := keys(t, server, place.Bucket); !found[".pulumi/stacks/api/dev.json"] {
		t.Errorf("the bucket holds %v", found)
	}
}

// TestPulumiReadsPostgres: the same with states in PostgreSQL, where user and password come from
// the environment.
func TestPulumiReadsPostgres(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "")
	database := testenv.PostgresDatabase(t, server, role.Name)
	address, err := backendcfg.PulumiPostgres{Host: server.Host, Port: server.Port, Database: database, Table: "web_states", Parameters: map[string]string{"sslmode": "disable"}}.URL()
	must(t, err)
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "Pulumi.yaml"), Root: dir, Format: backendcfg.FormatPulumiProject, Placement: Block}
	write(t, f.Path, "name: web\nruntime: yaml\n"+program)
	must(t, f.Create(render(t, f, backendcfg.Config{Pulumi: &backendcfg.Pulumi{URL: address}})))
	cli := testenv.Pulumi(t, dir, "PGUSER="+role.Name, "PGPASSWORD="+role.Password)
	stacksOf(t, cli, "dev")
	conn, err := server.Connect(t.Context(), database)
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var found string
	must(t, conn.QueryRow(t.Context(), "SELECT string_agg(key, ' ' ORDER BY key) FROM web_states").Scan(&found))
	// Pulumi takes the path of every address but a file's for a folder, the database's name too.
	if !slices.Contains(strings.Fields(found), database+"/.pulumi/stacks/web/dev.json") {
		t.Errorf("the table holds %s", found)
	}
	// That no user is in the address is no loss: Pulumi keeps the address in its login.
	login, err := os.ReadFile(filepath.Join(cli.Home, ".pulumi", "credentials.json"))
	if err == nil && strings.Contains(string(login), role.Password) {
		t.Error("the login holds the password")
	}
}

// TestPulumiKnowsEveryParameter: the CLI accepts all that groundwork lets through, and refuses what
// groundwork refuses.
func TestPulumiKnowsEveryParameter(t *testing.T) {
	t.Parallel()
	_, place, env := newBucket(t)
	// Without it, 3.256 and 3.257 would send MinIO what it refuses.
	env = append(env, "AWS_REQUEST_CHECKSUM_CALCULATION=when_supported")
	const unknown = "unknown query parameter"
	values := map[string]string{
		"accelerate": "false", "anonymous": "false", "dualstack": "false", "fips": "false", "hostname_immutable": "true", "rate_limiter_capacity": "500",
		"request_checksum_calculation": "when_supported", "response_checksum_validation": "when_required", "ssetype": "AES256",
		"kmskeyid": "", "role": "",
	}
	place.Parameters = map[string]string{}
	for _, name := range backendcfg.PulumiParameterNames(nil) {
		value, ok := values[name]
		if !ok {
			t.Fatalf("there is no value for %s", name)
		}
		if value != "" {
			place.Parameters[name] = value
		}
	}
	address, err := place.URL()
	must(t, err)
	cli := testenv.Pulumi(t, t.TempDir(), env...)
	must(t, cli.Login(t.Context(), address))
	for _, spelling := range []string{"use_path_style=true", "disable_https=true", "disableSSL=true", "awssdk=v2"} {
		legacy := fmt.Sprintf("s3://%s?region=us-east-1&endpoint=%s&s3ForcePathStyle=true&%s", place.Bucket, url.QueryEscape(place.Endpoint), spelling)
		if _, err := backendcfg.ParsePulumiURL(legacy); err != nil {
			t.Errorf("%s: %v", spelling, err)
		}
		must(t, cli.Login(t.Context(), legacy))
	}
	// These need more than MinIO to work, and are known all the same.
	for _, parameter := range []string{"kmskeyid=no-such-key&ssetype=aws:kms", "role=arn:aws:iam::111122223333:role/x", "acl=private"} {
		legacy := fmt.Sprintf("s3://%s?region=us-east-1&endpoint=%s&s3ForcePathStyle=true&%s", place.Bucket, url.QueryEscape(place.Endpoint), parameter)
		_, ours := backendcfg.ParsePulumiURL(legacy)
		result, err := cli.Run(t.Context(), "login", legacy)
		if err != nil {
			t.Fatal(err)
		}
		if theirs := strings.Contains(result.Output(), unknown); theirs != (ours != nil) {
			t.Errorf("%s: groundwork says %v, and Pulumi\n%s", parameter, ours, result.Output())
		}
	}
}
