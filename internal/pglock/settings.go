package pglock

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Settings are a resolved Config. They hold secrets, and printing them leaves those out.
type Settings struct {
	// hold keeps the values where no printer of structures finds them, however deep it looks.
	hold func() map[string]value
	// lookup tells where pgx found what no layer above it gave.
	lookup func(string) string
	// flags are those of Config.
	flags map[string]string
}

func newSettings(values map[string]value, getenv func(string) string, flags map[string]string) (Settings, error) {
	s := Settings{hold: func() map[string]value { return values }, lookup: getenv, flags: flags}
	// What pgx reads shows now whether it is usable, rather than at the first connection.
	_, err := s.connConfig("")
	return s, err
}

func (s Settings) values() map[string]value {
	if s.hold == nil {
		return nil
	}
	return s.hold()
}

func (s Settings) text(libpq string) string { return s.values()[libpq].text }

// Format implements fmt.Formatter, so that no verb prints a secret.
func (s Settings) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, describe(s.values())) }

// MarshalJSON writes what Format writes.
func (s Settings) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, describe(s.values())), nil
}

// LockDatabase is the database with the locks where the environment names one.
func (s Settings) LockDatabase() string { return s.text(lockDatabase) }

// MaintenanceDatabase is where databases are created and dropped from.
func (s Settings) MaintenanceDatabase() string {
	cfg, err := s.connConfig("")
	if err != nil {
		return DefaultMaintenanceDatabase // New reports the error
	}
	return cfg.Database
}

// connConfig is what pgx needs to connect to a database; empty means the maintenance database.
func (s Settings) connConfig(database string) (*pgx.ConnConfig, error) {
	text, err := s.connString(database)
	if err != nil {
		return nil, err
	}
	if ca := s.text("sslrootcert"); isPEM(ca) && !x509.NewCertPool().AppendCertsFromPEM([]byte(ca)) {
		return nil, &ConfigError{Field: s.values()["sslrootcert"].source, Problem: "the PEM text holds no certificate"}
	}
	// The password stays out of the text, because pgx repeats the text in its errors.
	cfg, err := pgx.ParseConfigWithOptions(text, pgx.ParseConfigOptions{ParseConfigOptions: s.parseOptions()})
	if err != nil {
		return nil, parseError(err)
	}
	if password := s.text("password"); password != "" {
		cfg.Password = password
	}
	if database == "" && cfg.Database == "" {
		cfg.Database = DefaultMaintenanceDatabase
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = DefaultConnectTimeout
	}
	// No prepared statements: a pooler gives every transaction another connection.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	cfg.StatementCacheCapacity, cfg.DescriptionCacheCapacity = 0, 0
	cfg.DialFunc = watchTLS(cfg.DialFunc)
	return cfg, s.applyPEM(cfg)
}

func (s Settings) parseOptions() pgconn.ParseConfigOptions {
	return pgconn.ParseConfigOptions{
		GetSSLPassword: func(context.Context) string { return s.text("sslpassword") },
	}
}

// connString writes what pgx's parser takes: keywords and quoted values, without secrets.
func (s Settings) connString(database string) (string, error) {
	var b strings.Builder
	write := func(key, text string) {
		fmt.Fprintf(&b, "%s='%s' ", key, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text))
	}
	for _, key := range slices.Concat(ours, passedOn) {
		v, ok := s.values()[key]
		switch {
		case !ok, key == "password", key == "sslpassword", key == "dbname" && database != "":
			continue
		case isPEM(v.text), (key == "sslcert" || key == "sslkey") && s.anyPEM("sslcert", "sslkey"):
			// applyPEM loads it, certificate and key as a pair; said empty, so that no PG* variable
			// names a file in its place.
			v.text = ""
		}
		write(key, v.text)
	}
	if database != "" {
		if err := CheckName("database", database); err != nil {
			return "", err
		}
		write("dbname", database)
	}
	if s.text("sslmode") == "require" && s.anyPEM("sslrootcert") {
		write("sslmode", "verify-ca") // what libpq makes of it when there is an authority
	}
	return b.String(), nil
}

