package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// dial connects with parameters of libpq and returns whether the connection is encrypted.
func dial(ctx context.Context, role Role, format string, args ...any) (encrypted bool, err error) {
	cfg, err := pgx.ParseConfig(fmt.Sprintf(format, args...))
	if err != nil {
		return false, err
	}
	cfg.User, cfg.Password, cfg.Database = role.Name, role.Password, "postgres"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted)
	return encrypted, errors.Join(err, conn.Close(ctx))
}

func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

func TestWaysIn(t *testing.T) {
	s := start(t, Options{})
	role := func(attributes string) Role {
		t.Helper()
		r, err := s.CreateRole(t.Context(), "r"+strings.ToLower(password()[3:13]), attributes)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	plain, tls := role(""), role("IN ROLE groundwork_tls")
	cert, certOnly := role("IN ROLE groundwork_cert"), role("IN ROLE groundwork_cert_only")
	banned := role("IN ROLE groundwork_banned")
	with := func(r Role) string {
		t.Helper()
		certFile, keyFile, err := s.ClientCert(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(" sslcert=%s sslkey=%s", certFile, keyFile)
	}
	full := " sslmode=verify-full sslrootcert=" + s.CAFile
	tests := map[string]struct {
		role      Role
		params    string
		encrypted bool
		state     string
	}{
		"password":                          {role: plain, params: "host=127.0.0.1 sslmode=disable"},
		"password by TLS":                   {role: plain, params: "host=127.0.0.1" + full, encrypted: true},
		"localhost by TLS":                  {role: plain, params: "host=localhost" + full, encrypted: true},
		"wrong password":                    {role: Role{plain.Name, "no"}, params: "host=127.0.0.1 sslmode=disable", state: "28P01"},
		"TLS role without TLS":              {role: tls, params: "host=127.0.0.1 sslmode=disable", state: "28000"},
		"TLS role":                          {role: tls, params: "host=127.0.0.1 sslmode=require", encrypted: true},
		"certificate role without one":      {role: cert, params: "host=127.0.0.1 sslmode=require", state: "28000"},
		"certificate role":                  {role: cert, params: "host=127.0.0.1" + full + with(cert), encrypted: true},
		"certificate role, other name":      {role: cert, params: "host=127.0.0.1" + full + with(plain), state: "28P01"},
		"certificate alone, other name":     {role: Role{Name: certOnly.Name}, params: "host=127.0.0.1" + full + with(plain), state: "28000"},
		"certificate alone":                 {role: Role{Name: certOnly.Name}, params: "host=127.0.0.1" + full + with(certOnly), encrypted: true},
		"certificate alone, without one":    {role: certOnly, params: "host=127.0.0.1" + full, state: "28000"},
		"banned":                            {role: banned, params: "host=127.0.0.1 sslmode=disable", state: "28000"},
		"banned, over TLS":                  {role: banned, params: "host=127.0.0.1" + full, state: "28000"},
		"a role that nobody made over TLS":  {role: Role{"nobody here", "x"}, params: "host=127.0.0.1" + full, state: "28P01"},
		"a password that is somebody's own": {role: Role{plain.Name, tls.Password}, params: "host=127.0.0.1" + full, state: "28P01"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			encrypted, err := dial(t.Context(), tc.role, "%s port=%d", tc.params, s.Port)
			if got := sqlstate(err); got != tc.state || (err != nil && tc.state == "") {
				t.Errorf("got %q (%v), want %q", got, err, tc.state)
			}
			if encrypted != tc.encrypted {
				t.Errorf("encrypted is %v, want %v", encrypted, tc.encrypted)
			}
		})
	}
	otherWays(t, s, plain, full)
}

func otherWays(t *testing.T, s *Server, role Role, full string) {
	t.Helper()
	if listener, err := net.Listen("tcp", "[::1]:0"); (err == nil) != s.HasIPv6 {
		t.Errorf("HasIPv6 is %v, and listening on ::1 says %v", s.HasIPv6, err)
	} else if err == nil {
		_ = listener.Close()
		if encrypted, err := dial(t.Context(), role, "host=::1 port=%d%s", s.Port, full); err != nil || !encrypted {
			t.Errorf("over IPv6: %v, encrypted is %v", err, encrypted)
		}
	}
	if runtime.GOOS != "windows" {
		if _, err := dial(t.Context(), role, "host=%s port=%d", s.SocketDir, s.Port); err != nil {
			t.Errorf("by the socket: %v", err)
		}
	}
}

func TestCertificateForAnotherHost(t *testing.T) {
	s := start(t, Options{OtherHost: true, Settings: []string{"max_connections = 7"}})
	root := Role{Superuser, s.Password}
	if _, err := dial(t.Context(), root, "host=127.0.0.1 port=%d sslmode=verify-ca sslrootcert=%s", s.Port, s.CAFile); err != nil {
		t.Errorf("verify-ca: %v", err)
	}
	if _, err := dial(t.Context(), root, "host=localhost port=%d sslmode=verify-full sslrootcert=%s", s.Port, s.CAFile); err == nil {
		t.Error("verify-full takes a certificate for another host")
	}
	conn, err := s.Connect(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // a test client
	var most string
	if err := conn.QueryRow(t.Context(), "SHOW max_connections").Scan(&most); err != nil || most != "7" {
		t.Errorf("the setting has no effect: %q, %v", most, err)
	}
}

func TestRestartKeepsWhatIsStored(t *testing.T) {
	s := start(t, Options{NoTLS: true})
	if s.CAFile != "" {
		t.Errorf("a server without TLS has the authority %q", s.CAFile)
	}
	if _, _, err := s.ClientCert("x"); err == nil {
		t.Error("a server without TLS gives out client certificates")
	}
	if err := s.Exec(t.Context(), "postgres", "CREATE TABLE kept(); CREATE TABLE kept_too()"); err != nil {
		t.Fatal(err)
	}
	conn, err := s.Connect(t.Context(), "postgres") // a client that stays does not hold up the end
	if err != nil {
		t.Fatal(err)
	}
	port, pid := s.Port, s.PID()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection outlives its server")
	}
	if s.Port != port || s.PID() == pid {
		t.Errorf("port %d and process %d became %d and %d", port, pid, s.Port, s.PID())
	}
	if err := s.Exec(t.Context(), "postgres", "DROP TABLE kept, kept_too"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.Shutdown(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Exec(t.Context(), "postgres", "SELECT 1"); err == nil {
		t.Error("it still answers")
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	if strings.Contains(s.Log(), s.Password) {
		t.Error("its log repeats the password")
	}
}

func TestStartRepeatsWhatPostgresSays(t *testing.T) {
	_, err := Start(t.Context(), Options{Settings: []string{"no_such_setting = 1"}})
	if err == nil || !strings.Contains(err.Error(), "starting PostgreSQL") || !strings.Contains(err.Error(), "no_such_setting") {
		t.Fatalf("unexpected %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	folder := func(version string, programs ...string) string {
		t.Helper()
		bin := filepath.Join(dir, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, program := range programs {
			if err := os.WriteFile(filepath.Join(bin, program+suffix), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return bin
	}
	folder("9.6", "initdb", "postgres")
	ten := folder("10", "initdb", "postgres")
	folder("pgsql-11", "psql")
	pattern := []string{filepath.Join(dir, "*", "bin"), "[", filepath.Join(dir, "none")}
	if got, ok := newest(pattern); !ok || got != ten {
		t.Errorf("found %q, want %q: the newest that is complete", got, ten)
	}
	if got, ok := newest(pattern[1:]); ok {
		t.Errorf("found %q where nothing is", got)
	}
	t.Setenv(BinVariable, ten)
	if got, err := binDir(); err != nil || got != ten {
		t.Errorf("found %q, %v", got, err)
	}
	t.Setenv(BinVariable, dir)
	if _, err := binDir(); err == nil || !strings.Contains(err.Error(), BinVariable) {
		t.Errorf("a folder without the programs: %v", err)
	}
	if err := (&NotInstalledError{Searched: installed}).Error(); !strings.Contains(err, "install") {
		t.Errorf("it does not say what to install: %s", err)
	}
}
