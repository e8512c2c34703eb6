//go:build linux

package cli_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// psql runs a command line with psql as a person writes it down, with the lab's variables for what
// stands in angle brackets.
func (l *lab) psql(command string) string {
	l.t.Helper()
	cmd := exec.Command("bash", "-c", command)
	cmd.Env = append(l.environ(), "DB_PASSWORD="+l.role.Password, "ENDPOINT="+l.host, fmt.Sprintf("PGPORT=%d", l.port), "DB_USER="+l.role.Name, "LOCK_DB="+l.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// What people have written down for lock tables, from the table by hand over the exported variables
// to the look at stuck locks, works as it stands with groundwork exec in front of pulumi.
func TestExecByTheBook(t *testing.T) {
	t.Parallel()
	server := testenv.Postgres(t)
	for _, scope := range []string{"stack", "backend"} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			l := &lab{t: t, server: server, host: server.Host, port: server.Port, dir: t.TempDir()}
			l.role = testenv.PostgresRole(t, server, "CREATEDB")
			l.database = testenv.PostgresName(t)
			l.psql(`PGPASSWORD=$DB_PASSWORD psql -h $ENDPOINT -U $DB_USER -d postgres -c "CREATE DATABASE $LOCK_DB;"`)
			l.psql(`PGPASSWORD=$DB_PASSWORD psql \
  -h $ENDPOINT \
  -U $DB_USER \
  -d $LOCK_DB \
  << 'EOF'
CREATE TABLE IF NOT EXISTS pulumi_state_locks (
    LockID VARCHAR(255) PRIMARY KEY,
    Data TEXT,
    LeaseExpires TIMESTAMP WITH TIME ZONE
);

CREATE INDEX IF NOT EXISTS idx_pulumi_lock_expires
ON pulumi_state_locks (LeaseExpires);
EOF`)
			bucket, endpoint := l.bucket()
			l.pulumiProject("s3://" + bucket + "?endpoint=" + strings.TrimPrefix(endpoint, "http://") + "&region=us-east-1&s3ForcePathStyle=true&disableSSL=true")
			l.env = append(l.env, "PULUMI_LOCK_TIMEOUT=300", "PULUMI_LOCK_SCOPE="+scope)
			for _, stack := range []string{"dev", "staging"} {
				l.stack(stack)
			}
			l.deployments(scope, "pulumi:s3://"+bucket)
			// An expired lock shows, and is released, by the statements that people know.
			l.sql("INSERT INTO pulumi_state_locks (LockID, Data, LeaseExpires) VALUES ('dead', '{}', NOW() - interval '1 hour')")
			const at = `PGPASSWORD=$DB_PASSWORD psql -h $ENDPOINT -U $DB_USER -d $LOCK_DB -c `
			if out := l.psql(at + `"SELECT * FROM pulumi_state_locks WHERE LeaseExpires < NOW();"`); !strings.Contains(out, "dead") || !strings.Contains(out, "(1 row)") {
				t.Errorf("the stuck lock does not show:\n%s", out)
			}
			if out := l.psql(at + `"DELETE FROM pulumi_state_locks WHERE LeaseExpires < NOW();"`); !strings.Contains(out, "DELETE 1") {
				t.Errorf("got %s", out)
			}
		})
	}
}

// deployments are those of dev and staging, the second begun while the first is under way.
func (l *lab) deployments(scope, backend string) {
	l.t.Helper()
	dev := l.up("dev", "dev")
	l.await("in-dev")
	staging := l.up("staging", "staging")
	locked := l.psql(`PGPASSWORD=$DB_PASSWORD psql -h $ENDPOINT -U $DB_USER -d $LOCK_DB -c "SELECT * FROM pulumi_state_locks;"`)
	if scope == "stack" {
		l.await("in-staging") // beside dev, which is still under way
		l.open("staging")
		staging.ends(0)
		l.open("dev")
		dev.ends(0)
		if !strings.Contains(locked, "pulumi:evalap/dev") {
			l.t.Errorf("the table shows\n%s", locked)
		}
		return
	}
	staging.says(fmt.Sprintf("for the lock %q, which is held by ", backend))
	l.open("staging")
	l.open("dev")
	dev.ends(0)
	staging.ends(0)
	l.inTurn("dev", "staging")
	if !strings.Contains(locked, backend) {
		l.t.Errorf("the table shows\n%s", locked)
	}
}
