package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/dynamolock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lockview"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/pglock"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
)

// storeFlags say which lock table holds the leases. There is no flag for a password: arguments are
// visible to everybody on the machine.
type storeFlags struct {
	pg       pglock.Config
	table    string
	dynamodb dynamoFlags
}

type dynamoFlags struct{ table, region, endpoint string }

// defaultLockDatabase is the name that people have given their lock database by hand.
const defaultLockDatabase = "pulumi_state_lock"

// storeHelp is the part of a command's help about these flags.
const storeHelp = `The lock table is in PostgreSQL or in DynamoDB. What the flags leave out comes from the environment:
GROUNDWORK_POSTGRES_*, then PULUMI_LOCK_DB_HOST, _PORT, _NAME, _USER and _PASSWORD, then PGHOST and
all other variables of libpq; the table from GROUNDWORK_LOCK_TABLE. For DynamoDB:
GROUNDWORK_DYNAMODB_TABLE, _REGION and _ENDPOINT, then the variables and files of AWS; such a table comes
before a server of PostgreSQL that the environment names. Passwords are taken from the environment, a
password file or a service file, and never from arguments.`

func (f *storeFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.pg.Host, "lock-db-host", "", "host of the PostgreSQL server with the lock table (PULUMI_LOCK_DB_HOST)")
	fs.IntVar(&f.pg.Port, "lock-db-port", 0, "its port (PULUMI_LOCK_DB_PORT; 5432 if nothing says otherwise)")
	fs.StringVar(&f.pg.LockDatabase, "lock-db-name", "", "the database (PULUMI_LOCK_DB_NAME, PGDATABASE; "+defaultLockDatabase+" if nothing says otherwise)")
	fs.StringVar(&f.pg.User, "lock-db-user", "", "the user (PULUMI_LOCK_DB_USER)")
	fs.StringVar(&f.pg.SSLMode, "lock-db-sslmode", "", "disable, allow, prefer, require, verify-ca or verify-full (PGSSLMODE)")
	fs.StringVar(&f.pg.SSLRootCert, "lock-db-sslrootcert", "", "file with the certificate authority of the server (PGSSLROOTCERT)")
	fs.StringVar(&f.table, "lock-table", "", "the table, as TABLE or SCHEMA.TABLE ("+pglock.DefaultTable+" if nothing says otherwise)")
	fs.StringVar(&f.dynamodb.table, "dynamodb-table", "", "a table in DynamoDB instead (GROUNDWORK_DYNAMODB_TABLE)")
	fs.StringVar(&f.dynamodb.region, "dynamodb-region", "", "its region (GROUNDWORK_DYNAMODB_REGION, AWS_REGION)")
	fs.StringVar(&f.dynamodb.endpoint, "dynamodb-endpoint", "", "URL of an emulation of DynamoDB (GROUNDWORK_DYNAMODB_ENDPOINT)")
}

// given writes the flags of these that are on the command line, each with a space before it.
func (f *storeFlags) given(fs *pflag.FlagSet) string {
	var own pflag.FlagSet
	(&storeFlags{}).add(&own)
	var b strings.Builder
	fs.Visit(func(flag *pflag.Flag) {
		if own.Lookup(flag.Name) != nil {
			b.WriteString(" --" + flag.Name + " " + lockview.QuoteArg(flag.Value.String()))
		}
	})
	return b.String()
}

