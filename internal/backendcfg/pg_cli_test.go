package backendcfg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// pgUser has a database of its own, since the tools must not share one.
type pgUser struct {
	server   *postgres.Server
	database string
	role     postgres.Role
	env      []string
}

func newPGUser(t *testing.T) pgUser {
	t.Helper()
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "")
	u := pgUser{server: server, role: role, database: testenv.PostgresDatabase(t, server, role.Name)}
	// The variables beside the connection would lead elsewhere if the file did not say where.
	u.env = []string{
		"PG_CONN_STR=" + server.URL(role.Name, role.Password, u.database) + "?sslmode=disable", "PG_SCHEMA_NAME=not_this_one"}
	return u
}

// workspaces lists the rows of a table of states.
func (u pgUser) workspaces(t *testing.T, table string) string {
	t.Helper()
	conn, err := u.server.Connect(t.Context(), u.database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var names string
	if err := conn.QueryRow(t.Context(), "SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM "+table).Scan(&names); err != nil {
		t.Fatal(err)
	}
	return names
}

// holding makes the apply in infra stay in the middle until go exists.
const holding = `
resource "terraform_data" "held" {
  triggers_replace = [terraform.workspace]
  provisioner "local-exec" {
    command = "touch started && while [ ! -e go ]; do sleep 0.1; done"
  }
}
output "cluster" {
  value = "c-${terraform.workspace}"
}
`

// TestPGInUse goes the whole way on a real server: workspaces, another client's lock, a second
// phase in somebody's file that reads the first one's output, and a partial configuration.
func TestPGInUse(t *testing.T) {
	for _, tool := range bothTools {
		t.Run(tool.String(), func(t *testing.T) {
			t.Parallel()
			u := newPGUser(t)
			c := Config{PG: &PG{SchemaName: `Team "A"-été`}, Target: Target{Tool: tool}}
			table := `"Team ""A""-été"."states"`
			if tool == OpenTofu {
				c.PG.TableName, c.PG.IndexName = "infra-states", "infra by name"
				table = `"Team ""A""-été"."infra-states"`
			}
			root := writeFiles(t, map[string]string{
				"infra/main.tf":      holding,
				"coder/providers.tf": "terraform {\r\n\trequired_version = \">= 1.6\"\r\n}\r\n",
				"coder/outputs.tf":   "output \"seen\" {\n  value = \"${data.terraform_remote_state.infra.outputs.cluster} ${data.terraform_remote_state.blue.outputs.cluster}\"\n}\n",
				"legacy/main.tf":     "terraform {\n  backend \"pg\" {}\n}\noutput \"x\" {\n  value = 1\n}\n",
			})
			whole, err := RenderTerraform(c)
			if err != nil {
				t.Fatal(err)
			}
			writeNoSecret(t, u, filepath.Join(root, "infra", "backend.tf"), whole)
			infra := filepath.Join(root, "infra")
			run := cli(t, tool, infra, u.env...)
			must(t, run("init"))
			u.lockHolds(t, tool, infra, run)
			must(t, run("plan", "-detailed-exitcode"))
			must(t, run("workspace", "new", "blue"))
			must(t, run("apply", "-auto-approve"))
			if got := u.workspaces(t, table); got != "blue default" {
				t.Errorf("the table holds %q", got)
			}

			second := Config{PG: &PG{SchemaName: "coder"}, Target: c.Target, RemoteStates: []RemoteState{
				{Name: "infra", PG: c.PG}, {Name: "blue", PG: c.PG, Workspace: "blue"}}}
			path := filepath.Join(root, "coder", "providers.tf")
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			writeNoSecret(t, u, path, mustEdit(t, src, path, mustFragment(t, second)))
			run = cli(t, tool, filepath.Join(root, "coder"), u.env...)
			must(t, run("init"))
			must(t, run("apply", "-auto-approve"))
			if out := must(t, run("output", "-raw", "seen")); out != "c-default c-blue" {
				t.Errorf("the second phase saw %q", out)
			}
			if got := u.workspaces(t, "coder.states"); got != "default" {
				t.Errorf("the second phase's table holds %q", got)
			}

			partial, err := RenderTFBackend(Config{PG: &PG{SchemaName: "legacy"}, Target: c.Target})
			if err != nil {
				t.Fatal(err)
			}
			writeNoSecret(t, u, filepath.Join(root, "dev.pg.tfbackend"), partial)
			run = cli(t, tool, filepath.Join(root, "legacy"), u.env...)
			must(t, run("init", "-backend-config=../dev.pg.tfbackend"))
			must(t, run("apply", "-auto-approve"))
			if got := u.workspaces(t, "legacy.states"); got != "default" {
				t.Errorf("the table of the partial configuration holds %q", got)
			}
		})
	}
}

// writeNoSecret writes a file that must not lead to the server by itself.
func writeNoSecret(t *testing.T, u pgUser, path string, content []byte) {
	t.Helper()
	for _, secret := range []string{u.role.Password, u.role.Name, u.server.Addr(), "conn_str ="} {
		if strings.Contains(string(content), secret) {
			t.Errorf("%s holds %q", path, secret)
		}
	}
	if err := Write(path, content, FileOptions{Root: filepath.Dir(path)}); err != nil {
		t.Fatal(err)
	}
}

// lockHolds plans while another client is in the middle of an apply, and expects to be refused.
func (u pgUser) lockHolds(t *testing.T, tool Tool, dir string, run func(...string) tfcli.Result) {
	t.Helper()
	other := tfcli.CLI{Path: testenv.Tool(t, tool.Command()), Dir: dir, Home: t.TempDir(), Env: u.env}
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Minute, errors.New("three minutes have passed"))
	defer cancel()
	go func() {
		r, err := other.Run(ctx, "apply", "-auto-approve")
		if err == nil && r.ExitCode != 0 {
			err = fmt.Errorf("exit code %d\n%s", r.ExitCode, r.Output())
		}
		done <- err
	}()
	for started := false; !started; time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-done:
			t.Fatalf("the apply that is to hold the lock ended: %v (%v)", err, context.Cause(ctx))
		default:
		}
		_, err := os.Stat(filepath.Join(dir, "started"))
		started = err == nil
	}
	r := run("plan")
	if r.ExitCode == 0 || !strings.Contains(r.Output(), "Error acquiring the state lock") {
		t.Errorf("under another client's lock: exit code %d\n%s", r.ExitCode, r.Output())
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
