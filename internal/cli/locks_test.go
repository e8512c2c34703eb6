package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tcpproxy"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// shop is a project with two phases, one in a bucket and one in a local file, and a lock table.
type shop struct {
	t      *testing.T
	dir    string
	env    map[string]string
	bucket string
	leases lease.Store
}

func newShop(t *testing.T) *shop {
	t.Helper()
	server, pg := testenv.MinIO(t), testenv.Postgres(t)
	s := &shop{t: t, dir: t.TempDir(), bucket: testenv.BucketName(t)}
	_, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &s.bucket})
	s.must(err)
	role := testenv.PostgresRole(t, pg, "")
	database := testenv.PostgresDatabase(t, pg, role.Name)
	s.env = map[string]string{
		"PULUMI_LOCK_DB_HOST": pg.Host, "PULUMI_LOCK_DB_PORT": fmt.Sprint(pg.Port), "PULUMI_LOCK_DB_NAME": database,
		"PULUMI_LOCK_DB_USER": role.Name, "PULUMI_LOCK_DB_PASSWORD": role.Password, "GROUNDWORK_POSTGRES_SSLMODE": "disable",
	}
	settings, err := pglock.Config{}.Resolve(s.getenv)
	s.must(err)
	client, err := pglock.New(settings)
	s.must(err)
	s.must(pg.Exec(t.Context(), database, `SET ROLE "`+role.Name+`"; CREATE TABLE public.pulumi_state_locks (lockid varchar(255) PRIMARY KEY, data text, leaseexpires timestamptz)`))
	s.leases, err = client.Leases(t.Context(), database, pglock.LeaseOptions{Repair: true})
	s.must(err)
	t.Cleanup(func() { s.must(s.leases.Close()) })

	s.write("environments/dev/infra/main.tf", s.backend("infra/terraform.tfstate", "use_lockfile = true"))
	s.write("environments/dev/coder/main.tf", "terraform {\n  backend \"local\" {}\n}\n")
	return s
}

// backend is a configuration with its state in the bucket.
func (s *shop) backend(key, more string) string {
	server := testenv.MinIO(s.t)
	return fmt.Sprintf(`terraform {
  backend "s3" {
    bucket         = %q
    key            = %q
    region         = %q
    endpoints      = { s3 = %q }
    access_key     = %q
    secret_key     = %q
    use_path_style = true
    %s
  }
}
`, s.bucket, key, server.Region, server.Endpoint, server.AccessKey, server.SecretKey, more)
}

// put writes an object into the bucket.
func (s *shop) put(key, text string) {
	s.t.Helper()
	_, err := testenv.MinIO(s.t).Client().PutObject(s.t.Context(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: strings.NewReader(text)})
	s.must(err)
}

func (s *shop) getenv(name string) string { return s.env[name] }

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) write(name, text string) {
	s.t.Helper()
	file := filepath.Join(s.dir, filepath.FromSlash(name))
	s.must(os.MkdirAll(filepath.Dir(file), 0o700))
	s.must(os.WriteFile(file, []byte(text), 0o600))
}

// run runs one command line in the project.
func (s *shop) run(ctx context.Context, stdin string, args ...string) (code Code, stdout, stderr string) {
	s.t.Helper()
	var out, errOut bytes.Buffer
	app := App{Version: "test", Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errOut, Getenv: s.getenv}
	code = Code(app.Run(ctx, append(args, "--dir", s.dir)))
	return code, out.String(), errOut.String()
}

// want runs one that has to end with a code.
func (s *shop) want(code Code, args ...string) (stdout, stderr string) {
	s.t.Helper()
	got, stdout, stderr := s.run(s.t.Context(), "", args...)
	if got != code {
		s.t.Fatalf("%q: exit code %d, want %d\n%s\n%s", args, got, code, stdout, stderr)
	}
	return stdout, stderr
}

func (s *shop) list(args ...string) map[string]LockDocument {
	s.t.Helper()
	out, _ := s.want(CodeDone, append([]string{"locks", "list", "--format", "json"}, args...)...)
	var doc LocksDocument
	s.must(json.Unmarshal([]byte(out), &doc))
	if doc.FormatVersion != FormatVersion || doc.Locks == nil {
		s.t.Errorf("the document is %s", out)
	}
	byKind := map[string]LockDocument{}
	for _, l := range doc.Locks {
		byKind[l.Kind] = l
	}
	return byKind
}

