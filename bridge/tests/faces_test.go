package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

const terraformFace = `
terraform {
  required_providers {
    groundwork = { source = "groundwork-iac/groundwork" }
  }
}
resource "groundwork_state_bucket" "states" {
  name                = "BUCKET"
  deletion_protection = false
  force_destroy       = true
  lifecycle_rules = {
    noncurrent_expiration_days = 45
    expirations                = { ".pulumi/backups/" = 30, "logs/" = 7 }
  }
  access = [{
    level      = "read-only"
    principals = ["arn:aws:iam::123456789012:user/reader"]
    prefix     = "infra/"
  }]
  tags = { team = "platform", cost = "42" }
}
resource "groundwork_lock_database" "locks" {
  name = "DATABASE"
}
resource "groundwork_state_lock_table" "locks" {
  postgres = {
    database = groundwork_lock_database.locks.name
    schema   = "locks"
    table    = "state_locks"
    grants   = ["ROLE"]
  }
}
resource "groundwork_backend_config_file" "own" {
  path = "generated/backend.tf"
  lock = groundwork_state_bucket.states.lock_strategy
  s3 = {
    bucket = groundwork_state_bucket.states.name
    key    = "infra/terraform.tfstate"
  }
  remote_states = { base = { key = "base/terraform.tfstate" } }
}
`

const pulumiFace = `name: faces
runtime: yaml
resources:
  states:
    type: groundwork:StateBucket
    properties:
      name: BUCKET
      deletionProtection: false
      forceDestroy: true
      lifecycleRules:
        noncurrentExpirationDays: 45
        expirations: {.pulumi/backups/: 30, logs/: 7}
      access:
        - level: read-only
          principals: ["arn:aws:iam::123456789012:user/reader"]
          prefix: infra/
      tags: {team: platform, cost: "42"}
  locks:
    type: groundwork:LockDatabase
    properties: {name: DATABASE}
  lockTable:
    type: groundwork:StateLockTable
    properties:
      postgres:
        database: ${locks.name}
        schema: locks
        table: state_locks
        grants: [ROLE]
  own:
    type: groundwork:BackendConfigFile
    properties:
      path: generated/backend.tf
      lock: ${states.lockStrategy}
      s3: {bucket: "${states.name}", key: infra/terraform.tfstate}
      remoteStates: {base: {key: base/terraform.tfstate}}
`

// One configuration, written for Terraform and for Pulumi, makes the same bucket, table and file.
func TestFacesAgree(t *testing.T) {
	t.Parallel()
	role := testenv.PostgresRole(t, testenv.Postgres(t), "").Name

	p := newStage(t, "name: faces\nruntime: yaml\n").withPostgres()
	p.write("Pulumi.yaml", strings.ReplaceAll(pulumiFace, "ROLE", role))
	p.up()

	tf := bareStage(t, t.TempDir()).withPostgres()
	tf.write("main.tf", strings.ReplaceAll(terraformFace, "ROLE", role))
	cli := testenv.NewCLI(t, testenv.Terraform(t), tf.cli.Dir, tf.cli.Env...)
	cli.Must("init")
	cli.Must("apply", "-auto-approve")

	if diff := cmp.Diff(tf.face(), p.face()); diff != "" {
		t.Errorf("Terraform (-) and Pulumi (+) differ:\n%s", diff)
	}
	cli.Must("destroy", "-auto-approve")
	p.destroy()
	p.gone()
}

// face reads back every setting of the bucket, the definition of the table and the file, with the
// names that have to differ left out.
func (s *stage) face() map[string]string {
	s.t.Helper()
	ctx, client := s.t.Context(), s.server.Client()
	found := map[string]string{}
	note := func(what string, value any, err error) {
		text := fmt.Sprint(err)
		if err == nil {
			data, err := json.MarshalIndent(value, "", " ")
			s.must(err)
			text = string(data)
		} else if i := strings.LastIndex(text, "api error"); i >= 0 {
			text = text[i:]
		}
		found[what] = strings.NewReplacer(s.bucket, "BUCKET", s.database, "DATABASE", s.owner(), "OWNER").Replace(text)
	}
	versioning, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.bucket})
	s.must(err)
	note("versioning", []any{versioning.Status, versioning.MFADelete}, nil)
	encryption, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &s.bucket})
	s.must(err)
	note("encryption", encryption.ServerSideEncryptionConfiguration, nil)
	lifecycle, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &s.bucket})
	s.must(err)
	slices.SortFunc(lifecycle.Rules, func(a, b types.LifecycleRule) int { return strings.Compare(*a.ID, *b.ID) })
	note("lifecycle", lifecycle.Rules, nil)
	tags, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &s.bucket})
	s.must(err)
	slices.SortFunc(tags.TagSet, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	note("tags", tags.TagSet, nil)
	policy, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.bucket})
	s.must(err)
	note("policy", s.unordered(*policy.Policy), nil)
	lock, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.bucket})
	if err == nil {
		note("object lock", lock.ObjectLockConfiguration, nil)
	}
	for what, sql := range tableFacts {
		note(what, s.query(s.database, sql), nil)
	}
	file, err := os.ReadFile(filepath.Join(s.cli.Dir, "generated", "backend.tf"))
	s.must(err)
	note("file", string(file), nil)
	return found
}

// unordered reads a policy and sorts its lists of strings, whose order says nothing: MinIO returns them
// in another one each time.
func (s *stage) unordered(policy string) any {
	s.t.Helper()
	var document any
	s.must(json.Unmarshal([]byte(policy), &document))
	var visit func(value any)
	visit = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, v := range value {
				visit(v)
			}
		case []any:
			for _, v := range value {
				visit(v)
			}
			slices.SortFunc(value, func(a, b any) int {
				x, isString := a.(string)
				y, alike := b.(string)
				if !isString || !alike {
					return 0 // statements keep their order
				}
				return strings.Compare(x, y)
			})
		}
	}
	visit(document)
	return document
}

func (s *stage) owner() string { return s.environment("PGUSER") }

// tableFacts are queries that give everything that makes up a lock table as one text.
var tableFacts = map[string]string{
	"database": `SELECT pg_encoding_to_char(encoding) || ' ' || datcollate || ' ' || coalesce(shobj_description(oid, 'pg_database'), '')
		FROM pg_database WHERE datname = current_database()`,
	"columns": `SELECT string_agg(table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
		|| ' ' || coalesce(character_maximum_length::text, ''), E'\n' ORDER BY table_name, ordinal_position)
		FROM information_schema.columns WHERE table_schema = 'locks'`,
	"indexes":    `SELECT string_agg(indexdef, E'\n' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'locks'`,
	"privileges": `SELECT string_agg(relname || ' ' || coalesce(relacl::text, ''), E'\n' ORDER BY relname) FROM pg_class WHERE relnamespace = 'locks'::regnamespace`,
	"comments": `SELECT string_agg(relname || ' ' || coalesce(obj_description(oid, 'pg_class'), ''), E'\n' ORDER BY relname)
		FROM pg_class WHERE relnamespace = 'locks'::regnamespace`,
}
