package tests

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

const oneBucket = `name: faults
runtime: yaml
resources:
  states:
    type: groundwork:StateBucket
    properties:
      name: BUCKET
      deletionProtection: false
      lifecycleRules:
        expirations: {.pulumi/backups/: 30}
      tags: {team: platform}
`

// proxied is a stage whose provider reaches the service through a proxy that can fail.
func proxied(t *testing.T) (*stage, *s3proxy.Proxy) {
	t.Helper()
	s := newStage(t, oneBucket)
	proxy := testenv.Proxy(t, s.server)
	s.endpoint = proxy.URL()
	s.cli.Env = append(s.s3Environment(), "GROUNDWORK_MAX_RETRIES=1")
	return s, proxy
}

// holdsNothingButProbes: a probe that the service itself cut off cannot clean up, and what it has left
// may be another's that still runs, so the next one takes only what is old. It never counts as content,
// and a destroy takes it along.
func (s *stage) holdsNothingButProbes() {
	s.t.Helper()
	objects, err := s.server.Client().ListObjectVersions(s.t.Context(), &s3.ListObjectVersionsInput{Bucket: &s.bucket})
	s.must(err)
	var keys []string
	for _, version := range objects.Versions {
		keys = append(keys, *version.Key)
	}
	for _, marker := range objects.DeleteMarkers {
		keys = append(keys, *marker.Key)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, ".groundwork/probe/") {
			s.t.Errorf("the bucket holds %s", key)
		}
	}
}

// The service goes down at each call of a create in turn. The bridge keeps nothing of a create that
// failed, so the next up begins anew: it has to finish what is there, and to leave nothing behind.
func TestCreateFailsAtEachCall(t *testing.T) {
	t.Parallel()
	s, proxy := proxied(t)
	s.up()
	calls := turningPoints(proxy.Operations())
	t.Logf("%d calls, of which %d are turning points", len(proxy.Operations()), len(calls))
	s.destroy()

	const at = 3 // how many engines run at once
	places := make(chan struct{}, at)
	for n, operation := range calls {
		t.Run(fmt.Sprintf("%03d-%s", n, operation), func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			interruptCreate(t, n)
		})
	}
}

// turningPoints picks each call that differs from the one before or after it. The others are the
// writers of the probe, which race each other to the same few objects.
func turningPoints(operations []string) map[int]string {
	points := map[int]string{}
	for i, operation := range operations {
		first := i == 0 || operations[i-1] != operation
		last := i == len(operations)-1 || operations[i+1] != operation
		if first && (last || len(points) < 40) || last && len(points) < 40 {
			points[i+1] = operation
		}
	}
	return points
}

func interruptCreate(t *testing.T, n int) {
	s, proxy := proxied(t)
	proxy.AddRule(s3proxy.Rule{
		When:   s3proxy.From(n),
		Action: s3proxy.Respond(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", nil),
	})
	report, err := s.cli.Up(t.Context(), stack)
	if len(proxy.Faulted()) > 0 {
		s.expect(s.refused(report, err), s.bucket)
	}
	proxy.ClearRules()

	s.up()
	s.unchanged("after the second try", s.preview())
	s.holdsNothingButProbes()
	s.destroy()
	s.gone()
}

// A bucket whose stacks still have resources is not destroyed, and the way out works.
func TestDestroyWithLiveStacks(t *testing.T) {
	t.Parallel()
	s := newStage(t, oneBucket)
	s.up()
	outputs, err := s.cli.Outputs(t.Context(), stack)
	s.must(err)
	if len(outputs) != 0 {
		t.Fatalf("outputs %v", outputs)
	}

	// A project in that bucket, with a bucket of its own as its resource.
	app := bareStage(t, t.TempDir())
	app.write("Pulumi.yaml", strings.Replace(oneBucket, "name: faults", "name: shop", 1))
	app.cli.Backend = s.backendURL()
	for _, name := range []string{"staging", "production"} {
		s.must(app.cli.StackInit(t.Context(), name))
	}
	_, err = app.cli.Up(t.Context(), "production")
	s.must(err)

	report, err := s.cli.Destroy(t.Context(), stack)
	message := s.refused(report, err)
	s.expect(message, "live state", "production", s.bucket)
	if strings.Contains(message, "staging.json") {
		t.Errorf("a stack without resources is called live:\n%s", message)
	}
	// Refused again, with force alone: live state needs a backup as well.
	s.write("Pulumi.yaml", oneBucket+"      forceDestroy: true\n")
	s.up()
	report, err = s.cli.Destroy(t.Context(), stack)
	s.expect(s.refused(report, err), "final_backup_to")

	// The way out that loses nothing: destroy what the stack manages, then the bucket.
	_, err = app.cli.Destroy(t.Context(), "production", "--remove")
	s.must(err)
	s.destroy()
	s.gone()
}

// backendURL is the login URL of the stage's bucket.
func (s *stage) backendURL() string {
	return "s3://" + s.bucket + "?region=" + s.server.Region + "&s3ForcePathStyle=true&endpoint=" + s.server.Endpoint
}

// With everything copied first, a forced destroy takes live state with it.
func TestDestroyWithFinalBackup(t *testing.T) {
	t.Parallel()
	s := newStage(t, oneBucket)
	s.up()
	app := bareStage(t, t.TempDir())
	app.write("Pulumi.yaml", strings.Replace(oneBucket, "name: faults", "name: shop", 1))
	app.cli.Backend = s.backendURL()
	s.must(app.cli.StackInit(t.Context(), "production"))
	_, err := app.cli.Up(t.Context(), "production")
	s.must(err)
	t.Cleanup(func() {
		_, _ = app.server.Client().DeleteBucket(context.WithoutCancel(t.Context()), &s3.DeleteBucketInput{Bucket: &app.bucket})
	})

	s.write("Pulumi.yaml", oneBucket+"      forceDestroy: true\n      finalBackupTo: backup\n")
	s.up()
	s.destroy()
	s.gone()
	found := s.files("backup")
	if !slices.ContainsFunc(found, func(name string) bool { return strings.HasSuffix(name, "production.json") }) {
		t.Errorf("the backup holds %v", found)
	}
}
