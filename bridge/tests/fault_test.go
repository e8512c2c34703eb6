package tests

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

const oneBucket = "name: faults" + inYAML + aBucket

// proxied is a stage whose provider reaches the service through a proxy that can fail.
func proxied(t *testing.T) (*stage, *s3proxy.Proxy) {
	t.Helper()
	s := newStage(t, oneBucket)
	proxy := testenv.Proxy(t, s.server)
	s.endpoint = proxy.URL()
	s.cli.Env = append(s.s3Environment(), "GROUNDWORK_MAX_RETRIES=1")
	return s, proxy
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
