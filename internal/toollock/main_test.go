package toollock

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bucket makes a bucket on MinIO, and a client that reaches it through endpoint, or directly.
func bucket(t *testing.T, versioned bool, endpoint string) (*s3store.Client, string) {
	t.Helper()
	server, name := testenv.MinIO(t), testenv.BucketName(t)
	_, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	must(t, err)
	if versioned {
		_, err = server.Client().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
		})
		must(t, err)
	}
	if endpoint == "" {
		endpoint = server.Endpoint
	}
	client, err := s3store.New(t.Context(), s3store.Config{
		Service: "minio", Region: server.Region, Endpoint: endpoint,
		AccessKey: server.AccessKey, SecretKey: server.SecretKey, MaxBackoff: 5 * time.Millisecond,
	})
	must(t, err)
	return client, name
}

// objects are the current keys of a bucket.
func objects(t *testing.T, client *s3store.Client, bucket string) (keys []string) {
	t.Helper()
	for o, err := range client.Objects(t.Context(), bucket, "") {
		must(t, err)
		keys = append(keys, o.Key)
	}
	return keys
}

// dynamoTable makes a lock table.
func dynamoTable(t *testing.T) (*dynamolock.Client, string) {
	t.Helper()
	server, name := testenv.Dynalite(t), testenv.BucketName(t)
	_, err := server.DynamoDB().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
	})
	must(t, err)
	client, err := dynamolock.New(t.Context(), dynamolock.Config{
		Region: server.Region, Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	must(t, err)
	return client, name
}

// pgBackend is a database with the tables that the pg backend makes.
type pgBackend struct {
	server   *postgres.Server
	role     postgres.Role
	database string
	client   *pglock.Client
}

func newPGBackend(t *testing.T) pgBackend {
	t.Helper()
	server := testenv.Postgres(t)
	if strings.HasPrefix(t.Name(), "TestBreak") {
		server = testenv.StartPostgres(t, postgres.Options{}) // only the end of a log can be read, so nobody else must write there
	}
	b := pgBackend{server: server, role: testenv.PostgresRole(t, server, "")}
	b.database = testenv.PostgresDatabase(t, server, b.role.Name)
	b.client = b.clientFor(t, b.role)
	return b
}

func (b pgBackend) clientFor(t *testing.T, role postgres.Role) *pglock.Client {
	t.Helper()
	settings, err := pglock.Config{
		Host: b.server.Host, Port: b.server.Port, User: role.Name, Password: role.Password,
		MaintenanceDatabase: b.database, SSLMode: "disable",
	}.Resolve(func(string) string { return "" })
	must(t, err)
	client, err := pglock.New(settings)
	must(t, err)
	return client
}

// fill makes what Terraform makes when it uses the backend for the first time.
func (b pgBackend) fill(t *testing.T) {
	t.Helper()
	conn, err := b.server.Connect(t.Context(), b.database)
	must(t, err)
	defer func() { must(t, conn.Close(context.Background())) }()
	_, err = conn.PgConn().Exec(t.Context(), `SET ROLE "`+b.role.Name+`"; CREATE SCHEMA terraform_remote_state;
		CREATE SEQUENCE public.global_states_id_seq AS bigint;
		CREATE TABLE terraform_remote_state.states (id bigint NOT NULL DEFAULT nextval('public.global_states_id_seq') PRIMARY KEY,
			name text UNIQUE, data text);
		INSERT INTO terraform_remote_state.states (name, data) VALUES ('default', '{}'), ('blue', '{}')`).ReadAll()
	must(t, err)
}

// world is one kind of lock with all that a test of it needs.
type world struct {
	// place is the lock of a state, anew for each caller, as another process would have it.
	place func() Place
	// other is the lock of another state in the same backend.
	other Place
	list  func(ctx context.Context) ([]Lock, error)
	// left is what stays of broken locks, without the records.
	left func(t *testing.T) []string
	// records counts the records of broken locks.
	records func(t *testing.T) int
}

// worlds are all kinds, in all their settings.
var worlds = map[string]func(t *testing.T) world{
	"lockfile":              func(t *testing.T) world { return lockfileWorld(t, true) },
	"lockfile, no versions": func(t *testing.T) world { return lockfileWorld(t, false) },
	"dynamodb":              dynamoWorld,
	"pulumi in a bucket": func(t *testing.T) world {
		client, name := bucket(t, true, "")
		return pulumiWorld(BucketFiles(client, name, "team/states"), func(t *testing.T) []string { return objects(t, client, name) })
	},
	"pulumi in a folder": func(t *testing.T) world {
		dir := t.TempDir()
		return pulumiWorld(DirFiles(dir), func(t *testing.T) []string { return filesBelow(t, dir) })
	},
	"local":                 localWorld,
	"pg":                    func(t *testing.T) world { return pgWorld(t, true) },
	"pg, nothing there yet": func(t *testing.T) world { return pgWorld(t, false) },
}

// split tells records from the rest.
func split(names []string) (rest []string, records int) {
	for _, n := range names {
		if strings.Contains(n, RecordPrefix) {
			records++
		} else {
			rest = append(rest, n)
		}
	}
	return rest, records
}

func lockfileWorld(t *testing.T, versioned bool) world {
	client, name := bucket(t, versioned, "")
	must(t, client.PutSmall(t.Context(), name, "infra/terraform.tfstate", []byte("{}")))
	all := func(t *testing.T) []string { return objects(t, client, name) }
	return world{
		place: func() Place { return NewLockfile(client, name, "infra/terraform.tfstate") },
		other: NewLockfile(client, name, "coder/terraform.tfstate"),
		list:  func(ctx context.Context) ([]Lock, error) { return Lockfiles(ctx, client, name, "") },
		left: func(t *testing.T) []string {
			rest, _ := split(all(t))
			return rest[:len(rest)-1] // the state
		},
		records: func(t *testing.T) int { _, n := split(all(t)); return n },
	}
}

func dynamoWorld(t *testing.T) world {
	client, table := dynamoTable(t)
	all := func(t *testing.T) (names []string) {
		out, err := client.API().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		must(t, err)
		for _, item := range out.Items {
			names = append(names, strings.Replace(textOf(item, "LockID"), dynamoRecord, RecordPrefix, 1))
		}
		return names
	}
	return world{
		place:   func() Place { return NewDynamoDB(client, table, "states", "infra/terraform.tfstate") },
		other:   NewDynamoDB(client, table, "states", "coder/terraform.tfstate"),
		list:    func(ctx context.Context) ([]Lock, error) { return DynamoDBLocks(ctx, client, table) },
		left:    func(t *testing.T) []string { rest, _ := split(all(t)); return rest },
		records: func(t *testing.T) int { _, n := split(all(t)); return n },
	}
}

func pulumiWorld(files Files, all func(*testing.T) []string) world {
	return world{
		place:   func() Place { return NewPulumi(files, "shop", "dev") },
		other:   NewPulumi(files, "shop", "dev2"),
		list:    func(ctx context.Context) ([]Lock, error) { return PulumiLocks(ctx, files) },
		left:    func(t *testing.T) []string { rest, _ := split(all(t)); return rest },
		records: func(t *testing.T) int { _, n := split(all(t)); return n },
	}
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, filepath.ToSlash(path))
		}
		return err
	}))
	return names
}

