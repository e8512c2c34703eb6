package pglock

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/postgres"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWaysIn(t *testing.T) {
	server := testenv.Postgres(t)
	plain := testenv.PostgresRole(t, server, "")
	tlsRole := testenv.PostgresRole(t, server, "IN ROLE groundwork_tls")
	certRole := testenv.PostgresRole(t, server, "IN ROLE groundwork_cert")
	certOnly := testenv.PostgresRole(t, server, "IN ROLE groundwork_cert_only")
	certFile, keyFile, err := server.ClientCert(certRole.Name)
	if err != nil {
		t.Fatal(err)
	}
	onlyCert, onlyKey, err := server.ClientCert(certOnly.Name)
	if err != nil {
		t.Fatal(err)
	}
	pem := func(path string) string { return readFile(t, path) }

	tests := map[string]struct {
		role                postgres.Role
		change              func(*Config)
		encrypted, verified bool
	}{
		"disable":                  {role: plain, change: func(c *Config) { c.SSLMode = "disable" }},
		"allow":                    {role: plain, change: func(c *Config) { c.SSLMode = "allow" }},
		"allow, where TLS must be": {role: tlsRole, change: func(c *Config) { c.SSLMode = "allow" }, encrypted: true},
		"prefer":                   {role: plain, change: func(c *Config) { c.SSLMode = "prefer" }, encrypted: true},
		"nothing said":             {role: plain, change: func(c *Config) { c.SSLMode = "" }, encrypted: true},
		"require":                  {role: tlsRole, change: func(c *Config) { c.SSLMode = "require" }, encrypted: true},
		"require with authority":   {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "require", server.CAFile }, encrypted: true, verified: true},
		"require, authority text":  {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "require", pem(server.CAFile) }, encrypted: true, verified: true},
		"verify-ca":                {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-ca", server.CAFile }, encrypted: true, verified: true},
		"verify-ca, by text":       {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-ca", pem(server.CAFile) }, encrypted: true, verified: true},
		"verify-full":              {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-full", server.CAFile }, encrypted: true, verified: true},
		"verify-full, by text":     {role: tlsRole, change: func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-full", pem(server.CAFile) }, encrypted: true, verified: true},
		"localhost":                {role: tlsRole, change: func(c *Config) { c.Host, c.SSLMode, c.SSLRootCert = "localhost", "verify-full", server.CAFile }, encrypted: true, verified: true},
		"IPv6":                     {role: tlsRole, change: func(c *Config) { c.Host, c.SSLMode, c.SSLRootCert = "::1", "verify-full", server.CAFile }, encrypted: true, verified: true},
		"the second of two hosts": {role: plain, change: func(c *Config) {
			c.Host = "127.0.0.1," + c.Host
			c.Port = 0
			c.URL = "postgres:///?port=1," + port(server)
		}},
		"a socket": {role: plain, change: func(c *Config) { c.Host, c.SSLMode = server.SocketDir, "verify-full" }},
		"client certificate": {role: certRole, change: func(c *Config) {
			c.SSLMode, c.SSLRootCert, c.SSLCert, c.SSLKey = "verify-full", server.CAFile, certFile, keyFile
		}, encrypted: true, verified: true},
		"client certificate, by text": {role: certRole, change: func(c *Config) {
			c.SSLMode, c.SSLRootCert, c.SSLCert, c.SSLKey = "verify-full", pem(server.CAFile), pem(certFile), pem(keyFile)
		}, encrypted: true, verified: true},
		"client certificate, half by text": {role: certRole, change: func(c *Config) {
			c.SSLMode, c.SSLCert, c.SSLKey = "require", certFile, pem(keyFile)
		}, encrypted: true},
		"client certificate and no password": {role: postgres.Role{Name: certOnly.Name}, change: func(c *Config) {
			c.SSLMode, c.SSLCert, c.SSLKey = "require", onlyCert, onlyKey
		}, encrypted: true},
	}
	if !server.HasIPv6 {
		t.Error("this machine has no IPv6 loopback address (::1), so connections over IPv6 cannot be tested: enable it")
		delete(tests, "IPv6")
	}
	if runtime.GOOS == "windows" {
		delete(tests, "a socket") // the server has none there
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			config := configFor(server, tc.role)
			tc.change(&config)
			db := connect(t, newClient(t, config), "")
			info := db.Server()
			if info.Encrypted != tc.encrypted || info.Verified != tc.verified || !info.Local || info.Version < 130000 {
				t.Errorf("unexpected %+v", info)
			}
			var user, application string
			row := db.pool.QueryRow(t.Context(), "SELECT current_user::text, current_setting('application_name')")
			if err := row.Scan(&user, &application); err != nil || user != tc.role.Name || !strings.HasPrefix(application, "groundwork ") {
				t.Errorf("connected as %q with %q: %v", user, application, err)
			}
		})
	}
}

