package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// A backend with a lock file and a table locks each state in both, under one ID: who knows the ID
// takes away both, as terraform force-unlock does.
func TestLocksInTwoPlaces(t *testing.T) {
	s := newShop(t)
	server, table := testenv.Dynalite(t), testenv.BucketName(t)
	_, err := server.DynamoDB().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
	})
	s.must(err)
	in := func(table string) string {
		return s.backend("prod.tfstate", fmt.Sprintf("use_lockfile = true\n dynamodb_table = %q\n dynamodb_endpoint = %q", table, server.Endpoint))
	}
	s.write("environments/prod/main.tf", in(table))
	acquire := func() string {
		t.Helper()
		out, _ := s.want(CodeDone, "locks", "acquire", "--tool", "--env", "prod", "--format", "json")
		var doc LockChangeDocument
		s.must(json.Unmarshal([]byte(out), &doc))
		if doc.Lock.Kind != "lockfile" || len(doc.Also) != 1 || doc.Also[0].Kind != "dynamodb" || doc.Also[0].ID != doc.Lock.ID {
			t.Fatalf("acquired is %s", out)
		}
		return doc.Lock.ID
	}
	free := func(what string) {
		t.Helper()
		if left := s.list(); len(left) != 0 {
			t.Errorf("after %s: %+v", what, left)
		}
	}
	out, _ := s.want(CodeDone, "locks", "acquire", "--tool", "--env", "prod")
	_, id, ok := strings.Cut(strings.TrimSpace(out), "groundwork locks release ")
	if !ok || !strings.HasPrefix(out, "The lockfile lock and the dynamodb lock on s3://"+s.bucket+"/prod.tfstate, held by ") {
		t.Errorf("acquire says %q", out)
	}
	s.want(CodeDone, "locks", "release", id)
	free("release")

	id = acquire()
	s.want(CodeLocked, "locks", "break", id, "--yes")
	if out, _ = s.want(CodeDone, "locks", "break", id, "--yes", "--force"); !strings.Contains(out, "are broken") {
		t.Errorf("break says %q", out)
	}
	free("break")

	// By its place, one of them alone.
	id = acquire()
	place := "dynamodb://" + table + "/" + s.bucket + "/prod.tfstate"
	s.want(CodeUsage, "locks", "release", place)
	s.want(CodeDone, "locks", "break", place, "--yes", "--force")
	if left := s.list(); len(left) != 1 || left["lockfile"].ID != id {
		t.Errorf("after one was broken: %+v", left)
	}

	// In a place that cannot be asked the lock may still be, which is said.
	s.want(CodeDone, "locks", "release", id)
	id = acquire()
	s.write("environments/prod/main.tf", in(table+"-gone"))
	out, errOut := s.want(CodeDone, "locks", "break", id, "--yes", "--force")
	if !strings.Contains(out, "The lockfile lock on ") || !strings.Contains(errOut, "warning: the same lock may be in a place that could not be asked: ") || !strings.Contains(errOut, table+"-gone") {
		t.Errorf("break says %q and %q", out, errOut)
	}
	s.write("environments/prod/main.tf", in(table))
	if left := s.list(); len(left) != 1 || left["dynamodb"].ID != id {
		t.Errorf("after the other was broken: %+v", left)
	}
	s.want(CodeDone, "locks", "release", id)
	id = acquire()

	// The same ID on other states is not the same lock.
	text, err := json.Marshal(lease.Info{ID: id, Who: "anna@laptop"})
	s.must(err)
	s.put("infra/terraform.tfstate.tflock", string(text))
	_, errOut = s.want(CodeError, "locks", "break", id, "--yes", "--force")
	for _, want := range []string{"3 locks have the ID", "s3://" + s.bucket + "/infra/terraform.tfstate.tflock", "s3://" + s.bucket + "/prod.tfstate.tflock", "Give the place"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("the error lacks %q: %s", want, errOut)
		}
	}
	s.want(CodeDone, "locks", "break", "s3://"+s.bucket+"/infra/terraform.tfstate.tflock", "--yes", "--force")
	s.want(CodeDone, "locks", "release", id)
	free("all")
}
