package s3store

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// fill writes objects, several at once.
func fill(t *testing.T, c *Client, bucket string, keys []string, times int) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(16)
	for _, key := range keys {
		g.Go(func() error {
			for range times {
				if _, err := c.Put(t.Context(), bucket, key, strings.NewReader("x")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
}

func numbered(format string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(format, i)
	}
	return keys
}

func upload(t *testing.T, c *Client, bucket, key string) {
	t.Helper()
	_, err := c.api.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	must(t, err)
}

// deleteCurrent leaves a delete marker on each key, in few calls.
func deleteCurrent(t *testing.T, c *Client, bucket string, keys []string) {
	t.Helper()
	var ids []types.ObjectIdentifier
	for i, key := range keys {
		if ids = append(ids, types.ObjectIdentifier{Key: aws.String(key)}); len(ids) == deleteBatch || i == len(keys)-1 {
			out, err := c.api.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids}})
			must(t, err)
			if len(out.Errors) > 0 {
				t.Fatalf("not deleted: %+v", out.Errors[0])
			}
			ids = nil
		}
	}
}

// A large bucket is listed over several pages, also where one key fills more than a page; a purge
// that is cut goes on where it stopped.
func TestPurgeLargeBucket(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t, func(c *Config) { c.MaxRetries = 1 })
	direct := minioClient(t)
	bucket := versioned(t, direct)
	// One page ends among the versions of a single key.
	const before, deep, after, markers = 985, 30, 315, 1200
	fill(t, direct, bucket, numbered("a/%04d", before), 1)
	fill(t, direct, bucket, []string{"b/deep"}, deep)
	fill(t, direct, bucket, numbered("c/%04d", after), 1)
	deleteCurrent(t, direct, bucket, append(numbered("a/%04d", before), numbered("c/%04d", markers-before)...))
	for _, key := range []string{"up/1", "up/2", "up/3"} {
		upload(t, direct, bucket, key)
	}

	seen := map[string]bool{}
	latest, marked := 0, 0
	last := ""
	for _, v := range versionsOf(t, direct, bucket, "") {
		if v.Key < last || seen[v.Key+v.ID] {
			t.Fatalf("%q %q is out of order or stands twice", v.Key, v.ID)
		}
		last, seen[v.Key+v.ID] = v.Key, true
		if v.IsLatest {
			latest++
		}
		if v.DeleteMarker {
			marked++
		}
	}
	const versions = before + deep + after
	if len(seen) != versions+markers || latest != before+1+after || marked != markers {
		t.Errorf("listed %d versions, %d current ones and %d markers", len(seen), latest, marked)
	}

	// The second batch gets no answer, twice.
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "DeleteObjects"}, When: s3proxy.From(2), Action: s3proxy.CutBefore()})
	var told atomic.Int64
	first, err := c.Purge(t.Context(), bucket, func(p Purged) { told.Store(int64(p.Versions + p.DeleteMarkers)) })
	var ce *CallError
	if !errors.As(err, &ce) || ce.Op != "DeleteObjects" || Hint(err) == "" {
		t.Fatalf("unexpected %v", err)
	}
	if err := direct.DeleteBucket(t.Context(), bucket); !errors.Is(err, ErrBucketNotEmpty) {
		t.Errorf("unexpected %v", err)
	}
	proxy.ClearRules()
	second, err := c.Purge(t.Context(), bucket, func(p Purged) { told.Store(int64(p.Versions + p.DeleteMarkers)) })
	must(t, err)
	if n := first.Versions + second.Versions; n != versions {
		t.Errorf("purged %d versions in two goes: %+v, %+v", n, first, second)
	}
	if n := first.DeleteMarkers + second.DeleteMarkers; n != markers || second.Uploads != 3 {
		t.Errorf("purged %d markers and %d uploads", n, second.Uploads)
	}
	if first.Versions+first.DeleteMarkers == 0 || told.Load() != int64(second.Versions+second.DeleteMarkers) {
		t.Errorf("told of %d, first %+v", told.Load(), first)
	}
	for range 2 { // a bucket that is gone is no error
		must(t, c.DeleteBucket(t.Context(), bucket))
	}
}

