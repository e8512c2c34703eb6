package pglock

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config says how to reach a PostgreSQL server. The zero value means: everything from the
// environment. Printing it leaves secrets out.
type Config struct {
	// URL is a connection URL; its path is the maintenance database. What it leaves out comes from
	// the other fields, and what both say must be the same.
	URL string `json:"-"`
	// Host is a name, an address or the folder of a Unix socket; a list, separated by commas, is
	// tried in order.
	Host string
	// Port of the server; 0 means not set.
	Port int
	User string
	// Password, or empty for none, a password file or a client certificate.
	Password string `json:"-"`
	// MaintenanceDatabase exists already, and is where databases are created and dropped from.
	MaintenanceDatabase string
	// SSLMode is one of libpq's: disable, allow, prefer, require, verify-ca, verify-full.
	SSLMode string
	// SSLRootCert, SSLCert and SSLKey are PEM files, or the PEM text itself.
	SSLRootCert, SSLCert string
	SSLKey               string `json:"-"`
	// ConnectTimeout bounds one connection, also while the server is still starting; 0 means the
	// default of 15 seconds.
	ConnectTimeout time.Duration
	// LockDatabase is the database with the locks, for callers that have no resource that names it.
	LockDatabase string
	// Flags are the flags of a command line that gave the settings, by libpq's names and lock_database.
	// Messages speak of these and of variables then, and otherwise of the provider's settings.
	Flags map[string]string
}

// The defaults of Config.
const (
	// DefaultConnectTimeout bounds one connection.
	DefaultConnectTimeout = 15 * time.Second
	// DefaultMaintenanceDatabase is the one that servers come with.
	DefaultMaintenanceDatabase = "postgres"
	// DefaultPort is that of PostgreSQL. Managed services often use another one.
	DefaultPort = 5432
)

// Format implements fmt.Formatter, so that no verb prints a secret.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, describe(c.values()))
}

// ConfigError is a configuration that cannot work, with the field at fault.
type ConfigError struct {
	// Field is the name of the setting, as the provider spells it, or of the variable.
	Field string
	// Problem is what is wrong and what to do.
	Problem string
}

// Error implements error.
func (e *ConfigError) Error() string { return e.Field + ": " + e.Problem }

// IsConfigError tells a configuration mistake from a server's answer.
func IsConfigError(err error) bool {
	var ce *ConfigError
	return errors.As(err, &ce)
}

// value is a setting and where it was found.
type value struct{ text, source string }

// parameter is a setting under its names in all places; libpq is its name in URLs.
type parameter struct {
	libpq    string
	field    string // of the provider, and of GROUNDWORK_* in capitals
	lockVar  string // of PULUMI_LOCK_DB_*
	pgVar    string // of libpq, which pgx reads
	secret   bool
	mayBePEM bool
}

// lockDatabase is no parameter of a connection, but resolved like one.
const lockDatabase = "lock_database"

var parameters = []parameter{
	{libpq: "host", field: "postgres_host", lockVar: "PULUMI_LOCK_DB_HOST", pgVar: "PGHOST"},
	{libpq: "port", field: "postgres_port", lockVar: "PULUMI_LOCK_DB_PORT", pgVar: "PGPORT"},
	{libpq: "user", field: "postgres_user", lockVar: "PULUMI_LOCK_DB_USER", pgVar: "PGUSER"},
	{libpq: "password", field: "postgres_password", lockVar: "PULUMI_LOCK_DB_PASSWORD", pgVar: "PGPASSWORD", secret: true},
	{libpq: "dbname", field: "postgres_maintenance_database", pgVar: "PGDATABASE"},
	{libpq: "sslmode", field: "postgres_sslmode", pgVar: "PGSSLMODE"},
	{libpq: "sslrootcert", field: "postgres_sslrootcert", pgVar: "PGSSLROOTCERT", mayBePEM: true},
	{libpq: "sslcert", field: "postgres_sslcert", pgVar: "PGSSLCERT", mayBePEM: true},
	{libpq: "sslkey", field: "postgres_sslkey", pgVar: "PGSSLKEY", secret: true, mayBePEM: true},
	{libpq: "connect_timeout", field: "postgres_connect_timeout", pgVar: "PGCONNECT_TIMEOUT"},
	{libpq: lockDatabase, field: "postgres_lock_database", lockVar: "PULUMI_LOCK_DB_NAME", pgVar: "PGDATABASE"},
}

func (p parameter) variable() string { return "GROUNDWORK_" + strings.ToUpper(p.field) }

// values returns the separate settings by libpq's names.
func (c Config) values() map[string]value {
	values := map[string]value{}
	set := func(libpq, text string) {
		if text != "" {
			values[libpq] = value{text: text, source: c.source(libpq)}
		}
	}
	set("host", c.Host)
	if c.Port != 0 {
		set("port", strconv.Itoa(c.Port))
	}
	set("user", c.User)
	set("password", c.Password)
	set("dbname", c.MaintenanceDatabase)
	set("sslmode", c.SSLMode)
	set("sslrootcert", c.SSLRootCert)
	set("sslcert", c.SSLCert)
	set("sslkey", c.SSLKey)
	if c.ConnectTimeout != 0 {
		// libpq counts in whole seconds; less than one is rounded up, since 0 means to wait for ever.
		set("connect_timeout", strconv.FormatInt(int64((c.ConnectTimeout+time.Second-1)/time.Second), 10))
	}
	set(lockDatabase, c.LockDatabase)
	return values
}

// source is what messages call a setting that c itself gives.
func (c Config) source(libpq string) string {
	if flag := c.Flags[libpq]; flag != "" {
		return flag
	}
	return byLibpq(libpq).field
}