func localWorld(t *testing.T) world {
	dir := t.TempDir()
	place := func() Place { return NewLocal(filepath.Join(dir, "terraform.tfstate")) }
	return world{
		place:   place,
		other:   NewLocal(filepath.Join(dir, "terraform.tfstate.d", "blue", "terraform.tfstate")),
		list:    func(ctx context.Context) ([]Lock, error) { return place().Inspect(ctx) },
		left:    func(t *testing.T) []string { rest, _ := split(filesBelow(t, dir)); return rest },
		records: func(t *testing.T) int { _, n := split(filesBelow(t, dir)); return n },
	}
}

func pgWorld(t *testing.T, filled bool) world {
	b := newPGBackend(t)
	other := "blue"
	if filled {
		b.fill(t)
	}
	w := world{
		place: func() Place { return NewPG(b.client, PGStates{}, "") },
		list:  func(ctx context.Context) ([]Lock, error) { return PGLocks(ctx, b.client, PGStates{}) },
		left:  func(*testing.T) []string { return nil },
		records: func(*testing.T) int {
			return strings.Count(b.server.Log(), " LOG:  groundwork: {")
		},
	}
	if filled { // else there is one lock for all that is not there yet
		w.other = NewPG(b.client, PGStates{}, other)
	}
	return w
}

// info is what a caller of Acquire says.
func info(operation string) lease.Info { return lease.Info{Operation: operation, Who: "anna@laptop"} }
