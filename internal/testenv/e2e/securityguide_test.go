package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

const (
	securityGuide = "docs/guides/security.md"
	guideBucket   = "acme-states"
)

// audit is what MinIO tells of each operation.
type audit struct {
	API struct{ Name, Bucket, Object string }
	// AccessKey is who asked.
	AccessKey string
}

// auditor collects what MinIO sends.
type auditor struct {
	mu   sync.Mutex
	seen []audit
	more chan struct{}
}

func startAuditor(t *testing.T) (*auditor, string) {
	t.Helper()
	a := &auditor{more: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := json.NewDecoder(r.Body)
		for {
			var record audit
			if err := body.Decode(&record); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("an audit record that cannot be read: %v", err)
				break
			}
			a.mu.Lock()
			a.seen = append(a.seen, record)
			a.mu.Unlock()
		}
		select {
		case a.more <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	return a, server.URL
}

// await waits until somebody was seen to do something with a key.
func (a *auditor) await(t *testing.T, name, key, who string) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("a minute has passed"))
	defer cancel()
	for {
		a.mu.Lock()
		for _, s := range a.seen {
			if s.API.Name == name && s.API.Bucket == guideBucket && s.API.Object == key && s.AccessKey == who {
				a.mu.Unlock()
				return
			}
		}
		seen := len(a.seen)
		a.mu.Unlock()
		select {
		case <-a.more:
		case <-ctx.Done():
			t.Fatalf("no %s of %s by the pipeline's key among %d audit records: %v", name, key, seen, context.Cause(ctx))
		}
	}
}

// onMinIO is a shell with the guide's commands for one server.
type onMinIO struct {
	t      *testing.T
	server *minio.Server
	dir    string
}

func (m *onMinIO) run(script, stdin string, env ...string) string {
	m.t.Helper()
	host := strings.Replace(m.server.Endpoint, "://", "://"+m.server.AccessKey+":"+m.server.SecretKey+"@", 1)
	cli := testenv.NewCLI(m.t, "/bin/sh", m.dir, append(env, "MC_HOST_minio="+host,
		"MC_CONFIG_DIR="+m.t.TempDir(), "PATH="+filepath.Dir(testenv.Tool(m.t, "mc"))+":/usr/bin:/bin")...)
	cli.Stdin = strings.NewReader(stdin)
	result := cli.Run("-euc", script)
	if result.ExitCode != 0 {
		m.t.Fatalf("exit code %d\n%s%s", result.ExitCode, script, result.Output())
	}
	return result.Stdout
}

// Keys are changed on MinIO as the guide says: the user's policy is enough for a whole run under its
// prefix and for nothing beside it, two keys are valid at once, and the one that is taken away is refused. What
// MinIO tells about accesses names the key and the state.
func TestSecurityGuideOnMinIO(t *testing.T) {
	t.Parallel()
	guide := document(t, securityGuide)
	commands, policy := blocks(t, guide, "sh", 3), blocks(t, guide, "json", 1)[0]
	for command, tool := range tools {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			seen, webhook := startAuditor(t)
			server := testenv.StartMinIO(t, minio.Options{AuditWebhook: webhook})
			m := &onMinIO{t: t, server: server, dir: t.TempDir()}
			if _, err := server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(guideBucket)}); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(m.dir, "pipeline.json"), []byte(policy), 0o600); err != nil {
				t.Fatal(err)
			}
			m.run(commands[0], server.SecretKey+"\n") // any password
			oldKey, newKey := m.key(commands[1]), m.key(commands[1])

			path, dir := tool.path(t), workspaceOf(t, app(server.Endpoint, "infra/terraform.tfstate"), nil)
			in := func(dir string, key pair) *testenv.CLI {
				return testenv.NewCLI(t, path, dir, "TF_CLI_ARGS=-no-color", "AWS_ACCESS_KEY_ID="+key.AccessKey, "AWS_SECRET_ACCESS_KEY="+key.SecretKey)
			}
			before, after := in(dir, oldKey), in(dir, newKey)
			before.Must("init")
			before.Must("apply", "-auto-approve")
			seen.await(t, "PutObject", "infra/terraform.tfstate", oldKey.AccessKey)
			after.Must("init")
			unchanged(t, after)
			unchanged(t, before) // both are valid
			beside := in(workspaceOf(t, app(server.Endpoint, "other/terraform.tfstate"), nil), newKey)
			contains(t, refused(t, beside, "init")+refused(t, beside, "apply", "-auto-approve"), "AccessDenied")

			m.run(commands[2], "", "OLD_ACCESS_KEY="+oldKey.AccessKey)
			contains(t, refused(t, before, "plan"), "InvalidAccessKeyId")
			after.Must("apply", "-auto-approve", "-var=deploy=again")
			seen.await(t, "PutObject", "infra/terraform.tfstate", newKey.AccessKey)
		})
	}
}

// pair is what makes a key.
type pair struct{ AccessKey, SecretKey string }

// key makes one by the guide's command.
func (m *onMinIO) key(command string) pair {
	m.t.Helper()
	var made pair
	if err := json.Unmarshal([]byte(m.run(strings.TrimSpace(command)+" --json", "")), &made); err != nil || made.AccessKey == "" || made.SecretKey == "" {
		m.t.Fatalf("no key was made: %v", err)
	}
	return made
}

// app is a configuration with its state on the server.
func app(endpoint, key string) string {
	return fmt.Sprintf(`
terraform {
  backend "s3" {
    bucket                      = %q
    key                         = %q
    region                      = "us-east-1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    endpoints                   = { s3 = %q }
  }
  required_providers {}
}

variable "deploy" {
  default = "once"
}

resource "terraform_data" "app" {
  input = var.deploy
}
`, guideBucket, key, endpoint)
}