// nameIn says how a setting is given: in the provider, or where there are flags by one of them or by
// variables.
func nameIn(flags map[string]string, libpq string) string {
	p := byLibpq(libpq)
	if flags == nil {
		return p.field
	}
	names := slices.DeleteFunc([]string{flags[libpq], p.lockVar, p.pgVar}, func(name string) bool { return name == "" })
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return strings.Join(names, "")
}

func byLibpq(name string) parameter {
	for _, p := range parameters {
		if p.libpq == name {
			return p
		}
	}
	return parameter{libpq: name, field: name}
}

// layer is one place that settings come from. A URL and separate settings of one layer must agree.
type layer struct {
	urlSource string
	url       string
	values    map[string]value
}

// Resolve fills what c leaves empty, in this order: GROUNDWORK_POSTGRES_* variables,
// PULUMI_LOCK_DB_* variables, and then all that libpq reads by itself: PG* variables, a service, a
// password file. A URL stands for one server as a whole: below a layer that names a host it is not
// read. The environment is read through getenv; libpq's own variables are read by pgx from the
// environment of the process.
func (c Config) Resolve(getenv func(string) string) (Settings, error) {
	layers := []layer{
		{urlSource: "postgres_url", url: c.URL, values: c.values()},
		environment("GROUNDWORK_POSTGRES_URL", getenv, parameter.variable),
		environment("", getenv, func(p parameter) string { return p.lockVar }),
	}
	merged := map[string]value{}
	for _, l := range layers {
		_, named := merged["host"]
		values, err := l.merge(named)
		if err != nil {
			return Settings{}, err
		}
		for key, v := range values {
			if _, ok := merged[key]; !ok {
				merged[key] = v
			}
		}
	}
	if err := check(merged, c.Flags); err != nil {
		return Settings{}, err
	}
	return newSettings(merged, getenv, c.Flags)
}

func environment(urlVariable string, getenv func(string) string, name func(parameter) string) layer {
	l := layer{urlSource: urlVariable, values: map[string]value{}}
	if urlVariable != "" {
		l.url = getenv(urlVariable)
	}
	for _, p := range parameters {
		if variable := name(p); variable != "" {
			if text := getenv(variable); text != "" {
				l.values[p.libpq] = value{text: text, source: variable}
			}
		}
	}
	return l
}

// merge joins a layer's URL with its separate settings.
func (l layer) merge(hostIsNamed bool) (map[string]value, error) {
	if l.url == "" || (hostIsNamed && l.values["host"].text == "") {
		return l.values, nil
	}
	parts, err := parseURL(l.url)
	if err != nil {
		var ce *ConfigError
		if errors.As(err, &ce) {
			ce.Field = l.urlSource
		}
		return nil, err
	}
	for key, text := range parts {
		separate, both := l.values[key]
		if both && separate.text != text {
			return nil, l.conflict(key, text, separate)
		}
		if !both {
			l.values[key] = value{text: text, source: l.urlSource}
		}
	}
	return l.values, nil
}

func (l layer) conflict(key, inURL string, separate value) error {
	p := byLibpq(key)
	said := fmt.Sprintf("the URL says %q and %s says %q", inURL, separate.source, separate.text)
	if p.secret {
		said = "they are not the same"
	}
	return &ConfigError{Field: separate.source, Problem: fmt.Sprintf(
		"%s and %s both give the %s: %s; leave it out of one of them", l.urlSource, separate.source, label(key), said)}
}

// label is what a parameter is called in a sentence.
func label(libpq string) string {
	switch libpq {
	case "dbname":
		return "maintenance database"
	case lockDatabase:
		return "lock database"
	}
	return libpq
}

// check refuses values that cannot work before anything is connected to, and before pgx could
// repeat them.
func check(values map[string]value, flags map[string]string) error {
	for key, v := range values {
		if strings.ContainsRune(v.text, 0) {
			return &ConfigError{Field: v.source, Problem: "it holds a zero byte"}
		}
		problem := ""
		switch key {
		case "port":
			problem = checkPorts(v.text)
		case "connect_timeout":
			if n, err := strconv.ParseUint(v.text, 10, 31); err != nil || n == 0 {
				problem = fmt.Sprintf("%q is not a number of seconds above 0", v.text)
			}
		case "sslmode":
			switch v.text {
			case "disable", "allow", "prefer", "require", "verify-ca", "verify-full":
			default:
				problem = fmt.Sprintf("%q is none of disable, allow, prefer, require, verify-ca and verify-full", v.text)
			}
		case "dbname", lockDatabase:
			if err := CheckName("database", v.text); err != nil {
				problem = err.Error()
			}
		}
		if problem != "" {
			return &ConfigError{Field: v.source, Problem: problem}
		}
	}
	if _, cert := values["sslcert"]; cert {
		if _, key := values["sslkey"]; !key {
			return &ConfigError{Field: values["sslcert"].source, Problem: "a client certificate needs its key: set " + nameIn(flags, "sslkey") + " as well"}
		}
	} else if v, key := values["sslkey"]; key {
		return &ConfigError{Field: v.source, Problem: "a client key needs its certificate: set " + nameIn(flags, "sslcert") + " as well"}
	}
	return nil
}

func checkPorts(text string) string {
	for port := range strings.SplitSeq(text, ",") {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return fmt.Sprintf("%q is not a port between 1 and 65535", port)
		}
	}
	return ""
}

// describe writes settings without secrets.
func describe(values map[string]value) string {
	var b strings.Builder
	for _, p := range parameters {
		v, ok := values[p.libpq]
		switch {
		case !ok:
			continue
		case p.secret:
			v.text = "(secret)"
		case p.mayBePEM && isPEM(v.text):
			v.text = "(PEM)"
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", p.libpq, v.text)
	}
	return b.String()
}

func isPEM(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN ") }
