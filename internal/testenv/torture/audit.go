//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

// auditSQL makes the guarded resource and the triggers that record what really happens. A row's
// trigger runs while the row is locked, so the numbers of one lock are in the order of what was done
// to it. The trigger runs as its owner: the workers may lock and write, and nothing else.
const auditSQL = `
CREATE TABLE audit (n bigserial PRIMARY KEY, lockid text, what text, fence bigint, data text,
	expires timestamptz, at timestamptz DEFAULT clock_timestamp());
CREATE TABLE guarded (lockid text PRIMARY KEY, fence bigint NOT NULL, writes bigint NOT NULL DEFAULT 0);
CREATE FUNCTION audit_lock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public AS $$ BEGIN
	IF TG_OP = 'DELETE' THEN
		INSERT INTO audit (lockid, what, fence, data, expires) VALUES (OLD.lockid, 'delete', OLD.fence, OLD.data, OLD.leaseexpires);
	ELSE
		INSERT INTO audit (lockid, what, fence, data, expires) VALUES (NEW.lockid,
			CASE WHEN TG_OP = 'INSERT' THEN 'grant' WHEN NEW.data IS DISTINCT FROM OLD.data THEN 'grant'
				WHEN NEW.fence IS DISTINCT FROM OLD.fence THEN 'number' ELSE 'renew' END, NEW.fence, NEW.data, NEW.leaseexpires);
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON pulumi_state_locks FOR EACH ROW EXECUTE FUNCTION audit_lock();
CREATE FUNCTION audit_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO public AS $$ BEGIN
	INSERT INTO audit (lockid, what, fence) VALUES (NEW.lockid, 'write', NEW.fence);
	RETURN NULL;
END $$;
CREATE TRIGGER audit AFTER UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION audit_write();
`

// writeSQL is a write to the guarded resource: it takes no fence that is older than one it has seen.
// The database forgets in a crash what it answered last; the resource must not.
const writeSQL = `UPDATE guarded SET fence = $2, writes = writes + 1
	WHERE lockid = $1 AND fence <= $2 AND set_config('synchronous_commit', 'on', true) IS NOT NULL`

// record is one line of the audit.
type record struct {
	n       int64
	lock    string
	what    string // grant, number (a grant got another fence), renew, delete, write
	fence   int64
	id      string
	expires int64 // on the database's clock, in nanoseconds
	at      int64
}

// audit reads what the triggers have recorded.
func audit(ctx context.Context, server *postgres.Server, database string) ([]record, error) {
	conn, err := server.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT n, lockid, what, fence, coalesce(data, ''),
		coalesce((extract(epoch FROM expires) * 1000000)::bigint, 0), (extract(epoch FROM at) * 1000000)::bigint FROM audit ORDER BY n`)
	if err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r record, err error) {
		var data string
		err = row.Scan(&r.n, &r.lock, &r.what, &r.fence, &data, &r.expires, &r.at)
		r.expires, r.at = r.expires*1000, r.at*1000
		var info struct{ ID string }
		if data != "" && json.Unmarshal([]byte(data), &info) != nil {
			return r, fmt.Errorf("the audit has %q, which is no lock", data)
		}
		r.id = info.ID
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit: %w", err)
	}
	return records, nil
}