// open connects to the lock table that the flags and the environment name. The caller closes it.
func (f *storeFlags) open(ctx context.Context, a *App) (lease.Store, error) {
	if table := cmp.Or(f.dynamodb.table, a.Getenv("GROUNDWORK_DYNAMODB_TABLE")); table != "" && !f.saysPostgres() {
		return f.openDynamoDB(ctx, a, table)
	}
	if !f.configured(a.Getenv) {
		return nil, &UsageError{Problem: "no lock table is configured: set PULUMI_LOCK_DB_HOST (or --lock-db-host) to the PostgreSQL server with the lock table, and PULUMI_LOCK_DB_PASSWORD; or --dynamodb-table for one in DynamoDB"}
	}
	config := f.pg
	config.Flags = map[string]string{
		"host": "--lock-db-host", "port": "--lock-db-port", "user": "--lock-db-user", "lock_database": "--lock-db-name",
		"sslmode": "--lock-db-sslmode", "sslrootcert": "--lock-db-sslrootcert",
	}
	settings, err := config.Resolve(a.Getenv)
	if err != nil {
		return nil, err
	}
	client, err := pglock.New(settings)
	if err != nil {
		return nil, err
	}
	database := settings.LockDatabase()
	switch {
	case database != "":
	case a.Getenv("PGDATABASE") != "", a.Getenv("GROUNDWORK_POSTGRES_URL") != "":
		database = settings.MaintenanceDatabase()
	default:
		database = defaultLockDatabase
	}
	a.logf("leases in the table %s, %s", f.tableName(a.Getenv), client.Target(database))
	// A table that was made by hand lacks the columns for fences and waiters.
	return client.Leases(ctx, database, pglock.LeaseOptions{Table: f.tableName(a.Getenv), Repair: true})
}

func (f *storeFlags) tableName(getenv func(string) string) pglock.Table {
	name := cmp.Or(f.table, getenv("GROUNDWORK_LOCK_TABLE"))
	if schema, table, ok := strings.Cut(name, "."); ok {
		return pglock.Table{Schema: schema, Name: table}
	}
	return pglock.Table{Name: name}
}

// saysPostgres tells that a flag names a PostgreSQL server, which outranks the environment.
func (f *storeFlags) saysPostgres() bool { return f.pg.Host != "" && f.dynamodb.table == "" }

// configured tells whether anything names a server. libpq would fall back to one on this machine,
// which nobody means by leaving everything out.
func (f *storeFlags) configured(getenv func(string) string) bool {
	if f.pg.Host != "" {
		return true
	}
	for _, name := range []string{"GROUNDWORK_POSTGRES_URL", "GROUNDWORK_POSTGRES_HOST", "PULUMI_LOCK_DB_HOST", "PGHOST", "PGHOSTADDR", "PGSERVICE"} {
		if getenv(name) != "" {
			return true
		}
	}
	return false
}

// openDynamoDB is for leases in DynamoDB.
func (f *storeFlags) openDynamoDB(ctx context.Context, a *App, table string) (lease.Store, error) {
	client, err := f.dynamoClient(ctx, a)
	if err != nil {
		return nil, err
	}
	a.logf("leases in the DynamoDB table %s, region %s", table, client.Region())
	return client.Leases(dynamolock.LeaseOptions{Table: table})
}

// dynamoClient reaches DynamoDB as the flags and the environment say.
func (f *storeFlags) dynamoClient(ctx context.Context, a *App) (*dynamolock.Client, error) {
	cfg := dynamolock.Config{Region: f.dynamodb.region, Endpoint: f.dynamodb.endpoint, Version: a.Version}
	return dynamolock.New(ctx, cfg.WithStore(s3store.Config{}, a.Getenv))
}

// seconds is a duration that may also be written as a plain number of seconds, as
// PULUMI_LOCK_TIMEOUT is. It implements pflag.Value.
type seconds time.Duration

func (s *seconds) String() string { return time.Duration(*s).String() }

// Set takes 300, 300s or 5m.
func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		if d, err = time.ParseDuration(text + "s"); err != nil {
			return &UsageError{Problem: quote(text) + " is no time: write a number of seconds, or 90s, 5m, 1h"}
		}
	}
	if d < 0 {
		return &UsageError{Problem: quote(text) + " is negative"}
	}
	*s = seconds(d)
	return nil
}

// Type is what the help calls the value.
func (s *seconds) Type() string { return "duration" }

// fromEnvironment sets a flag from a variable, unless it is on the command line.
func fromEnvironment(cmd *cobra.Command, getenv func(string) string, flag, variable string) error {
	text := getenv(variable)
	if text == "" || cmd.Flags().Changed(flag) {
		return nil
	}
	if err := cmd.Flags().Lookup(flag).Value.Set(text); err != nil {
		return &UsageError{Command: cmd.CommandPath(), Problem: variable + ": " + err.Error()}
	}
	return nil
}