func (s Settings) anyPEM(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return isPEM(s.text(key)) })
}

// applyPEM puts certificates that were given as text into what pgx made without them.
func (s Settings) applyPEM(cfg *pgx.ConnConfig) error {
	var roots *x509.CertPool
	if ca := s.text("sslrootcert"); isPEM(ca) {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM([]byte(ca)) // checked before
	}
	var pair []tls.Certificate
	if s.anyPEM("sslcert", "sslkey") {
		loaded, err := s.keyPair()
		if err != nil {
			return err
		}
		pair = []tls.Certificate{loaded}
	}
	apply := func(t *tls.Config) {
		if t == nil {
			return
		}
		if roots != nil {
			t.RootCAs = roots
		}
		if pair != nil {
			t.Certificates = pair
		}
	}
	apply(cfg.TLSConfig)
	for _, fallback := range cfg.Fallbacks {
		apply(fallback.TLSConfig)
	}
	return nil
}

func (s Settings) keyPair() (tls.Certificate, error) {
	read := func(key string) ([]byte, error) {
		v := s.values()[key]
		if isPEM(v.text) {
			return []byte(v.text), nil
		}
		data, err := os.ReadFile(v.text) // #nosec G304 -- the user names it
		if err != nil {
			return nil, &ConfigError{Field: v.source, Problem: fileProblem(err)}
		}
		return data, nil
	}
	cert, err := read("sslcert")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := read("sslkey")
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		// The cause may describe the key; that the two do not fit is all that helps.
		return tls.Certificate{}, &ConfigError{Field: s.values()["sslkey"].source, Problem: "the client certificate and its key are not a pair of PEM texts that belong together, or the key is encrypted"}
	}
	return pair, nil
}

func fileProblem(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Sprintf("the file %s cannot be read: %v", path.Path, path.Err)
	}
	return "the file cannot be read: " + err.Error()
}

// parseError says what pgx could not use, without the text that it was given.
func parseError(err error) error {
	field := "the PostgreSQL settings"
	var pg *pgconn.ParseConfigError
	if !errors.As(err, &pg) {
		return &ConfigError{Field: field, Problem: err.Error()}
	}
	if inner := errors.Unwrap(pg); inner != nil {
		var path *fs.PathError
		if errors.As(inner, &path) {
			return &ConfigError{Field: field, Problem: fileProblem(path)}
		}
	}
	problem := strings.TrimPrefix(pg.Error(), "cannot parse `"+pg.ConnString+"`: ")
	return &ConfigError{Field: field, Problem: problem + " (from the settings, PG* variables or the service file)"}
}

// What stands for the source of a setting that nobody gave, and of a password.
const (
	theDefault = "the default"
	noPassword = "none was given"
)

// name says how to give a setting.
func (s Settings) name(libpq string) string { return nameIn(s.flags, libpq) }

// source says where a setting came from, for errors about it. The password may be one in a file that
// knows passwords by database.
func (s Settings) source(libpq, database string) string {
	if v, ok := s.values()[libpq]; ok {
		return v.source
	}
	if s.lookup == nil {
		return theDefault
	}
	p := byLibpq(libpq)
	if p.pgVar != "" && s.lookup(p.pgVar) != "" {
		return p.pgVar
	}
	if _, ok := s.values()["service"]; ok || s.lookup("PGSERVICE") != "" {
		return "the PostgreSQL service file"
	}
	if libpq == "password" {
		if cfg, err := s.connConfig(database); err == nil && cfg.Password == "" {
			return noPassword
		}
		if file := s.lookup("PGPASSFILE"); file != "" {
			return "PGPASSFILE (" + file + ")"
		}
		return "the password file ~/.pgpass"
	}
	return theDefault
}
