package s3store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

// The test binary is a process of its own that probes a bucket, where these say so.
const (
	proberBucket, proberRecords     = "PROBER_BUCKET", "PROBER_RECORDS"
	proberEndpoint, proberRegion    = "PROBER_ENDPOINT", "PROBER_REGION"
	proberAccessKey, proberSecretKy = "PROBER_ACCESS_KEY", "PROBER_SECRET_KEY"
)

// runProber probes and prints the verdict.
func runProber() error {
	c, err := New(context.Background(), Config{
		Service: "minio", Region: os.Getenv(proberRegion), Endpoint: os.Getenv(proberEndpoint),
		AccessKey: os.Getenv(proberAccessKey), SecretKey: os.Getenv(proberSecretKy), Probe: ProbeSize{Rounds: 1, Writers: 3},
	})
	if err != nil {
		return err
	}
	c.records.dir = os.Getenv(proberRecords)
	result, err := c.Probe(context.Background(), os.Getenv(proberBucket))
	if err == nil {
		fmt.Println(result.Verdict)
	}
	return err
}

// prober starts a process that probes a bucket; the proxy holds it back in its race until the test
// lets it go on. It returns once objects of the probe are there.
func prober(t *testing.T, bucket, records string) (process *exec.Cmd, output *bytes.Buffer, release func()) {
	t.Helper()
	server := testenv.MinIO(t)
	proxy := testenv.Proxy(t, server)
	gate := make(chan struct{})
	racing := s3proxy.Match{Func: func(r s3proxy.Request) bool {
		if isRacing(r) {
			<-gate
		}
		return false
	}}
	proxy.AddRule(s3proxy.Rule{Match: racing, Action: s3proxy.CutBefore()})
	output = new(bytes.Buffer)
	process = exec.Command(os.Args[0])
	process.Env = append(os.Environ(),
		proberBucket+"="+bucket, proberRecords+"="+records, proberEndpoint+"="+proxy.URL(), proberRegion+"="+server.Region,
		proberAccessKey+"="+server.AccessKey, proberSecretKy+"="+server.SecretKey)
	process.Stdout, process.Stderr = output, output
	must(t, process.Start())
	release = func() {
		select {
		case <-gate:
		default:
			close(gate)
		}
	}
	t.Cleanup(func() {
		release()
		_ = process.Process.Kill() // it has ended unless the test failed
		_ = process.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := proxy.Await(ctx, s3proxy.Match{Func: isRacing}); err != nil {
		t.Fatalf("the other process has not come to its race: %v\n%s", err, output)
	}
	return process, output, release
}

// withRecords keeps a test's records apart from the user's.
func withRecords(c *Client, dir string) *Client {
	c.records.dir = dir
	return c
}

func safe(t *testing.T, c *Client, bucket string) {
	t.Helper()
	if r, err := c.Probe(t.Context(), bucket); err != nil || r.Verdict != LockSafe {
		t.Fatalf("%+v, %v", r, err)
	}
}

// A probe of a process that lives stays, however many others probe meanwhile, and it ends as if it
// were alone.
func TestProbeOfALivingProcess(t *testing.T) {
	t.Parallel()
	records := t.TempDir()
	c := withRecords(minioClient(t, smallProbe), records)
	bucket := versioned(t, c)
	process, output, release := prober(t, bucket, records)
	before := len(versionsOf(t, c, bucket, ProbePrefix))
	if before == 0 {
		t.Fatal("the other process has written nothing")
	}
	for range 2 {
		safe(t, c, bucket)
	}
	if n := len(versionsOf(t, c, bucket, ProbePrefix)); n != before {
		t.Errorf("%d versions of the other process's %d are left", n, before)
	}
	release()
	if err := process.Wait(); err != nil || strings.TrimSpace(output.String()) != string(LockSafe) {
		t.Errorf("the other process: %v\n%s", err, output)
	}
	nothingLeft(t, bucket)
	noRecords(t, records)
}

// What a process left that was killed is gone with the next probe, whatever its age. On another
// machine, or as another user, there is no record of it, and its age decides.
func TestProbeOfAKilledProcess(t *testing.T) {
	t.Parallel()
	records := t.TempDir()
	c := minioClient(t, smallProbe)
	bucket := versioned(t, c)
	process, _, _ := prober(t, bucket, records)
	must(t, process.Process.Kill())
	_ = process.Wait() // it says that it was killed
	left := len(versionsOf(t, c, bucket, ProbePrefix))
	if left == 0 {
		t.Fatal("the killed process has left nothing")
	}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for what, dir := range map[string]string{
		"another machine": t.TempDir(), "no place for records": "", "a place that cannot be made": filepath.Join(file, "records"),
	} {
		safe(t, withRecords(c, dir), bucket)
		if n := len(versionsOf(t, c, bucket, ProbePrefix)); n != left {
			t.Errorf("%s: %d versions of %d are left", what, n, left)
		}
	}
	safe(t, withRecords(c, records), bucket)
	nothingLeft(t, bucket)
}

// A probe that could not clean up is swept up by the next one of the same process.
func TestProbeAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]s3proxy.When{"at the first writes": s3proxy.From(5), "in the race": s3proxy.From(8), "at its end": s3proxy.From(10)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t, smallProbe, func(c *Config) { c.MaxRetries = 1 })
			records := t.TempDir()
			withRecords(c, records)
			bucket := versioned(t, c)
			proxy.AddRule(s3proxy.Rule{When: when, Action: s3proxy.Respond(503, "SlowDown", "slow", nil)})
			if r, err := c.Probe(t.Context(), bucket); err == nil {
				t.Fatalf("%+v", r)
			}
			if len(versionsOf(t, minioClient(t), bucket, ProbePrefix)) == 0 {
				t.Error("nothing was left, so this shows nothing")
			}
			proxy.ClearRules()
			safe(t, c, bucket)
			nothingLeft(t, bucket)
		})
	}
}

