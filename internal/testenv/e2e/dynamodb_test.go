package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// lockTableUser is a checkout with a workspace that makes a lock table and the backend that locks in
// it, and one that uses that backend.
type lockTableUser struct {
	t             *testing.T
	dir           string
	bucket, table string
	path          string
	env           []string
	store         *dynamolock.Client
}

func newLockTableUser(t *testing.T, path, command string) *lockTableUser {
	t.Helper()
	server, tables := testenv.MinIO(t), testenv.Dynalite(t)
	u := &lockTableUser{
		t: t, dir: t.TempDir(), bucket: testenv.BucketName(t), table: testenv.BucketName(t), path: path,
		env: []string{
			"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + server.Endpoint,
			"GROUNDWORK_DYNAMODB_ENDPOINT=" + tables.Endpoint, "GROUNDWORK_DYNAMODB_REGION=" + server.Region,
			"AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey, "TF_CLI_ARGS=-no-color",
		},
	}
	if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &u.bucket}); err != nil {
		t.Fatal(err)
	}
	var err error
	u.store, err = dynamolock.New(t.Context(), dynamolock.Config{
		Region: server.Region, Endpoint: tables.Endpoint, AccessKey: tables.AccessKey, SecretKey: tables.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	u.write("app", "resource \"terraform_data\" \"x\" {\n  input = 1\n}\n")
	u.write("gen", fmt.Sprintf(`
terraform {
  required_providers {
    groundwork = {
      source = "groundwork-iac/groundwork"
    }
  }
}
resource "groundwork_state_lock_table" "locks" {
  dynamodb = { table = %q }
}
resource "groundwork_backend_config_file" "app" {
  path           = "../app/backend.tf"
  root           = ".."
  tool           = %q
  lock           = "dynamodb"
  dynamodb_table = groundwork_state_lock_table.locks.dynamodb.table
  s3             = { bucket = %q, key = "app/terraform.tfstate", dynamodb_endpoint = %q }
}
`, u.table, map[string]string{"terraform": "terraform", "tofu": "opentofu"}[command], u.bucket, tables.Endpoint))
	return u
}

func (u *lockTableUser) write(workspace, text string) {
	u.t.Helper()
	dir := filepath.Join(u.dir, workspace)
	if err := errors.Join(os.MkdirAll(dir, 0o750), os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600)); err != nil {
		u.t.Fatal(err)
	}
}

func (u *lockTableUser) in(workspace string) *testenv.CLI {
	u.t.Helper()
	return testenv.NewCLI(u.t, u.path, filepath.Join(u.dir, workspace), u.env...)
}

// items are the LockIDs in the table.
func (u *lockTableUser) items() string {
	u.t.Helper()
	out, err := u.store.API().Scan(u.t.Context(), &dynamodb.ScanInput{TableName: &u.table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		u.t.Fatal(err)
	}
	var ids []string
	for _, item := range out.Items {
		if id, ok := item[dynamolock.AttrLockID].(*types.AttributeValueMemberS); ok {
			ids = append(ids, id.Value)
		}
	}
	return strings.Join(ids, " ")
}

// awaitLock waits until somebody holds a lock.
func (u *lockTableUser) awaitLock() dynamolock.Lock {
	u.t.Helper()
	ctx, cancel := context.WithTimeoutCause(u.t.Context(), time.Minute, errors.New("a minute has passed"))
	defer cancel()
	for {
		live, err := u.store.LiveLocks(ctx, u.table)
		switch {
		case err != nil:
			u.t.Fatal(err)
		case len(live) == 1:
			return live[0]
		case len(live) > 1:
			u.t.Fatalf("there are several locks: %v", live)
		}
		select {
		case <-ctx.Done():
			u.t.Fatalf("nobody takes a lock: %v", context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// The table that groundwork makes is the one that the tools lock in: the backend names it, one run
// keeps another out, the table cannot be destroyed meanwhile, and a lock that a dead run left behind
// is named and removed.
func TestToolsLockInDynamoDBTable(t *testing.T) {
	t.Parallel()
	for command, tool := range tools {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			u := newLockTableUser(t, tool.path(t), command)
			gen, app := u.in("gen"), u.in("app")
			gen.Must("init")
			gen.Must("apply", "-auto-approve")
			unchanged(t, gen)
			backend, err := os.ReadFile(filepath.Join(u.dir, "app", "backend.tf"))
			if err != nil {
				t.Fatal(err)
			}
			contains(t, string(backend), `dynamodb_table`, `"`+u.table+`"`)
			if strings.Contains(string(backend), "use_lockfile") {
				t.Errorf("the backend locks twice:\n%s", backend)
			}
			app.Must("init")
			app.Must("apply", "-auto-approve")
			id := u.bucket + "/app/terraform.tfstate"
			if got := u.items(); got != id+"-md5" {
				t.Errorf("after an apply the table holds %q, want the digest alone", got)
			}

			answer, ask := io.Pipe()
			first, second := u.in("app"), u.in("app")
			first.Stdin, first.Env = answer, append(first.Env, "TF_INPUT=1")
			wait := background(t.Context(), first, "apply", "-replace=terraform_data.x")
			lock := u.awaitLock()
			if !lock.Tool || lock.LockID != id || lock.Info.Operation != "OperationTypeApply" || lock.Info.ID == "" {
				t.Errorf("the lock is %+v", lock)
			}
			contains(t, refused(t, second, "apply", "-auto-approve"), "Error acquiring the state lock", "ConditionalCheckFailedException", lock.Info.ID)
			contains(t, words(refused(t, gen, "destroy", "-auto-approve")), "Lock Table Must Not Be Destroyed", lock.Info.ID, "force-unlock")
			if _, err := io.WriteString(ask, "yes\n"); err != nil {
				t.Fatal(err)
			}
			if err := ask.Close(); err != nil {
				t.Fatal(err)
			}
			if output, err := wait(); err != nil {
				t.Fatalf("%v:\n%s", err, output)
			}

			left := map[string]types.AttributeValue{
				"LockID": &types.AttributeValueMemberS{Value: id},
				// Byte for byte as the tools write it: OpenTofu removes only a lock that reads so.
				"Info": &types.AttributeValueMemberS{Value: `{"ID":"7f3a2b1c-1111-4222-8333-444455556666","Operation":"OperationTypeApply","Info":"","Who":"ci@build-7","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":"` + id + `"}`},
			}
			if _, err := u.store.API().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &u.table, Item: left}); err != nil {
				t.Fatal(err)
			}
			contains(t, refused(t, second, "plan"), "ci@build-7")
			contains(t, words(refused(t, gen, "destroy", "-auto-approve")), "held by ci@build-7")
			app.Must("force-unlock", "-force", "7f3a2b1c-1111-4222-8333-444455556666")
			unchanged(t, app)
			gen.Must("destroy", "-auto-approve")
			if _, err := u.store.Observe(t.Context(), u.table); !errors.Is(err, dynamolock.ErrNotFound) {
				t.Errorf("after the destroy: %v", err)
			}
		})
	}
}

// words undoes the line breaks of an error's frame.
func words(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "│", " ")), " ")
}