// Wherever a purge is cut, the same again finishes it.
func TestPurgeAfterCuts(t *testing.T) {
	t.Parallel()
	for _, action := range []s3proxy.Action{s3proxy.CutAfter(), s3proxy.CutMiddle(), s3proxy.Respond(503, "SlowDown", "slow", nil)} {
		t.Run(action.String(), func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, func(c *Config) { c.MaxRetries = 1 })
			bucket := versioned(t, c)
			for n := 1; ; n++ {
				proxy.ClearRules()
				put(t, c, bucket, "a", "x")
				put(t, c, bucket, "b", "x")
				must(t, c.DeleteObject(t.Context(), bucket, "b", ""))
				upload(t, c, bucket, "c")
				proxy.Reset()
				proxy.FailNth(n, action)
				proxy.FailNth(n+1, action) // the repetition
				_, err := c.Purge(t.Context(), bucket, nil)
				if len(proxy.Faulted()) == 0 {
					must(t, err)
					break
				}
				proxy.ClearRules()
				if _, err := c.Purge(t.Context(), bucket, nil); err != nil {
					t.Fatalf("request %d: %v", n, err)
				}
				if left := versionsOf(t, c, bucket, ""); len(left) > 0 {
					t.Fatalf("request %d: %+v", n, left)
				}
			}
			proxy.ClearRules()
			must(t, c.DeleteBucket(t.Context(), bucket))
		})
	}
}

// Where DeleteObjects is not to be had, versions are deleted one by one.
func TestPurgeOneByOne(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := versioned(t, c)
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "DeleteObjects"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
	fill(t, c, bucket, numbered("k%d", 20), 2)
	must(t, c.DeleteObject(t.Context(), bucket, "k3", ""))
	done, err := c.Purge(t.Context(), bucket, nil)
	if err != nil || done != (Purged{Versions: 40, DeleteMarkers: 1}) {
		t.Errorf("purged %+v, %v", done, err)
	}
	must(t, c.DeleteBucket(t.Context(), bucket))
}

// Uploads cannot be listed everywhere.
func TestPurgeWithoutUploads(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c)
	put(t, c, bucket, "a", "x")
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "ListMultipartUploads"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
	done, err := c.Purge(t.Context(), bucket, nil)
	if err != nil || done != (Purged{Versions: 1}) {
		t.Errorf("purged %+v, %v", done, err)
	}
}

// What is under retention stays, is named, and the way out is told.
func TestPurgeUnderRetention(t *testing.T) {
	t.Parallel()
	for _, oneByOne := range []bool{false, true} {
		t.Run(fmt.Sprintf("one by one %v", oneByOne), func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			bucket := testenv.BucketName(t)
			_, err := c.Ensure(t.Context(), bucket, EnsureOptions{ObjectLock: true})
			must(t, err)
			var held string
			for _, key := range []string{"held", "held too", "free"} {
				id := put(t, c, bucket, key, "x")
				if key == "free" {
					continue
				}
				held = id
				_, err := c.api.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
					Bucket: &bucket, Key: &key, VersionId: &id, Retention: &types.ObjectLockRetention{
						Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour)),
					},
				})
				must(t, err)
			}
			if oneByOne {
				proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "DeleteObjects"}, Action: s3proxy.Respond(501, "NotImplemented", "no", nil)})
			}
			_, err = c.Purge(t.Context(), bucket, nil)
			var kept *UndeletableError
			if !errors.As(err, &kept) || !strings.HasPrefix(kept.Key, "held") || kept.VersionID == "" || kept.Bucket != bucket {
				t.Fatalf("unexpected %v", err)
			}
			if !oneByOne && (kept.More != 1 || !strings.Contains(err.Error(), "and 1 more")) {
				t.Errorf("unexpected %v", err)
			}
			if !strings.Contains(Hint(err), "retention") || !strings.Contains(err.Error(), kept.Code) {
				t.Errorf("%v: %s", err, Hint(err))
			}
			if left := versionsOf(t, c, bucket, "held"); len(left) != 2 {
				t.Errorf("%d versions are left, one was %q", len(left), held)
			}
		})
	}
}

