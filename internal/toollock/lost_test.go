package toollock

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
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

// A lock object in a bucket without versions is given back over answers that are lost, at each of its two
// writes. The lock that somebody takes as soon as ours is gone stays theirs.
func TestLockfileReleaseOverLostAnswers(t *testing.T) {
	t.Parallel()
	takeover, deletion := s3proxy.Match{Method: "PUT", Header: "If-Match"}, s3proxy.Match{Method: "DELETE"}
	for name, c := range map[string]struct {
		match  s3proxy.Match
		action s3proxy.Action
	}{
		"takeover done": {takeover, s3proxy.CutAfter()}, "takeover not arrived": {takeover, s3proxy.CutBefore()},
		"deleted": {deletion, s3proxy.CutAfter()}, "deletion not arrived": {deletion, s3proxy.CutBefore()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := testenv.Proxy(t, testenv.MinIO(t))
			client, bucketName := bucket(t, false, proxy.URL())
			grant, err := NewLockfile(client, bucketName, "k").Acquire(t.Context(), info("apply"))
			must(t, err)
			proxy.AddRule(s3proxy.Rule{Match: c.match, When: s3proxy.Nth(1), Action: c.action})
			must(t, grant.Release(t.Context()))
			if len(proxy.Faulted()) == 0 {
				t.Fatal("no answer was lost")
			}
			if left := objects(t, client, bucketName); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
	t.Run("another comes", func(t *testing.T) {
		t.Parallel()
		server := testenv.MinIO(t)
		proxy := testenv.Proxy(t, server)
		client, bucketName := bucket(t, false, proxy.URL())
		grant, err := NewLockfile(client, bucketName, "k").Acquire(t.Context(), info("apply"))
		must(t, err)
		past, err := s3store.New(t.Context(), s3store.Config{
			Service: "minio", Region: server.Region, Endpoint: server.Endpoint, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		})
		must(t, err)
		var deletions, others atomic.Int32
		proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Func: func(r s3proxy.Request) bool {
			if deletions.Load() > 0 && others.Add(1) == 1 {
				if _, err := NewLockfile(past, bucketName, "k").Acquire(t.Context(), info("destroy")); err != nil {
					t.Error(err)
				}
			}
			return r.Method == "DELETE" && deletions.Add(1) == 1
		}}, Action: s3proxy.CutAfter()})
		must(t, grant.Release(t.Context()))
		seen, err := NewLockfile(client, bucketName, "k").Inspect(t.Context())
		must(t, err)
		if others.Load() == 0 || len(seen) != 1 || seen[0].Info.Operation != info("destroy").Operation {
			t.Errorf("asked %d times after the lost answer, and there is %+v", others.Load(), seen)
		}
	})
}

// A removal arrives late, when it was looked for in vain and is sent again: the lock was removed, and
// nobody is told that it was another one.
func TestRemovalOfItemArrivesLate(t *testing.T) {
	t.Parallel()
	_, table := dynamoTable(t)
	server := testenv.Dynalite(t)
	target, err := url.Parse(server.Endpoint)
	must(t, err)
	next := httputil.NewSingleHostReverseProxy(target)
	var late *http.Request // no two requests at once
	removals := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem") {
			switch removals++; removals {
			case 1:
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				late = r.Clone(context.WithoutCancel(r.Context()))
				late.Body = io.NopCloser(bytes.NewReader(body))
				panic(http.ErrAbortHandler)
			case 2:
				next.ServeHTTP(httptest.NewRecorder(), late)
			}
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	client, err := dynamolock.New(t.Context(), dynamolock.Config{
		Region: server.Region, Endpoint: front.URL, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	must(t, err)
	grant, err := NewDynamoDB(client, table, "states", "k").Acquire(t.Context(), info("apply"))
	must(t, err)
	must(t, grant.Release(t.Context()))
	if removals != 2 {
		t.Errorf("it was removed %d times", removals)
	}
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
