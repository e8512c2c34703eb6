package provider

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

const bucketResource = "groundwork_state_bucket"

// outage is one way in which the service fails.
type outage struct {
	name   string
	action func() s3proxy.Action
}

func outages() []outage {
	return []outage{
		{"503", func() s3proxy.Action {
			return s3proxy.Respond(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", nil)
		}},
		{"409", func() s3proxy.Action {
			return s3proxy.Respond(http.StatusConflict, "OperationAborted", "A conflicting conditional operation is in progress.", nil)
		}},
		{"timeout", s3proxy.Hang},
		{"cut-before", s3proxy.CutBefore},
		{"cut-after", s3proxy.CutAfter},
	}
}

// faultBench is one case's own proxy and provider in front of the shared server.
type faultBench struct {
	proxy    *s3proxy.Proxy
	provider *protoProvider
	direct   *s3store.Client
	bucket   string
}

func newFaultBench(ctx context.Context, t *testing.T) *faultBench {
	t.Helper()
	server := testenv.MinIO(t)
	proxy := testenv.Proxy(t, server)
	config := func(endpoint string) attrs {
		return attrs{
			"service": "minio", "endpoint": endpoint, "region": server.Region,
			"access_key": server.AccessKey, "secret_key": server.SecretKey, "max_retries": 1,
		}
	}
	p := newProtoProvider(ctx, t, config(proxy.URL()), func(c *s3store.Config) {
		c.ResponseTimeout = 3 * time.Second
		c.MaxBackoff = 20 * time.Millisecond
		c.Probe = s3store.ProbeSize{Rounds: 2, Writers: 2}
	})
	direct, err := s3store.New(ctx, s3store.Config{
		Service: "minio", Endpoint: server.Endpoint, Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &faultBench{proxy: proxy, provider: p, direct: direct, bucket: testenv.BucketName(t)}
}

// faultCase is an operation that is interrupted at each of its requests.
type faultCase struct {
	// prepare brings the world to where the operation starts, and returns the state.
	prepare func(ctx context.Context, t *testing.T, b *faultBench) tftypes.Value
	// run is the operation; it returns the state after it and the errors.
	run func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) (tftypes.Value, string)
	// check looks at the server after an undisturbed run.
	check func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value)
}

// enumerate counts the requests of an undisturbed run, and then lets the service go down at each of
// them in turn, in every way. Afterwards one more run has to bring everything to its end.
func enumerate(t *testing.T, c faultCase) {
	ctx := t.Context()
	clean := newFaultBench(ctx, t)
	state := c.prepare(ctx, t, clean)
	clean.proxy.Reset()
	state, failed := c.run(ctx, t, clean, state)
	if failed != "" {
		t.Fatalf("undisturbed: %s", failed)
	}
	c.check(ctx, t, clean, state)
	total := len(clean.proxy.Requests())
	t.Logf("%d requests", total)

	for _, o := range outages() {
		for n := 1; n <= total; n++ {
			t.Run(fmt.Sprintf("%s/%d", o.name, n), func(t *testing.T) {
				t.Parallel()
				interrupt(t, c, o, n)
			})
		}
	}
}

func interrupt(t *testing.T, c faultCase, o outage, n int) {
	ctx := t.Context()
	b := newFaultBench(ctx, t)
	state := c.prepare(ctx, t, b)
	b.proxy.Reset()
	b.proxy.AddRule(s3proxy.Rule{When: s3proxy.From(n), Action: o.action()})
	state, failed := c.run(ctx, t, b, state)
	if len(b.proxy.Faulted()) > 0 && failed == "" {
		t.Fatalf("the service was down from request %d on, and nothing was reported", n)
	}
	b.proxy.ClearRules()
	state, failed = c.run(ctx, t, b, state)
	if failed != "" {
		t.Fatalf("the run after the outage: %s", failed)
	}
	c.check(ctx, t, b, state)
}

func bucketConfig(b *faultBench) attrs {
	return attrs{
		"name":                b.bucket,
		"deletion_protection": false,
		"tags":                attrs{"team": "platform"},
		"lifecycle_rules":     attrs{"expirations": attrs{".pulumi/backups/": 30}},
		"policy":              denyDeletePolicy(b.bucket),
	}
}

func denyDeletePolicy(bucket string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"KeepBucket","Effect":"Deny","Principal":{"AWS":["*"]},`+
		`"Action":["s3:DeleteBucketPolicy"],"Resource":["arn:aws:s3:::%s"]}]}`, bucket)
}

func noState(_ context.Context, t *testing.T, b *faultBench) tftypes.Value {
	return b.provider.null(t, bucketResource)
}

func created(ctx context.Context, t *testing.T, b *faultBench) tftypes.Value {
	t.Helper()
	state, failed := b.provider.apply(ctx, t, bucketResource, b.provider.null(t, bucketResource), bucketConfig(b))
	if failed != "" {
		t.Fatalf("preparing: %s", failed)
	}
	return state
}

// observed reads the bucket past the proxy.
func (b *faultBench) observed(ctx context.Context, t *testing.T) *s3store.Observed {
	t.Helper()
	o, err := b.direct.Read(ctx, b.bucket)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (b *faultBench) leftovers(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var keys []string
	for v, err := range b.direct.Versions(ctx, b.bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, v.Key)
	}
	return keys
}

func TestFaultsCreate(t *testing.T) {
	enumerate(t, faultCase{
		prepare: noState,
		run: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) (tftypes.Value, string) {
			next, failed := b.provider.apply(ctx, t, bucketResource, state, bucketConfig(b))
			if failed != "" && !next.IsNull() {
				t.Fatalf("a create that failed left a state behind: %s", failed)
			}
			return next, failed
		},
		check: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) {
			b.provider.settled(ctx, t, bucketResource, state, bucketConfig(b))
			o := b.observed(ctx, t)
			switch {
			case !o.VersioningEnabled():
				t.Error("versioning is off")
			case o.Encryption == nil:
				t.Error("encryption is off")
			case o.Tags["team"] != "platform":
				t.Errorf("tags are %v", o.Tags)
			case o.Lifecycle.Owned.Expirations[".pulumi/backups/"] != 30:
				t.Errorf("expirations are %v", o.Lifecycle.Owned.Expirations)
			case field(t, state, "origin") != originCreated || field(t, state, "lock_strategy") != lockLockfile:
				t.Errorf("origin %q, lock_strategy %q", field(t, state, "origin"), field(t, state, "lock_strategy"))
			}
			if _, ok := o.Policy.Find("KeepBucket"); !ok {
				t.Error("the policy is missing")
			}
			if left := b.leftovers(ctx, t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		},
	})
}

func TestFaultsUpdate(t *testing.T) {
	change := func(b *faultBench) attrs {
		c := bucketConfig(b)
		c["tags"] = attrs{"team": "state", "cost": "low"}
		c["encryption"] = attrs{"algorithm": "none"}
		c["lifecycle_rules"] = attrs{"noncurrent_expiration_days": 30, "expire_delete_markers": false}
		c["policy"] = strings.ReplaceAll(denyDeletePolicy(b.bucket), "KeepBucket", "KeepPolicy")
		return c
	}
	enumerate(t, faultCase{
		prepare: created,
		run: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) (tftypes.Value, string) {
			next, failed := b.provider.apply(ctx, t, bucketResource, state, change(b))
			if next.IsNull() {
				t.Fatalf("the state was lost: %s", failed)
			}
			return next, failed
		},
		check: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) {
			b.provider.settled(ctx, t, bucketResource, state, change(b))
			o := b.observed(ctx, t)
			if o.Encryption != nil || o.Tags["team"] != "state" || o.Tags["cost"] != "low" ||
				*o.Lifecycle.Owned.NoncurrentExpirationDays != 30 || len(o.Lifecycle.Owned.Expirations) != 0 {
				t.Errorf("the bucket is %+v", o)
			}
			if _, old := o.Policy.Find("KeepBucket"); old {
				t.Error("the dropped statement is still there")
			}
			if _, ok := o.Policy.Find("KeepPolicy"); !ok {
				t.Error("the new statement is missing")
			}
		},
	})
}

func TestFaultsImport(t *testing.T) {
	enumerate(t, faultCase{
		prepare: created,
		run: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) (tftypes.Value, string) {
			resp, err := b.provider.srv.ImportResourceState(ctx, &tfprotov6.ImportResourceStateRequest{
				TypeName: bucketResource, ID: b.bucket + "@us-east-1",
			})
			if err != nil {
				t.Fatal(err)
			}
			if failed := errorsIn(resp.Diagnostics); failed != "" {
				return state, failed
			}
			imported := b.provider.decode(t, b.provider.typeOf(t, bucketResource), resp.ImportedResources[0].State)
			return b.provider.refresh(ctx, t, bucketResource, imported)
		},
		check: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) {
			if field(t, state, "origin") != originImported || field(t, state, "policy") == "" {
				t.Errorf("imported as %s", state)
			}
		},
	})
}

func TestFaultsDelete(t *testing.T) {
	prepare := func(ctx context.Context, t *testing.T, b *faultBench) tftypes.Value {
		t.Helper()
		config := bucketConfig(b)
		config["force_destroy"], config["final_backup_to"] = true, t.TempDir()
		state, failed := b.provider.apply(ctx, t, bucketResource, b.provider.null(t, bucketResource), config)
		if failed != "" {
			t.Fatalf("preparing: %s", failed)
		}
		for i, content := range []string{liveState, strings.Replace(liveState, `"serial": 7`, `"serial": 8`, 1)} {
			if _, err := b.direct.Put(ctx, b.bucket, "infra/terraform.tfstate", strings.NewReader(content)); err != nil {
				t.Fatalf("writing state %d: %v", i, err)
			}
		}
		if err := b.direct.DeleteObject(ctx, b.bucket, "infra/terraform.tfstate.tflock", ""); err != nil {
			t.Fatal(err)
		}
		return state
	}
	enumerate(t, faultCase{
		prepare: prepare,
		run: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) (tftypes.Value, string) {
			next, failed := b.provider.apply(ctx, t, bucketResource, state, nil)
			if failed != "" && next.IsNull() {
				t.Fatalf("the state was lost: %s", failed)
			}
			return next, failed
		},
		check: func(ctx context.Context, t *testing.T, b *faultBench, state tftypes.Value) {
			if !state.IsNull() {
				t.Error("the bucket is still in the state")
			}
			if _, err := b.direct.Head(ctx, b.bucket); err == nil {
				t.Error("the bucket is still there")
			}
		},
	})
}

// liveState is a state with one resource.
const liveState = `{
  "version": 4,
  "terraform_version": "1.11.4",
  "serial": 7,
  "lineage": "5f0f3c7a-6a53-4d4e-8a3c-0b1f4f3d7c11",
  "outputs": {},
  "resources": [
    {
      "mode": "managed",
      "type": "terraform_data",
      "name": "network",
      "provider": "provider[\"terraform.io/builtin/terraform\"]",
      "instances": [
        {
          "schema_version": 0,
          "attributes": {"id": "9a1", "input": null, "output": null, "triggers_replace": null},
          "sensitive_attributes": []
        }
      ]
    }
  ],
  "check_results": null
}
`

// TestFaultsBackupFirst checks that an outage at any request of a destroy never finds something
// deleted that is not in a complete backup.
func TestFaultsBackupFirst(t *testing.T) {
	ctx := t.Context()
	b := newFaultBench(ctx, t)
	folder := t.TempDir()
	config := bucketConfig(b)
	config["force_destroy"], config["final_backup_to"] = true, folder
	state, failed := b.provider.apply(ctx, t, bucketResource, b.provider.null(t, bucketResource), config)
	if failed != "" {
		t.Fatal(failed)
	}
	if _, err := b.direct.Put(ctx, b.bucket, "infra/terraform.tfstate", strings.NewReader(liveState)); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		b.proxy.ClearRules()
		b.proxy.Reset()
		b.proxy.AddRule(s3proxy.Rule{When: s3proxy.From(n), Action: s3proxy.CutBefore()})
		state, failed = b.provider.apply(ctx, t, bucketResource, state, nil)
		if failed == "" {
			break
		}
		gone := true
		for range b.leftovers(ctx, t) {
			gone = false
		}
		manifests, err := filepath.Glob(filepath.Join(folder, "*", "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if gone && len(manifests) == 0 {
			t.Fatalf("cut off at request %d: the state is deleted and no backup is complete", n)
		}
		if n > 200 {
			t.Fatal("the destroy never comes to an end")
		}
	}
	copies, err := filepath.Glob(filepath.Join(folder, "*", "objects", "infra", "terraform.tfstate"))
	if err != nil || len(copies) == 0 {
		t.Fatalf("no copy of the state: %v %v", copies, err)
	}
	text, err := os.ReadFile(copies[0])
	if err != nil || string(text) != liveState {
		t.Fatalf("the copy differs: %v", err)
	}
}

// TestConcurrentCreates applies one configuration from two places at once.
func TestConcurrentCreates(t *testing.T) {
	ctx := t.Context()
	first := newFaultBench(ctx, t)
	for round := range 5 {
		first.bucket = testenv.BucketName(t)
		benches := []*faultBench{first, newFaultBench(ctx, t)}
		benches[1].bucket = first.bucket
		states := make([]tftypes.Value, 2)
		var wg sync.WaitGroup
		for i, b := range benches {
			wg.Go(func() {
				state, failed := b.provider.apply(ctx, t, bucketResource, b.provider.null(t, bucketResource), bucketConfig(b))
				if failed != "" {
					// Losing against the other is no disaster as long as the next run goes through.
					t.Logf("round %d, run %d: %s", round, i, failed)
					state, failed = b.provider.apply(ctx, t, bucketResource, state, bucketConfig(b))
				}
				if failed != "" {
					t.Errorf("round %d, run %d, again: %s", round, i, failed)
				}
				states[i] = state
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for i, b := range benches {
			b.provider.settled(ctx, t, bucketResource, states[i], bucketConfig(b))
		}
	}
}
