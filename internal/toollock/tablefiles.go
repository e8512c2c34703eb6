package toollock

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
)

// pulumiTable is where Pulumi's PostgreSQL backend keeps its files unless its address says otherwise.
const pulumiTable = "pulumi_state"

// plainTable is a table's name that Pulumi's statements, which do not quote it, take as one.
var plainTable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$`)

// TableFiles is a Pulumi backend in PostgreSQL, at the address that Pulumi knows it by, such as
// postgres://host/database?table=pulumi_state. Each file is a row: its name, its content in base64
// within a JSON document, and when it was written. Names begin with the path of the address, which is
// the name of the database (Pulumi 3.259 was looked at). open makes a client for an address without
// the table's name.
func TableFiles(address string, open func(database string) (*pglock.Client, error)) (Files, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address of Pulumi's backend is no URL; write it like postgres://host/database") // its text may hold a password
	}
	query := u.Query()
	table := cmp.Or(query.Get("table"), pulumiTable)
	if !plainTable.MatchString(table) {
		return nil, fmt.Errorf("the table %q in the address of Pulumi's backend is no name that Pulumi can use", table)
	}
	query.Del("table")
	u.RawQuery = query.Encode()
	client, err := open(u.String())
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	// Unquoted names are lower-case in PostgreSQL.
	return &tableFiles{client: client, table: strings.ToLower(table), prefix: prefix}, nil
}

type tableFiles struct {
	client        *pglock.Client
	table, prefix string
}

func (t *tableFiles) sql() string { return pgx.Identifier(strings.Split(t.table, ".")).Sanitize() }

// URL has no user and no password.
func (t *tableFiles) URL(name string) string {
	target := t.client.Target("")
	return strings.TrimSuffix(fmt.Sprintf("postgres://%s:%s/%s/%s/%s", target.Host, target.Port, target.Database, t.table, name), "/")
}

// with runs something on a connection.
func (t *tableFiles) with(ctx context.Context, op string, do func(*pgx.Conn) error) error {
	session, err := t.client.Dedicated(ctx, "", "")
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }() // it holds nothing
	err = do(session.Conn)
	if errors.Is(err, errNoFile) {
		return err
	}
	return session.Wrap(op+" in "+t.table, err)
}

func (t *tableFiles) List(ctx context.Context, dir string) ([]File, error) {
	var found []File
	err := t.with(ctx, "list "+dir, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT key, coalesce(data->>'data', ''), updated_at FROM "+t.sql()+" WHERE pg_catalog.starts_with(key, $1)", t.prefix+dir)
		if err != nil {
			return err
		}
		var name, text string
		var written *time.Time
		_, err = pgx.ForEachRow(rows, []any{&name, &text, &written}, func() error {
			f := File{Name: strings.TrimPrefix(name, t.prefix), Data: []byte(text)} // what is no base64 is nothing of Pulumi's, and is shown as such
			if data, err := base64.StdEncoding.DecodeString(text); err == nil {
				f.Data = data
			}
			if written != nil {
				f.Written = *written
			}
			found = append(found, f)
			return nil
		})
		return err
	})
	if errors.Is(err, pglock.ErrNotFound) && !isNoDatabase(err) {
		return nil, nil // nobody has logged in to it yet
	}
	return found, err
}

// isNoDatabase tells a database that is not there from a table.
func isNoDatabase(err error) bool {
	var call *pglock.CallError
	return errors.As(err, &call) && call.Code == "3D000"
}

func (t *tableFiles) Put(ctx context.Context, name string, data []byte) error {
	return t.with(ctx, "write "+name, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "INSERT INTO "+t.sql()+` (key, data, updated_at) VALUES ($1, pg_catalog.json_build_object('data', $2::text), pg_catalog.now())
			ON CONFLICT (key) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`, t.prefix+name, base64.StdEncoding.EncodeToString(data))
		return err
	})
}

func (t *tableFiles) Delete(ctx context.Context, name string, data []byte) error {
	return t.with(ctx, "delete "+name, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, "DELETE FROM "+t.sql()+" WHERE key = $1 AND ($2::text IS NULL OR data->>'data' = $2::text)", t.prefix+name, encoded(data))
		if err == nil && data != nil && tag.RowsAffected() == 0 {
			return errNoFile
		}
		return err
	})
}

// encoded is nil for nil.
func encoded(data []byte) *string {
	if data == nil {
		return nil
	}
	text := base64.StdEncoding.EncodeToString(data)
	return &text
}