// PurgeOnly deletes what was decided on and tells of what came after.
func TestPurgeOnly(t *testing.T) {
	t.Parallel()
	c := minioClient(t)
	bucket := versioned(t, c)
	fill(t, c, bucket, numbered("k%d", 3), 2)
	decided := map[string]bool{}
	for _, v := range versionsOf(t, c, bucket, "") {
		decided[v.ID] = true
	}
	newer := put(t, c, bucket, "k1", "newer")
	done, err := c.PurgeOnly(t.Context(), bucket, func(v Version) bool { return decided[v.ID] }, nil)
	var left *LeftBehindError
	if !errors.As(err, &left) || left.Key != "k1" || left.Count != 1 || done.Versions != 6 || !strings.Contains(err.Error(), bucket) {
		t.Errorf("purged %+v, %v", done, err)
	}
	if list := versionsOf(t, c, bucket, ""); len(list) != 1 || list[0].ID != newer {
		t.Errorf("left are %+v", list)
	}
	if err := c.DeleteBucket(t.Context(), bucket); !errors.Is(err, ErrBucketNotEmpty) || Hint(err) == "" {
		t.Errorf("unexpected %v", err)
	}
}

// A refusal of one key in a batch counts, however the service spells it, and a passing one does not.
func TestDeleteRefusals(t *testing.T) {
	t.Parallel()
	refusal := func(key, id, code string) string {
		return "<Error><Key>" + key + "</Key><VersionId>" + id + "</VersionId><Code>" + code + "</Code><Message>words</Message></Error>"
	}
	tests := map[string]struct {
		errors  string
		done    int
		singles int64
		code    string
		more    int
	}{
		"none":                      {"", 3, 0, "", 0},
		"gone already":              {refusal("a", "1", "NoSuchVersion"), 3, 0, "", 0},
		"one":                       {refusal("b", "2", "AccessDenied"), 2, 0, "AccessDenied", 0},
		"two":                       {refusal("b", "2", "AccessDenied") + refusal("c", "3", "AccessDenied"), 1, 0, "AccessDenied", 1},
		"a passing fault":           {refusal("b", "2", "InternalError"), 3, 1, "", 0},
		"all throttled":             {refusal("a", "1", "SlowDown") + refusal("b", "2", "SlowDown") + refusal("c", "3", "SlowDown"), 3, 3, "", 0},
		"without the version":       {refusal("b", "", "AccessDenied"), 3, 0, "AccessDenied", 0},
		"of a key in another guise": {refusal("%62", "2", "AccessDenied"), 3, 0, "AccessDenied", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var singles atomic.Int64
			c := scripted(t, func(r *http.Request) string {
				if r.Method == http.MethodDelete {
					singles.Add(1)
					return ""
				}
				return "<DeleteResult>" + tc.errors + "</DeleteResult>"
			})
			done, err := c.deleteVersions(t.Context(), "states", []Version{{Key: "a", ID: "1"}, {Key: "b", ID: "2"}, {Key: "c", ID: "3"}})
			var kept *UndeletableError
			switch {
			case tc.code == "" && err != nil:
				t.Fatal(err)
			case tc.code != "" && (!errors.As(err, &kept) || kept.Code != tc.code || kept.More != tc.more || kept.Message != "words"):
				t.Fatalf("unexpected %v", err)
			}
			if done.Versions != tc.done || singles.Load() != tc.singles {
				t.Errorf("deleted %d, %d of them one by one", done.Versions, singles.Load())
			}
		})
	}
}