// A service that comes back within the probe: what was written before and could not be removed then
// is removed at the end.
func TestProbeCleansUpAfterEarlierTries(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t, smallProbe, func(c *Config) { c.MaxRetries = 1 })
	records := t.TempDir()
	withRecords(c, records)
	bucket := versioned(t, c)
	// The first try writes the lock, and then nothing goes: neither its second write nor, twice each
	// for the client's own retry, the listing of what is to be removed.
	proxy.AddRule(s3proxy.Rule{
		Match: s3proxy.Match{Func: func(r s3proxy.Request) bool { return r.Operation == "PutObject" && !isRacing(r) }},
		When:  s3proxy.Nth(2), Action: s3proxy.Respond(503, "SlowDown", "slow", nil),
	})
	cleaning := s3proxy.Match{Func: func(s3proxy.Request) bool { return len(proxy.Faulted()) > 0 }}
	proxy.AddRule(s3proxy.Rule{Match: cleaning, When: s3proxy.FirstN(2), Action: s3proxy.Respond(503, "SlowDown", "slow", nil)})
	safe(t, c, bucket)
	if n := len(proxy.Faulted()); n < 3 {
		t.Errorf("only %d requests failed", n)
	}
	nothingLeft(t, bucket)
}

func noRecords(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 0 {
		t.Errorf("%d records are left", len(entries))
	}
}

// The record of a probe says that it has ended once it has, and never before. What is no record says
// nothing.
func TestProbeRecords(t *testing.T) {
	t.Parallel()
	p := probeRecords{dir: filepath.Join(t.TempDir(), "records")}
	if p.ended("1234") {
		t.Error("a probe without a record has ended")
	}
	end := p.begin("1234")
	if p.ended("1234") {
		t.Error("a running probe has ended")
	}
	if again := p.begin("1234"); p.ended("1234") {
		t.Error("a second one of that name has ended it")
	} else {
		again(true)
	}
	end(false)
	for range 2 { // looking keeps nothing
		if !p.ended("1234") {
			t.Error("a probe that has ended is not seen")
		}
	}
	for _, id := range []string{"", ".", "..", "../records", `..\records`} {
		if p.ended(id) {
			t.Errorf("%q has ended", id)
		}
	}
	// It goes when it is of no use any more.
	record := filepath.Join(p.dir, "1234")
	p.begin("5678")(true)
	if _, err := os.Stat(record); err != nil {
		t.Error(err)
	}
	old := time.Now().Add(-2 * staleRecord)
	must(t, os.Chtimes(record, old, old))
	p.begin("5678")(true)
	noRecords(t, p.dir)
	if dir := defaultProbeRecords().dir; dir != "" && !filepath.IsAbs(dir) {
		t.Errorf("records go to %q", dir)
	}
}