func port(server *postgres.Server) string {
	_, port, _ := net.SplitHostPort(server.Addr())
	return port
}

// Certificates that are given as text are not mixed with files that libpq's variables name.
func TestTextOutranksFilesOfTheEnvironment(t *testing.T) {
	server := testenv.Postgres(t)
	role := testenv.PostgresRole(t, server, "IN ROLE groundwork_cert")
	certFile, keyFile, err := server.ClientCert(role.Name)
	if err != nil {
		t.Fatal(err)
	}
	config := configFor(server, role)
	config.SSLMode, config.SSLRootCert = "verify-full", readFile(t, server.CAFile)
	config.SSLCert, config.SSLKey = readFile(t, certFile), readFile(t, keyFile)
	for _, name := range []string{"PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"} {
		t.Setenv(name, "/no/such/file")
	}
	if info := connect(t, newClient(t, config), "").Server(); !info.Verified {
		t.Errorf("unexpected %+v", info)
	}
}

// Each way in which a connection fails has a kind, names where it went and as whom, and says what to
// do; none repeats the password.
func TestConnectionsThatFail(t *testing.T) {
	server := testenv.Postgres(t)
	noTLS := testenv.StartPostgres(t, postgres.Options{NoTLS: true, Settings: []string{"max_connections = 5", "superuser_reserved_connections = 1"}})
	otherHost := testenv.StartPostgres(t, postgres.Options{OtherHost: true})
	plain := testenv.PostgresRole(t, server, "")
	tlsRole := testenv.PostgresRole(t, server, "IN ROLE groundwork_tls")
	certRole := testenv.PostgresRole(t, server, "IN ROLE groundwork_cert")
	banned := testenv.PostgresRole(t, server, "IN ROLE groundwork_banned")
	locked := testenv.PostgresRole(t, server, "")
	sql(t, server, "postgres", "ALTER ROLE "+ident(locked.Name)+" NOLOGIN")
	private := testenv.PostgresDatabase(t, server, "postgres")
	sql(t, server, "postgres", "REVOKE CONNECT ON DATABASE "+ident(private)+" FROM PUBLIC")
	other, err := certs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	otherCert, otherKey, err := other.Client(certRole.Name)
	if err != nil {
		t.Fatal(err)
	}
	wrongName, wrongKey, err := server.ClientCert(plain.Name)
	if err != nil {
		t.Fatal(err)
	}
	with := func(role postgres.Role, change func(*Config)) Config {
		config := configFor(server, role)
		change(&config)
		return config
	}
	stalled := testenv.TCPProxy(t, server.Addr())
	stalled.Stall()
	gone := testenv.TCPProxy(t, server.Addr())
	closed := testenv.TCPProxy(t, server.Addr())
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}

	tests := map[string]struct {
		config   Config
		database string
		kind     error
		code     string
		hint     string
	}{
		"refused":             {config: with(plain, func(c *Config) { c.Port = closed.Port() }), kind: ErrRefused, hint: "(from postgres_port)"},
		"no socket":           {config: with(plain, func(c *Config) { c.Host = t.TempDir() }), kind: ErrRefused, hint: "Nothing listens"},
		"unknown host":        {config: with(plain, func(c *Config) { c.Host = "no..such.host" }), kind: ErrUnknownHost, hint: "no..such.host (from postgres_host)"},
		"timeout":             {config: with(plain, func(c *Config) { c.Port, c.ConnectTimeout = stalled.Port(), time.Second }), kind: ErrTimeout, hint: "allowed addresses"},
		"timeout within TLS":  {config: with(plain, func(c *Config) { c.Port, c.ConnectTimeout, c.SSLMode = stalled.Port(), time.Second, "require" }), kind: ErrTimeout, hint: "allowed addresses"},
		"wrong password":      {config: with(plain, func(c *Config) { c.Password = secret }), kind: ErrPassword, code: "28P01", hint: "(from postgres_password)"},
		"no password":         {config: with(plain, func(c *Config) { c.Password = "" }), kind: ErrPassword, code: "28P01", hint: "password file"},
		"unknown user":        {config: with(plain, func(c *Config) { c.User = "nobody here" }), kind: ErrPassword, code: "28P01", hint: "no such user"},
		"wrong by TLS":        {config: with(plain, func(c *Config) { c.Password, c.SSLMode = secret, "prefer" }), kind: ErrPassword, code: "28P01", hint: "(from postgres_user)"},
		"unknown database":    {config: with(plain, func(*Config) {}), database: "No Such", kind: ErrNotFound, code: "3D000", hint: `no database "No Such". Check the name`},
		"unknown maintenance": {config: with(plain, func(c *Config) { c.MaintenanceDatabase = "No Such" }), kind: ErrNotFound, code: "3D000", hint: "(from postgres_maintenance_database)"},
		"no right to connect": {config: with(plain, func(*Config) {}), database: private, kind: ErrDenied, code: "42501", hint: "GRANT CONNECT ON DATABASE"},
		"banned":              {config: with(banned, func(*Config) {}), kind: ErrNotAdmitted, code: "28000", hint: "pg_hba.conf"},
		"may not log in":      {config: with(locked, func(*Config) {}), kind: ErrNotAdmitted, code: "28000", hint: "pg_hba.conf"},
		"TLS required":        {config: with(tlsRole, func(*Config) {}), kind: ErrNotAdmitted, code: "28000", hint: "postgres_sslmode"},
		"TLS not offered":     {config: func() Config { c := admin(noTLS); c.SSLMode = "require"; return c }(), kind: ErrNoTLS, hint: "sslmode (from postgres_sslmode)"},
		"verify without TLS":  {config: func() Config { c := admin(noTLS); c.SSLMode = "verify-full"; return c }(), kind: ErrNoTLS, hint: "Turn TLS on"},
		"wrong authority":     {config: with(plain, func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-full", other.CAFile }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"wrong, by text":      {config: with(plain, func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-full", readFile(t, other.CAFile) }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"wrong, verify-ca":    {config: with(plain, func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-ca", other.CAFile }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"wrong, ca by text":   {config: with(plain, func(c *Config) { c.SSLMode, c.SSLRootCert = "verify-ca", readFile(t, other.CAFile) }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"wrong, require":      {config: with(plain, func(c *Config) { c.SSLMode, c.SSLRootCert = "require", readFile(t, other.CAFile) }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"no authority":        {config: with(plain, func(c *Config) { c.SSLMode = "verify-full" }), kind: ErrUnknownAuthority, hint: "(from the default)"},
		"localhost, wrong":    {config: with(plain, func(c *Config) { c.Host, c.SSLMode, c.SSLRootCert = "localhost", "verify-full", other.CAFile }), kind: ErrUnknownAuthority, hint: "postgres_sslrootcert"},
		"another host": {config: func() Config {
			c := admin(otherHost)
			c.SSLMode, c.SSLRootCert = "verify-full", otherHost.CAFile
			return c
		}(), kind: ErrHostMismatch, hint: "verify-ca"},
		"no client certificate": {config: with(certRole, func(c *Config) { c.SSLMode = "require" }), kind: ErrNotAdmitted, code: "28000", hint: "postgres_sslcert"},
		"client certificate of another authority": {
			config: with(certRole, func(c *Config) { c.SSLMode, c.SSLCert, c.SSLKey = "require", otherCert, otherKey }), kind: ErrClientCertificate, hint: "signed by another authority",
		},
		"client certificate of somebody else": {
			config: with(certRole, func(c *Config) { c.SSLMode, c.SSLCert, c.SSLKey = "require", wrongName, wrongKey }), kind: ErrPassword, code: "28P01", hint: "Check the user",
		},
		"cut off with a certificate": {
			config: with(certRole, func(c *Config) {
				c.Port, c.SSLMode, c.SSLCert, c.SSLKey = gone.Port(), "require", otherCert, otherKey
			}), kind: ErrLost, hint: "may not take the client's certificate",
		},
		"cut off while logging in": {config: with(plain, func(c *Config) { c.Port = gone.Port() }), kind: ErrLost, hint: "repeat the command"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			gone.Reset()
			gone.CutBefore(2)
			client := newClient(t, tc.config)
			db, err := client.Connect(t.Context(), tc.database)
			// Since TLS 1.3 a server refuses a client's certificate after the client has begun to talk, and the
			// reset that follows may outrun its words.
			for tries := 1; tries < 20 && errors.Is(tc.kind, ErrClientCertificate) && errors.Is(err, ErrLost); tries++ {
				db, err = client.Connect(t.Context(), tc.database)
			}
			if err == nil {
				db.Close()
				t.Fatal("it connected")
			}
			var call *CallError
			if !errors.As(err, &call) || !errors.Is(err, tc.kind) {
				t.Fatalf("got %v (%T), want %v", err, err, tc.kind)
			}
			if call.Code != tc.code {
				t.Errorf("SQLSTATE %q, want %q", call.Code, tc.code)
			}
			for _, part := range []string{"connect", call.Host, call.Port, call.Database, call.User} {
				if part == "" || !strings.Contains(err.Error(), part) {
					t.Errorf("it does not name %q: %v", part, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("it is more than a line: %q", err)
			}
			wantHint(t, err, tc.hint, tc.config.Password)
		})
	}
	t.Run("too many connections", func(t *testing.T) { tooMany(t, noTLS) })
	t.Run("interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, configFor(server, plain)).Connect(ctx, "")
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrTimeout) || Hint(err) != "" {
			t.Errorf("got %v with the hint %q", err, Hint(err))
		}
	})
}

func tooMany(t *testing.T, server *postgres.Server) {
	role := testenv.PostgresRole(t, server, "")
	client := newClient(t, configFor(server, role))
	for range 10 {
		db, err := client.Connect(t.Context(), "")
		if err != nil {
			if !errors.Is(err, ErrTooManyConnections) {
				t.Fatalf("got %v", err)
			}
			wantHint(t, err, "pg_stat_activity", role.Password)
			return
		}
		defer db.Close()
	}
	t.Error("the server has place for everybody")
}

// A server that is starting is waited for; one that does not come is reported.
func TestConnectWaitsForAServerThatStarts(t *testing.T) {
	fake := startingServer(t, 3)
	config := Config{Host: "127.0.0.1", Port: fake.port(), User: "u", Password: secret, SSLMode: "disable", ConnectTimeout: 5 * time.Second}
	_, err := newClient(t, config).Connect(t.Context(), "")
	if !errors.Is(err, ErrPassword) || fake.greeted() != 4 {
		t.Errorf("after %d tries: %v", fake.greeted(), err)
	}
	fake = startingServer(t, 1000)
	config.Port, config.ConnectTimeout = fake.port(), time.Second
	_, err = newClient(t, config).Connect(t.Context(), "")
	if !errors.Is(err, ErrNotReady) || fake.greeted() < 2 {
		t.Errorf("after %d tries: %v", fake.greeted(), err)
	}
	wantHint(t, err, "failing over", secret)
}

func TestPoolIsSmallAndCloses(t *testing.T) {
	server, role, database := owner(t)
	client := newClient(t, configFor(server, role))
	db := connect(t, client, database)
	errs := make(chan error)
	const callers = 12
	for range callers {
		go func() {
			_, err := db.pool.Exec(t.Context(), "SELECT pg_sleep(0.05)")
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := db.pool.Stat().TotalConns(); n > maxConns {
		t.Errorf("%d connections, want at most %d", n, maxConns)
	}
	db.Close()
	const left = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = $1"
	limit := time.After(30 * time.Second)
	for query(t, server, "postgres", left, client.application)[0] != "0" {
		select {
		case <-limit:
			t.Fatal("connections stay open after Close")
		case <-time.After(10 * time.Millisecond):
		}
	}
	db.Close() // once more does no harm
}

func TestApplicationName(t *testing.T) {
	server, role, _ := owner(t)
	config := configFor(server, role)
	config.URL = "postgres:///?application_name=" + strings.Repeat("x", 80)
	client := newClient(t, config)
	if !strings.HasPrefix(client.application, "xxx") || len(client.application) != MaxName {
		t.Errorf("unexpected %q", client.application)
	}
	if other := newClient(t, config); other.application == client.application {
		t.Error("two clients are not told apart")
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]int{
		"15.18 (Debian 15.18-0+deb12u1)": 150018, "16.2": 160002, "18beta1": 180000, "13.0": 130000, "": 0, "x": 0, "17rc1 (x)": 170000,
	} {
		if got := parseVersion(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}
