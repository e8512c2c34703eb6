//go:build linux

package cli_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// The lock is in DynamoDB: the second waits for the first, and a third that does not want to wait is
// told who is at it.
func TestExecDynamoDB(t *testing.T) {
	t.Parallel()
	server, table := testenv.Dynalite(t), testenv.BucketName(t)
	if _, err := server.DynamoDB().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &table, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
	}); err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	l.env = append(l.env, "AWS_ACCESS_KEY_ID="+server.AccessKey, "AWS_SECRET_ACCESS_KEY="+server.SecretKey, "AWS_EC2_METADATA_DISABLED=true")
	exec := func(name string, flags ...string) *job {
		return l.start(append(append([]string{
			"--dynamodb-table", table, "--dynamodb-region", server.Region, "--dynamodb-endpoint", server.Endpoint, "--lock", "x",
		}, flags...), "--", "sh", "-c", l.gate(name))...)
	}
	first := exec("a")
	l.await("in-a")
	second := exec("b")
	second.says(`for the lock "x", which is held by `)
	third := exec("c", "--lock-timeout", "0")
	third.ends(11)
	third.says("held by ")
	third.says(" for sh (pid ")
	third.says("groundwork locks break")
	l.open("a")
	first.ends(0)
	l.await("in-b")
	l.open("b")
	second.ends(0)
	if got := l.read("log"); got != "begin-a\nend-a\nbegin-b\nend-b\n" {
		t.Errorf("the log is %q", got)
	}
	exec("b", "--lock-timeout", "0").ends(0) // it is free again
	if n := l.count("pulumi_state_locks"); n != 0 {
		t.Errorf("%d locks in PostgreSQL", n)
	}
}
