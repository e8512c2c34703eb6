package toollock

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// dynamoProxy is the shared dynalite behind a fault proxy.
func dynamoProxy(t *testing.T) (*dynamolock.Client, *s3proxy.Proxy) {
	t.Helper()
	server := testenv.Dynalite(t)
	proxy, err := s3proxy.Start(server.Endpoint, s3proxy.Options{AccessKey: server.AccessKey, SecretKey: server.SecretKey})
	must(t, err)
	t.Cleanup(func() { must(t, proxy.Close()) })
	client, err := dynamolock.New(t.Context(), dynamolock.Config{
		Region: server.Region, Endpoint: proxy.URL(), AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	must(t, err)
	return client, proxy
}

// The answer to the write that takes the lock is lost, at the first try or at every one: we hold the
// lock, as its ID says, and can give it back.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]s3proxy.When{"once": s3proxy.Nth(1), "always": {}} {
		t.Run("lockfile/"+name, func(t *testing.T) {
			t.Parallel()
			proxy := testenv.Proxy(t, testenv.MinIO(t))
			client, bucketName := bucket(t, true, proxy.URL())
			proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Method: "PUT", KeySuffix: LockfileSuffix}, When: lose, Action: s3proxy.CutAfter()})
			lostAnswer(t, NewLockfile(client, bucketName, "k"), proxy)
			if left := objects(t, client, bucketName); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
		t.Run("dynamodb/"+name, func(t *testing.T) {
			t.Parallel()
			_, table := dynamoTable(t)
			client, proxy := dynamoProxy(t)
			proxy.AddRule(s3proxy.Rule{
				Match: s3proxy.Match{Func: func(r s3proxy.Request) bool { return r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.PutItem" }},
				When:  lose, Action: s3proxy.CutAfter(),
			})
			lostAnswer(t, NewDynamoDB(client, table, "states", "k"), proxy)
			out, err := client.API().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, Select: types.SelectCount})
			must(t, err)
			if out.Count != 0 {
				t.Errorf("%d items are left", out.Count)
			}
		})
	}
}

func lostAnswer(t *testing.T, place Place, proxy *s3proxy.Proxy) {
	t.Helper()
	grant, err := place.Acquire(t.Context(), info("apply"))
	must(t, err)
	if len(proxy.Faulted()) == 0 {
		t.Fatal("no answer was lost")
	}
	seen, err := place.Inspect(t.Context())
	must(t, err)
	if len(seen) != 1 || seen[0].ID() != grant.Lock.ID() {
		t.Fatalf("the lock is %+v, and ours is %s", seen, grant.Lock.ID())
	}
	must(t, grant.Release(t.Context()))
}

// A break whose answer is lost says in its record that the holder may have been faster.
func TestBreakOfItemOverLostAnswer(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"answered": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, table := dynamoTable(t)
			client, proxy := dynamoProxy(t)
			if lost {
				proxy.AddRule(s3proxy.Rule{
					Match:  s3proxy.Match{Func: func(r s3proxy.Request) bool { return r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.DeleteItem" }},
					Action: s3proxy.CutAfter(),
				})
			}
			grant, err := NewDynamoDB(client, table, "states", "k").Acquire(t.Context(), info("apply"))
			must(t, err)
			must(t, grant.Lock.Break(t.Context(), info("break")))
			if got := len(proxy.Faulted()) > 0; got != lost {
				t.Fatalf("an answer was lost: %v, want %v", got, lost)
			}
			out, err := client.API().Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
			must(t, err)
			var record Record
			if len(out.Items) != 1 || json.Unmarshal([]byte(textOf(out.Items[0], "Record")), &record) != nil {
				t.Fatalf("the table holds %v, want one record", out.Items)
			}
			if record.Uncertain != lost || record.LockID != grant.Lock.ID() {
				t.Errorf("got %+v", record)
			}
		})
	}
}
