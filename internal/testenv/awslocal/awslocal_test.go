package awslocal

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func run(t *testing.T, start func(context.Context, Options) (*Server, error), opts Options) *Server {
	t.Helper()
	s, err := start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func table(t *testing.T, db *dynamodb.Client) string {
	t.Helper()
	out, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: types.BillingModePayPerRequest, DeletionProtectionEnabled: aws.Bool(true),
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
		Tags:                 []types.Tag{{Key: aws.String("team"), Value: aws.String("core")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.TableDescription.TableArn)
}

// What the package comment says of moto, and what tests of AWS settings rely on.
func TestMoto(t *testing.T) {
	t.Parallel()
	s := run(t, StartMoto, Options{})
	arn := table(t, s.DynamoDB())
	if want := "arn:aws:dynamodb:" + s.Region + ":" + s.AccountID + ":table/locks"; arn != want {
		t.Errorf("the table is %s, want %s", arn, want)
	}
	var api smithy.APIError
	if _, err := s.DynamoDB().DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String("locks")}); !errors.As(err, &api) || api.ErrorCode() != "ValidationException" {
		t.Errorf("a protected table: %v", err)
	}
	backups, err := s.DynamoDB().DescribeContinuousBackups(t.Context(), &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String("locks")})
	if err != nil || backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusDisabled {
		t.Errorf("point-in-time recovery: %+v, %v", backups, err)
	}
	put := func(match string) error {
		_, err := s.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: aws.String("k"), IfNoneMatch: &match, Body: strings.NewReader("x")})
		return err
	}
	if _, err := s.S3().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("states")}); err == nil {
		t.Error("it lets a bucket be made outside us-east-1 without its region, which AWS does not")
	}
	if err := makeBucket(t, s); err != nil {
		t.Fatal(err)
	}
	if err := put("*"); err != nil {
		t.Error(err)
	}
	if err := put("*"); !errors.As(err, &api) || api.ErrorCode() != "PreconditionFailed" {
		t.Errorf("a second conditional PUT: %v", err)
	}
}

// What the package comment says of dynalite, and what tests of locks rely on: one winner.
func TestDynalite(t *testing.T) {
	t.Parallel()
	s := run(t, StartDynalite, Options{})
	other := run(t, StartDynalite, Options{TableDelay: time.Hour})
	if s.Endpoint == other.Endpoint || s.AccountID == other.AccountID {
		t.Errorf("%s and %s are one server", s.Endpoint, other.Endpoint)
	}
	if arn := table(t, s.DynamoDB()); !strings.Contains(arn, s.AccountID) {
		t.Errorf("the table is %s", arn)
	}
	table(t, other.DynamoDB())
	if out, err := other.DynamoDB().DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("locks")}); err != nil || out.Table.TableStatus != types.TableStatusCreating {
		t.Errorf("a slow server: %+v, %v", out, err)
	}
	var api smithy.APIError
	if _, err := s.DynamoDB().DescribeContinuousBackups(t.Context(), &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String("locks")}); !errors.As(err, &api) || api.ErrorCode() != "UnknownOperationException" {
		t.Errorf("point-in-time recovery: %v", err)
	}
	for round := range 20 {
		if won := race(t, s.DynamoDB(), strconv.Itoa(round)); won != 1 {
			t.Fatalf("round %d: %d of 16 writers won", round, won)
		}
	}
}

func race(t *testing.T, db *dynamodb.Client, id string) int32 {
	t.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{
				TableName: aws.String("locks"), ConditionExpression: aws.String("attribute_not_exists(LockID)"),
				Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: id}},
			})
			var refused *types.ConditionalCheckFailedException
			switch {
			case err == nil:
				won.Add(1)
			case !errors.As(err, &refused):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return won.Load()
}

func makeBucket(t *testing.T, s *Server) error {
	t.Helper()
	_, err := s.S3().CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("states"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(s.Region)},
	})
	return err
}

// Clients that go away in the middle of a request, or of its answer, do not end dynalite, which others
// share.
func TestDynaliteOutlivesItsClients(t *testing.T) {
	t.Parallel()
	s := run(t, StartDynalite, Options{})
	table(t, s.DynamoDB())
	address := strings.TrimPrefix(s.Endpoint, "http://")
	const body = `{"TableName":"locks","Key":{"LockID":{"S":"x"}}}`
	request := "POST / HTTP/1.1\r\nHost: " + address + "\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Type: application/x-amz-json-1.0\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	for _, sent := range []int{len(request) - 10, len(request) - len(body), len(request)} {
		for range 10 {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte(request[:sent])); err != nil {
				t.Fatal(err)
			}
			if tcp, ok := conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // a reset rather than an end
			}
			_ = conn.Close() // that is the point
		}
	}
	if _, err := s.DynamoDB().DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("locks")}); err != nil {
		t.Errorf("%v\n%s", err, s.Log())
	}
}
