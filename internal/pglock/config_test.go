package pglock

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const secret = "S3cret-that-nothing-repeats"

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// resolved is what a connection would use.
type resolved struct {
	Host     string
	Port     uint16
	User     string
	Password string
	Database string
	Timeout  time.Duration
	TLS      bool
}

func resolve(c Config, env map[string]string) (resolved, Settings, error) {
	s, err := c.Resolve(getenv(env))
	if err != nil {
		return resolved{}, s, err
	}
	cfg, err := s.connConfig("")
	if err != nil {
		return resolved{}, s, err
	}
	return resolved{cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database, cfg.ConnectTimeout, cfg.TLSConfig != nil}, s, nil
}

func TestResolve(t *testing.T) {
	base := resolved{Host: "db", Port: 5432, User: "u", Password: "p", Database: "postgres", Timeout: DefaultConnectTimeout, TLS: true}
	with := func(change func(*resolved)) resolved { r := base; change(&r); return r }
	tests := map[string]struct {
		config Config
		env    map[string]string
		want   resolved
	}{
		"settings": {config: Config{Host: "db", User: "u", Password: "p"}, want: base},
		"all settings": {
			config: Config{Host: "db", Port: 17063, User: "u", Password: "p", MaintenanceDatabase: "rdb", SSLMode: "disable", ConnectTimeout: 1500 * time.Millisecond},
			want:   resolved{Host: "db", Port: 17063, User: "u", Password: "p", Database: "rdb", Timeout: 2 * time.Second},
		},
		"URL": {config: Config{URL: "postgres://u:p@db"}, want: base},
		"URL with everything": {
			config: Config{URL: "postgresql://u:p@db:17063/rdb?sslmode=disable&connect_timeout=3&keepalives_idle=2"},
			want:   resolved{Host: "db", Port: 17063, User: "u", Password: "p", Database: "rdb", Timeout: 3 * time.Second},
		},
		"URL with a password beside it":  {config: Config{URL: "postgres://u@db", Password: "p"}, want: base},
		"URL and the same settings":      {config: Config{URL: "postgres://u:p@db:5432/postgres", Host: "db", Port: 5432, User: "u", Password: "p", MaintenanceDatabase: "postgres"}, want: base},
		"IPv6":                           {config: Config{Host: "::1", User: "u", Password: "p"}, want: with(func(r *resolved) { r.Host = "::1" })},
		"IPv6 in a URL":                  {config: Config{URL: "postgres://u:p@[2001:db8::1]:6432"}, want: with(func(r *resolved) { r.Host, r.Port = "2001:db8::1", 6432 })},
		"a socket":                       {config: Config{Host: "/run/pg", User: "u", Password: "p"}, want: with(func(r *resolved) { r.Host, r.TLS = "/run/pg", false })},
		"a socket in a URL":              {config: Config{URL: "postgres://u:p@/?host=/run/pg"}, want: with(func(r *resolved) { r.Host, r.TLS = "/run/pg", false })},
		"a socket, encoded":              {config: Config{URL: "postgres://u:p@%2Frun%2Fpg"}, want: with(func(r *resolved) { r.Host, r.TLS = "/run/pg", false })},
		"an encoded password":            {config: Config{URL: "postgres://u:a%40b%2Fc%3Ad%25@db"}, want: with(func(r *resolved) { r.Password = "a@b/c:d%" })},
		"a password with odd characters": {config: Config{URL: "postgres://u:a?b#c[d]&e=f g@db"}, want: with(func(r *resolved) { r.Password = "a?b#c[d]&e=f g" })},
		"quotes and backslashes":         {config: Config{Host: "db", User: `o'b\r`, Password: `'\`, MaintenanceDatabase: `a 'b' \c`}, want: with(func(r *resolved) { r.User, r.Password, r.Database = `o'b\r`, `'\`, `a 'b' \c` })},
		"several hosts":                  {config: Config{URL: "postgres://u:p@db:1,other:2"}, want: with(func(r *resolved) { r.Port = 1 })},
		"variables of groundwork":        {env: map[string]string{"GROUNDWORK_POSTGRES_HOST": "db", "GROUNDWORK_POSTGRES_USER": "u", "GROUNDWORK_POSTGRES_PASSWORD": "p"}, want: base},
		"URL of groundwork's":            {env: map[string]string{"GROUNDWORK_POSTGRES_URL": "postgres://u:p@db"}, want: base},
		"variables of the lock": {
			env:  map[string]string{"PULUMI_LOCK_DB_HOST": "db", "PULUMI_LOCK_DB_PORT": "5432", "PULUMI_LOCK_DB_USER": "u", "PULUMI_LOCK_DB_PASSWORD": "p", "PULUMI_LOCK_DB_NAME": "locks"},
			want: base,
		},
		"configuration before groundwork's before the lock's": {
			config: Config{Host: "db"},
			env: map[string]string{
				"GROUNDWORK_POSTGRES_HOST": "no", "GROUNDWORK_POSTGRES_USER": "u",
				"PULUMI_LOCK_DB_HOST": "no", "PULUMI_LOCK_DB_USER": "no", "PULUMI_LOCK_DB_PASSWORD": "p",
			},
			want: base,
		},
		"a URL for another host is not read": {
			config: Config{Host: "db", User: "u", Password: "p"},
			env:    map[string]string{"GROUNDWORK_POSTGRES_URL": "postgres://no:no@no:1/no"},
			want:   base,
		},
		"not even when it is broken": {
			config: Config{URL: "postgres://u:p@db"}, env: map[string]string{"GROUNDWORK_POSTGRES_URL": "nonsense"}, want: base,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, _, err := resolve(tc.config, tc.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveReadsWhatLibpqReads(t *testing.T) {
	dir := t.TempDir()
	passfile, service := filepath.Join(dir, "pgpass"), filepath.Join(dir, "service.conf")
	write(t, passfile, "db:5432:locks:u:from the file\n*:*:*:*:any\n")
	write(t, service, "[locks]\nhost=db\nport=6432\nuser=u\ndbname=maintenance\n")
	tests := map[string]struct {
		config  Config
		env     map[string]string
		want    resolved
		sources map[string]string
	}{
		"variables": {
			env:     map[string]string{"PGHOST": "db", "PGPORT": "6432", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "d", "PGSSLMODE": "disable", "PGCONNECT_TIMEOUT": "4"},
			want:    resolved{Host: "db", Port: 6432, User: "u", Password: "p", Database: "d", Timeout: 4 * time.Second},
			sources: map[string]string{"host": "PGHOST", "password": "PGPASSWORD", "sslrootcert": "the default"},
		},
		"below everything else": {
			config:  Config{Host: "db", Port: 5432, User: "u", Password: "p", SSLMode: "disable", ConnectTimeout: time.Second, MaintenanceDatabase: "d"},
			env:     map[string]string{"PGHOST": "no", "PGPORT": "1", "PGUSER": "no", "PGPASSWORD": "no", "PGDATABASE": "no", "PGSSLMODE": "nonsense", "PGCONNECT_TIMEOUT": "9"},
			want:    resolved{Host: "db", Port: 5432, User: "u", Password: "p", Database: "d", Timeout: time.Second},
			sources: map[string]string{"host": "postgres_host", "password": "postgres_password"},
		},
		"a password file": {
			config:  Config{Host: "db", User: "u", MaintenanceDatabase: "locks", SSLMode: "disable"},
			env:     map[string]string{"PGPASSFILE": passfile},
			want:    resolved{Host: "db", Port: 5432, User: "u", Password: "from the file", Database: "locks", Timeout: DefaultConnectTimeout},
			sources: map[string]string{"password": "PGPASSFILE (" + passfile + ")"},
		},
		"a service": {
			env:     map[string]string{"PGSERVICE": "locks", "PGSERVICEFILE": service, "PGSSLMODE": "disable", "PGPASSWORD": "p"},
			want:    resolved{Host: "db", Port: 6432, User: "u", Password: "p", Database: "maintenance", Timeout: DefaultConnectTimeout},
			sources: map[string]string{"host": "the PostgreSQL service file", "user": "the PostgreSQL service file"},
		},
		"a service in a URL": {
			config: Config{URL: "postgres://:6432/?service=locks&servicefile=" + service + "&sslmode=disable", Password: "p"},
			want:   resolved{Host: "db", Port: 6432, User: "u", Password: "p", Database: "maintenance", Timeout: DefaultConnectTimeout},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			got, settings, err := resolve(tc.config, tc.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			for key, want := range tc.sources {
				if got := settings.source(key, tc.want.Database); got != want {
					t.Errorf("%s comes from %q, want %q", key, got, want)
				}
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := map[string]struct {
		config Config
		env    map[string]string
		field  string
		says   []string
	}{
		"host twice":              {config: Config{URL: "postgres://a", Host: "b"}, field: "postgres_host", says: []string{"postgres_url", "postgres_host", `"a"`, `"b"`}},
		"port twice":              {config: Config{URL: "postgres://a:1", Port: 2}, field: "postgres_port", says: []string{"postgres_url"}},
		"database twice":          {config: Config{URL: "postgres://a/x", MaintenanceDatabase: "y"}, field: "postgres_maintenance_database", says: []string{"postgres_url", "maintenance database"}},
		"password twice":          {config: Config{URL: "postgres://u:" + secret + "@a", Password: secret + "2"}, field: "postgres_password", says: []string{"postgres_url", "not the same"}},
		"sslmode twice":           {config: Config{URL: "postgres://a?sslmode=require", SSLMode: "disable"}, field: "postgres_sslmode", says: []string{"postgres_url"}},
		"user twice in variables": {env: map[string]string{"GROUNDWORK_POSTGRES_URL": "postgres://u@a", "GROUNDWORK_POSTGRES_USER": "v"}, field: "GROUNDWORK_POSTGRES_USER", says: []string{"GROUNDWORK_POSTGRES_URL"}},
		"no URL":                  {config: Config{URL: "host=a password=" + secret}, field: "postgres_url", says: []string{"no URL"}},
		"another scheme":          {config: Config{URL: "mysql://u:" + secret + "@a"}, field: "postgres_url", says: []string{"no URL"}},
		"a broken variable":       {env: map[string]string{"GROUNDWORK_POSTGRES_URL": secret}, field: "GROUNDWORK_POSTGRES_URL", says: []string{"no URL"}},
		"a slash in the password": {config: Config{URL: "postgres://u:" + secret + "/x@a/b"}, field: "postgres_url", says: []string{"%2F"}},
		"a number and a slash":    {config: Config{URL: "postgres://u:12/" + secret + "@a/b"}, field: "postgres_url", says: []string{"%2F"}},
		"an @ in the password":    {config: Config{URL: "postgres://u:x@" + secret + "@a/b"}, field: "postgres_url", says: []string{"%40"}},
		"no @":                    {config: Config{URL: "postgres://u:" + secret}, field: "postgres_url", says: []string{"port"}},
		"a bad %":                 {config: Config{URL: "postgres://u:" + secret + "%zz@a"}, field: "postgres_url", says: []string{"%25"}},
		"a zero byte":             {config: Config{URL: "postgres://u:" + secret + "%00@a"}, field: "postgres_url", says: []string{"password"}},
		"an unknown parameter":    {config: Config{URL: "postgres://a?search_path=x"}, field: "postgres_url", says: []string{"search_path"}},
		"a parameter that is a secret": {
			config: Config{URL: "postgres://a?" + secret + "=x"}, field: "postgres_url", says: []string{"parameter"},
		},
		"a parameter without a value": {config: Config{URL: "postgres://a?" + secret}, field: "postgres_url", says: []string{"without a value"}},
		"a parameter twice":           {config: Config{URL: "postgres://a/b?dbname=c"}, field: "postgres_url", says: []string{"twice"}},
		"IPv6 without brackets":       {config: Config{URL: "postgres://::1/x"}, field: "postgres_url", says: []string{"brackets"}},
		"half a bracket":              {config: Config{URL: "postgres://[::1/x"}, field: "postgres_url", says: []string{"brackets"}},
		"a port that is none":         {config: Config{Host: "a", Port: 70000}, field: "postgres_port", says: []string{"70000"}},
		"a port of letters":           {env: map[string]string{"PULUMI_LOCK_DB_PORT": "x"}, field: "PULUMI_LOCK_DB_PORT", says: []string{"between 1 and 65535"}},
		"an sslmode that is none":     {config: Config{SSLMode: "yes"}, field: "postgres_sslmode", says: []string{"verify-full"}},
		"a timeout of nothing":        {env: map[string]string{"GROUNDWORK_POSTGRES_CONNECT_TIMEOUT": "0"}, field: "GROUNDWORK_POSTGRES_CONNECT_TIMEOUT", says: []string{"above 0"}},
		"a long database name":        {config: Config{MaintenanceDatabase: strings.Repeat("x", 64)}, field: "postgres_maintenance_database", says: []string{"64 bytes"}},
		"a certificate without a key": {config: Config{SSLCert: "x"}, field: "postgres_sslcert", says: []string{"postgres_sslkey"}},
		"a key without a certificate": {config: Config{SSLKey: "x"}, field: "postgres_sslkey", says: []string{"postgres_sslcert"}},
		"no such authority":           {config: Config{Host: "a", SSLMode: "verify-full", SSLRootCert: "/no/such/ca.pem"}, field: "the PostgreSQL settings", says: []string{"/no/such/ca.pem"}},
		"an authority of nonsense":    {config: Config{Host: "a", SSLRootCert: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, field: "postgres_sslrootcert", says: []string{"no certificate"}},
		"a key of nonsense":           {config: Config{Host: "a", SSLCert: "-----BEGIN CERTIFICATE-----", SSLKey: "-----BEGIN PRIVATE KEY-----" + secret}, field: "postgres_sslkey", says: []string{"pair"}},
		"a key that is not there":     {config: Config{Host: "a", SSLCert: "-----BEGIN CERTIFICATE-----", SSLKey: "/no/such/key"}, field: "postgres_sslkey", says: []string{"/no/such/key"}},
		"odd hosts and ports":         {config: Config{URL: "postgres://u:" + secret + "@a:1,b:2,c"}, field: "", says: nil},
		"a wrong target_session_attrs": {
			config: Config{URL: "postgres://u:" + secret + "@a?target_session_attrs=first"}, field: "the PostgreSQL settings", says: []string{"first"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tc.config.Resolve(getenv(tc.env))
			if tc.field == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var ce *ConfigError
			if !errors.As(err, &ce) || !IsConfigError(err) {
				t.Fatalf("got %v, want a ConfigError", err)
			}
			if ce.Field != tc.field {
				t.Errorf("it is about %q, want %q: %v", ce.Field, tc.field, err)
			}
			for _, text := range tc.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it does not say %q: %v", text, err)
				}
			}
			noSecret(t, err, secret)
		})
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	config := Config{
		URL: "postgres://u:" + secret + "@db?sslpassword=" + secret, Host: "db", Password: secret,
		SSLMode: "disable",
	}
	settings, err := config.Resolve(noEnvironment)
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	config.SSLKey = "-----BEGIN PRIVATE KEY-----" + secret
	for _, value := range []any{config, &config, settings, &settings, client, *client, []any{*client, struct{ s Settings }{settings}}, client.Target(""), &DB{client: client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s of %T prints a secret: %s", verb, value, text)
			}
		}
		data, err := json.Marshal(value)
		if err == nil && strings.Contains(string(data), secret) {
			t.Errorf("the JSON of %T holds a secret: %s", value, data)
		}
	}
	if text := fmt.Sprint(config); !strings.Contains(text, "host=db") {
		t.Errorf("it does not print what is no secret: %q", text)
	}
}

func TestLockAndMaintenanceDatabase(t *testing.T) {
	settings, err := Config{Host: "db", User: "u"}.Resolve(getenv(map[string]string{"PULUMI_LOCK_DB_NAME": "locks"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := settings.LockDatabase(); got != "locks" {
		t.Errorf("the lock database is %q", got)
	}
	if got := settings.MaintenanceDatabase(); got != DefaultMaintenanceDatabase {
		t.Errorf("the maintenance database is %q", got)
	}
	client, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	want := Target{Host: "db", Port: "5432", Database: "some locks", User: "u"}
	if got := client.Target("some locks"); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What is written into a URL is what comes out of it, whatever it is.
func FuzzURLRoundTrip(f *testing.F) {
	f.Add("user", "pa/ss:wo@rd?#%", "db.example", 5432, "locks")
	f.Add("", "", "::1", 1, "")
	f.Add("ü", "'\\", "/run/pg", 65535, "a b")
	f.Fuzz(func(t *testing.T, user, password, host string, port int, database string) {
		want := map[string]string{"user": user, "password": password, "host": host, "dbname": database}
		maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
		port = max(port%65536, 1)
		want["port"] = fmt.Sprint(port)
		for _, v := range want {
			if strings.ContainsRune(v, 0) {
				return
			}
		}
		if strings.ContainsAny(host, ",[]") {
			return // a list, which has its own test
		}
		text := fmt.Sprintf("postgres://%s:%s@%s:%d/%s", escape(user), escape(password), escape(host), port, escape(database))
		got, err := parseURL(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	})
}

// escape writes every byte that is no letter or digit as %XX.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// A password in the middle of anything shows in no error, and not in what an error would call the
// target.
func FuzzResolveKeepsThePassword(f *testing.F) {
	f.Add("postgres://user:", "", "", "@host/db")
	f.Add("postgres://user:", "12/", "", "@host/db")
	f.Add("postgresql://", "u:1,", "?", "@[::1]:5432/db?sslmode=require")
	f.Add("postgres://u:p@host/db?password=", "", "", "&sslmode=x")
	f.Add("postgres://u:p@host/db?sslpassword=", "", "%", "&connect_timeout=x")
	f.Fuzz(func(t *testing.T, before, left, right, after string) {
		if strings.Contains(before+left+right+after, secret) {
			return
		}
		text := before + left + secret + right + after
		// Where it is no password, naming it is right: only what follows a colon before an @, or
		// stands in a password parameter, is one.
		if !strings.HasPrefix(before, "postgres://") && !strings.HasPrefix(before, "postgresql://") {
			return
		}
		_, rest, _ := strings.Cut(before+left, "://")
		user, _, colon := strings.Cut(rest, ":")
		if !colon || strings.ContainsAny(user, "/@?,[]") || strings.ContainsAny(rest[len(user):], "@[],") ||
			!strings.Contains(right+after, "@") || strings.ContainsAny(right, "[],") {
			return
		}
		settings, err := Config{URL: text}.Resolve(noEnvironment)
		if err != nil {
			noSecret(t, err, secret)
			return
		}
		client, err := New(settings)
		if err != nil {
			noSecret(t, err, secret)
			return
		}
		if target := client.Target("").String(); strings.Contains(target, secret) {
			t.Errorf("%q leads to %s", text, target)
		}
		if text := fmt.Sprintf("%+v %v", settings, client); strings.Contains(text, secret) {
			t.Errorf("printed: %s", text)
		}
	})
}

func FuzzResolve(f *testing.F) {
	f.Add("postgres://u:p@h:1/d?sslmode=require", "h", "1", "require")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, url, host, port, sslmode string) {
		settings, err := Config{URL: url}.Resolve(getenv(map[string]string{
			"GROUNDWORK_POSTGRES_HOST": host, "PULUMI_LOCK_DB_PORT": port, "GROUNDWORK_POSTGRES_SSLMODE": sslmode,
		}))
		if err != nil {
			if !IsConfigError(err) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if _, err := New(settings); err != nil {
			t.Errorf("what resolves makes no client: %v", err)
		}
	})
}