func TestLocksOfAllKinds(t *testing.T) {
	s := newShop(t)
	if out, _ := s.want(CodeDone, "locks", "list"); out != "Nobody holds a lock.\n" {
		t.Errorf("an empty list is %q", out)
	}
	s.want(CodeNotFound, "locks", "break", "nothing", "--yes")

	s.want(CodeDone, "locks", "acquire", "--lock", "nightly", "--lease", "1h", "--operation", "backup")
	s.want(CodeDone, "locks", "acquire", "--tool", "--env", "dev", "--phase", "infra", "--operation", "restore by hand")
	local, err := toollock.NewLocal(filepath.Join(s.dir, "environments/dev/coder/terraform.tfstate")).Acquire(t.Context(), lease.Info{Operation: "apply"})
	s.must(err)
	locks := s.list()
	for kind, want := range map[string]LockDocument{
		"lease":    {Name: "nightly", Operation: "backup", Fence: locks["lease"].Fence},
		"lockfile": {Name: "s3://" + s.bucket + "/infra/terraform.tfstate", Operation: "restore by hand", Environment: "dev", Phase: "infra"},
		"local":    {Name: filepath.Join(s.dir, "environments/dev/coder/terraform.tfstate"), Operation: "apply", Environment: "dev", Phase: "coder", PID: os.Getpid()},
	} {
		got := locks[kind]
		if got.Name != want.Name || got.Operation != want.Operation || got.Environment != want.Environment || got.Phase != want.Phase ||
			got.PID != want.PID || got.Fence != want.Fence || got.Holder == "" || got.ID == "" || got.AgeSeconds == nil || got.Expired || got.Next == "" ||
			(kind == "lease") != (got.LeftSeconds != nil) {
			t.Errorf("%s is shown as %+v", kind, got)
		}
	}
	if len(locks) != 3 || len(s.list("--phase", "infra")) != 2 {
		t.Errorf("%d locks", len(locks))
	}
	out, _ := s.want(CodeDone, "locks", "list")
	for _, want := range []string{"KIND", "nightly", "restore by hand", "no end", locks["lease"].ID} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}

	for _, c := range [][]string{
		{"locks", "acquire", "--lock", "nightly"}, {"locks", "acquire", "--tool", "--phase", "infra"},
		{"locks", "break", "nightly", "--yes"}, {"locks", "break", locks["lockfile"].ID, "--yes"}, {"locks", "break", locks["local"].ID, "--yes", "--force"},
	} {
		_, errOut := s.want(CodeLocked, c...)
		for _, want := range []string{"groundwork locks", locks["lease"].Holder} {
			if c[2] != locks["local"].ID && !strings.Contains(errOut, want) {
				t.Errorf("%q does not say %q: %s", c, want, errOut)
			}
		}
	}
	// Who waits is told as by exec.
	_, errOut := s.want(CodeLocked, "locks", "acquire", "--lock", "nightly", "--lock-timeout", "1s", "--lock-table", "pulumi_state_locks")
	for _, want := range []string{
		`for the lock "nightly", which is held by ` + locks["lease"].Holder, "state lock timeout", "groundwork locks break nightly --force --lock-table pulumi_state_locks",
		"To wait longer: --lock-timeout 1m0s.",
	} {
		if !strings.Contains(errOut, want) {
			t.Errorf("it does not say %q: %s", want, errOut)
		}
	}
	s.want(CodeUsage, "locks", "acquire", "--tool", "--phase", "coder")
	s.want(CodeUsage, "locks", "acquire", "--tool")
	s.must(local.Release(t.Context()))
	s.want(CodeUsage, "locks", "release", "nightly")
	s.want(CodeDone, "locks", "release", locks["lease"].ID)
	s.want(CodeNotFound, "locks", "release", locks["lease"].ID)
	s.want(CodeDone, "locks", "release", locks["lockfile"].ID)
	if left := s.list(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestLocksBreak(t *testing.T) {
	s := newShop(t)
	s.want(CodeDone, "locks", "acquire", "--tool", "--phase", "infra")
	id := s.list()["lockfile"].ID
	for _, answer := range []string{"", "no\n", "y\n"} {
		if code, _, errOut := s.run(t.Context(), answer, "locks", "break", id, "--force"); code != CodeError || !strings.Contains(errOut, "nothing was broken") {
			t.Errorf("the answer %q: exit code %d, %s", answer, code, errOut)
		}
	}
	if code, out, errOut := s.run(t.Context(), "yes\n", "locks", "break", id, "--force", "--reason", "evicted", "--format", "json"); code != CodeDone || !strings.Contains(out, `"done": "broken"`) {
		t.Errorf("exit code %d, %s%s", code, out, errOut)
	}
	s.want(CodeNotFound, "locks", "break", id, "--force", "--yes")
	server := testenv.MinIO(t)
	prefix := toollock.RecordPrefix
	records, err := server.Client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	s.must(err)
	if len(records.Contents) != 1 || !strings.Contains(*records.Contents[0].Key, id) {
		t.Errorf("records %+v", records.Contents)
	}

	s.want(CodeDone, "locks", "acquire", "--lock", "short", "--lease", "1s")
	for range 200 {
		if s.list()["lease"].Expired {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.want(CodeDone, "locks", "break", "short", "--yes")
	s.want(CodeDone, "locks", "acquire", "--lock", "long", "--lease", "1h")
	s.want(CodeDone, "locks", "break", "long", "--yes", "--force")
	if left := s.list(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
	s.write("environments/dev/coder/.terraform.tfstate.lock.info", `{"ID":"old","Who":"anna@laptop"}`)
	if l := s.list()["local"]; !l.Expired || l.Holder != "anna@laptop" {
		t.Errorf("a note of a dead process is shown as %+v", l)
	}
	s.want(CodeDone, "locks", "break", "old", "--yes")
	if left := s.list(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// What is held with --hold lasts as long as the command, longer than the lease, and is given back.
func TestLocksHold(t *testing.T) {
	s := newShop(t)
	for _, args := range [][]string{
		{"--lock", "nightly", "--lease", "1s"}, {"--tool", "--phase", "coder"}, {"--tool", "--phase", "infra"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan Code, 1)
		go func() {
			code, _, _ := s.run(ctx, "", append([]string{"locks", "acquire", "--hold"}, args...)...)
			done <- code
		}()
		started := time.Now()
		for len(s.list()) == 0 || time.Since(started) < 2*time.Second {
			time.Sleep(50 * time.Millisecond)
		}
		for kind, l := range s.list() {
			if l.Expired {
				t.Errorf("%s has expired while it was held", kind)
			}
		}
		cancel()
		if code := <-done; code != CodeDone {
			t.Errorf("%q: exit code %d", args, code)
		}
		if left := s.list(); len(left) != 0 {
			t.Errorf("%q leaves %+v", args, left)
		}
	}
}

// distant is a shop whose commands reach the lock table through a proxy.
func distant(t *testing.T) (*shop, *tcpproxy.Proxy) {
	t.Helper()
	s := newShop(t)
	proxy := testenv.TCPProxy(t, testenv.Postgres(t).Addr())
	s.env["PULUMI_LOCK_DB_HOST"], s.env["PULUMI_LOCK_DB_PORT"] = proxy.Host(), fmt.Sprint(proxy.Port())
	return s, proxy
}

// What is held with --hold and cannot be renewed is lost, and that is said.
func TestLocksHoldIsLost(t *testing.T) {
	t.Parallel()
	s, proxy := distant(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended := make(chan string, 1)
	go func() {
		code, _, errOut := s.run(ctx, "", "locks", "acquire", "--hold", "--lock", "nightly", "--lease", "2s")
		ended <- fmt.Sprint("exit code ", code, ": ", errOut)
	}()
	for held := []lease.Held{}; len(held) == 0; time.Sleep(20 * time.Millisecond) {
		var err error
		held, err = s.leases.List(ctx)
		s.must(err)
	}
	s.must(proxy.Close())
	if text := <-ended; !strings.HasPrefix(text, "exit code 1: ") || !strings.Contains(text, "is lost") { // bounded by ctx
		t.Error(text)
	}
}

// An answer to locks release is lost: what was given back is never called lost.
func TestLocksReleaseOverLostAnswers(t *testing.T) {
	t.Parallel()
	s, proxy := distant(t)
	for n := 1; n < 40; n++ {
		grant, err := s.leases.Acquire(t.Context(), lease.Request{Name: "nightly"}, lease.Wait{})
		s.must(err)
		proxy.Reset()
		proxy.CutAfter(n)
		code, _, errOut := s.run(t.Context(), "", "locks", "release", grant.Info.ID)
		fired := proxy.Fired()
		proxy.Reset()
		held, err := s.leases.List(t.Context())
		s.must(err)
		if gone := len(held) == 0; gone != (code == CodeDone) {
			t.Errorf("lost answer %d: exit code %d, given back %t\n%s", n, code, gone, errOut)
		}
		if len(held) > 0 {
			s.must(s.leases.Release(t.Context(), grant))
		}
		if !fired {
			if n == 1 {
				t.Error("nothing was lost")
			}
			return
		}
	}
}

// What cannot be asked is an error, and all else is still shown.
func TestLocksListShowsWhatItCan(t *testing.T) {
	s := newShop(t)
	s.want(CodeDone, "locks", "acquire", "--lock", "nightly")
	s.write("environments/prod/infra/main.tf", "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n    region = \"us-east-1\"\n    access_key = \"a\"\n    secret_key = \"b\"\n    max_retries = 0\n    endpoints = { s3 = \"http://127.0.0.1:1\" }\n  }\n}\n")
	code, out, errOut := s.run(t.Context(), "", "locks", "list")
	if code != CodeError || !strings.Contains(out, "nightly") || !strings.Contains(errOut, "127.0.0.1:1") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errOut)
	}
}
