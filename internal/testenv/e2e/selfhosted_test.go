package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/minio"
)

// ownServer is a server as somebody runs it for themselves.
type ownServer struct {
	client *s3.Client
	env    []string
	// lock is how states on it are locked.
	lock string
}

// ownServers starts each kind.
var ownServers = map[string]func(t *testing.T) ownServer{
	"minio": func(t *testing.T) ownServer {
		s := testenv.StartMinIO(t, minio.Options{TLS: true})
		return ownServer{client: s.Client(), lock: "lockfile", env: []string{
			"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + s.Endpoint,
			"GROUNDWORK_CA_BUNDLE=" + s.CAFile, "AWS_CA_BUNDLE=" + s.CAFile,
			"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		}}
	},
	"versity": func(t *testing.T) ownServer {
		s := testenv.Versity(t)
		return ownServer{client: s.Client(), lock: "none", env: []string{
			"GROUNDWORK_SERVICE=versity", "GROUNDWORK_ENDPOINT=" + s.Endpoint,
			"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
		}}
	},
}

// An empty server, a workspace that makes its own backend there, a pipeline that begins from an
// empty checkout, and the way back.
func TestSelfHostedScenario(t *testing.T) {
	for kind, start := range ownServers {
		t.Run(kind, func(t *testing.T) {
			eachTool(t, func(t *testing.T, command, path string) {
				server, bucket := start(t), testenv.BucketName(t)
				w := newWalkthrough(t, "self-hosted-bootstrap", path, append(server.env,
					"TF_VAR_bucket="+bucket, "TF_VAR_tool="+toolNames[command])...)
				git(t, w.dir, "init", "-q", "-b", "main")
				git(t, w.dir, "config", "user.name", "test")
				git(t, w.dir, "config", "user.email", "test@example.com")

				contains(t, w.run("Bootstrap").Stdout, "Apply complete! Resources: 2 added, 0 changed, 0 destroyed.", "No changes.")
				if keys := objectsIn(t, server.client, bucket); len(keys) != 1 || keys[0] != "bootstrap/terraform.tfstate" {
					t.Errorf("in the bucket: %v", keys)
				}
				for range 2 { // as on every push
					contains(t, w.run("Run it again from an empty checkout").Stdout, "Resources: 0 added, 0 changed, 0 destroyed.")
					if err := os.RemoveAll(filepath.Join(filepath.Dir(w.dir), "checkout")); err != nil {
						t.Fatal(err)
					}
				}
				contains(t, w.run("What the server cannot do").Stdout, `lock_strategy = "`+server.lock+`"`, `"public_access_block"`)
				contains(t, w.refused("terraform -chdir=bootstrap destroy"), "deletion_protection")
				w.run("Take it down")
				isGone(t, server.client, bucket)
			})
		})
	}
}

// The script is that of the quickstart, which other tests kill, cut and repeat.
func TestScenarioScriptIsTheQuickstarts(t *testing.T) {
	t.Parallel()
	if document(t, "examples/scenarios/self-hosted-bootstrap/bootstrap.sh") != document(t, "examples/quickstart/bootstrap.sh") {
		t.Error("the two scripts differ")
	}
}
