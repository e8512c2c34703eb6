package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/certs"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/proc"
)

// Superuser is the name of the role that owns a server.
const Superuser = "postgres"

// Options say how a server differs from the default one.
type Options struct {
	// Settings are lines of postgresql.conf, such as "max_connections = 5".
	Settings []string
	// NoTLS leaves TLS out, so that the server answers a request for it with no.
	NoTLS bool
	// OtherHost gives the server a certificate for a host that nobody connects to.
	OtherHost bool
}

// Server is a running PostgreSQL.
type Server struct {
	// Host is 127.0.0.1; the server listens on ::1 too where the machine has it (HasIPv6).
	Host    string
	Port    int
	HasIPv6 bool
	// Password is that of Superuser.
	Password string
	// CAFile is the PEM file of the authority, empty without TLS.
	CAFile string
	// SocketDir is the folder of the Unix socket, empty on Windows.
	SocketDir string

	opts  Options
	bin   string
	dir   string
	certs *certs.Pair
	sys   *syscall.SysProcAttr
	give  func(paths ...string) error

	mu      sync.Mutex // over process, which Restart replaces
	process *proc.Process

	stopOnce sync.Once
	stopErr  error
}

// Start makes a server and waits until it answers. The context bounds that; the server runs until
// Stop.
func Start(ctx context.Context, opts Options) (*Server, error) {
	bin, err := binDir()
	if err != nil {
		return nil, err
	}
	sys, give, err := RunAs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "groundwork-pg-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for PostgreSQL: %w", err)
	}
	s := &Server{
		Host: "127.0.0.1", HasIPv6: hasIPv6(), Password: password(),
		opts: opts, bin: bin, dir: dir, sys: sys, give: give,
	}
	if runtime.GOOS != "windows" {
		s.SocketDir = dir
	}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) create(ctx context.Context) error {
	if err := s.give(s.dir); err != nil {
		return fmt.Errorf("giving %s to the user that PostgreSQL runs as: %w", s.dir, err)
	}
	if err := s.initdb(ctx); err != nil {
		return err
	}
	if !s.opts.NoTLS {
		if err := s.makeCertificates(); err != nil {
			return err
		}
	}
	if err := s.configure(); err != nil {
		return fmt.Errorf("configuring PostgreSQL: %w", err)
	}
	if err := s.launch(ctx); err != nil {
		return err
	}
	var roles strings.Builder
	for _, role := range groups {
		fmt.Fprintf(&roles, "CREATE ROLE %s NOLOGIN;", role)
	}
	if err := s.Exec(ctx, "postgres", roles.String()); err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

// password makes one that looks like nothing else, so that a test can search for it anywhere.
func password() string { return "pw-" + rand.Text() }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initdb(ctx context.Context) error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.Password), 0o600); err != nil {
		return fmt.Errorf("setting up PostgreSQL: %w", err)
	}
	if err := s.give(password); err != nil {
		return fmt.Errorf("setting up PostgreSQL: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), // #nosec G204 -- the program that was found
		"--pgdata", s.data(), "--username", Superuser, "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = s.dir, proc.CleanEnv(s.dir), s.sys
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running initdb of %s: %w\n%s", s.bin, err, out)
	}
	return os.Remove(password)
}

func (s *Server) makeCertificates() error {
	dir := filepath.Join(s.dir, "certs")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making certificates for PostgreSQL: %w", err)
	}
	issue := certs.New
	if s.opts.OtherHost {
		issue = func(dir string) (*certs.Pair, error) {
			return certs.NewFor(dir, []string{"db.other.example"}, nil)
		}
	}
	pair, err := issue(dir)
	if err != nil {
		return err
	}
	s.certs, s.CAFile = pair, pair.CAFile
	return s.give(dir, pair.CAFile, pair.CertFile, pair.KeyFile)
}

// groups are the roles that the access rules treat differently.
var groups = []string{"groundwork_tls", "groundwork_cert", "groundwork_cert_only", "groundwork_banned"}

func (s *Server) configure() error {
	lines := []string{
		"unix_socket_directories = " + quote(s.SocketDir),
		"fsync = off", "synchronous_commit = off", "full_page_writes = off",
		"wal_level = minimal", "max_wal_senders = 0", "shared_buffers = 16MB", "max_connections = 80",
		"jit = off", "password_encryption = 'scram-sha-256'",
		"log_min_messages = warning", "log_checkpoints = off",
	}
	var rules []string
	if s.certs != nil {
		lines = append(lines, "ssl = on", "ssl_cert_file = "+quote(s.certs.CertFile),
			"ssl_key_file = "+quote(s.certs.KeyFile), "ssl_ca_file = "+quote(s.certs.CAFile))
		rules = append(rules,
			"hostnossl all +groundwork_tls       all reject",
			"hostssl   all +groundwork_cert      all scram-sha-256 clientcert=verify-full",
			"hostnossl all +groundwork_cert      all reject",
			"hostssl   all +groundwork_cert_only all cert",
			"hostnossl all +groundwork_cert_only all reject")
	}
	rules = append(rules, "host all +groundwork_banned all reject", "host all all all scram-sha-256")
	if s.SocketDir != "" {
		rules = append(rules, "local all all scram-sha-256")
	}
	lines = append(lines, s.opts.Settings...)
	for name, content := range map[string][]string{"postgresql.auto.conf": lines, "pg_hba.conf": rules} {
		if err := os.WriteFile(filepath.Join(s.data(), name), []byte(strings.Join(content, "\n")+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil // the files were made by initdb, and stay its user's
}

// quote writes a value of postgresql.conf, where a backslash escapes.
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(value) + "'"
}

// launch starts the server, on the port that it had before if it ran before.
func (s *Server) launch(ctx context.Context) error {
	fixed := s.Port
	port := func(picked int) int {
		if fixed != 0 {
			return fixed
		}
		return picked
	}
	addresses := s.Host
	if s.HasIPv6 {
		addresses += ",::1"
	}
	server := proc.Server{
		Name: "PostgreSQL", Path: filepath.Join(s.bin, "postgres"), Dir: s.dir, Sys: s.sys,
		Env: proc.CleanEnv(s.dir, "LC_ALL=C"), Secrets: []string{s.Password},
		Args: func(picked int) []string {
			return []string{"-D", s.data(), "-p", strconv.Itoa(port(picked)), "-c", "listen_addresses=" + addresses}
		},
		Ready: func(ctx context.Context, picked int) error { return s.ready(ctx, port(picked)) },
	}
	process, err := server.Start(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = process
	if fixed == 0 {
		s.Port = process.Port()
	}
	return nil
}

// Addr returns host:port of the server.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// URL returns a connection URL for a role, without any parameter: sslmode is the client's choice.
func (s *Server) URL(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: s.Addr(), Path: "/" + database}
	return u.String()
}

// ClientCert makes a client certificate for a role and returns its PEM files.
func (s *Server) ClientCert(role string) (certFile, keyFile string, err error) {
	if s.certs == nil {
		return "", "", errors.New("a PostgreSQL server without TLS has no client certificates")
	}
	return s.certs.Client(role)
}

// Log returns the end of what the server printed.
func (s *Server) Log() string { return s.running().Log() }

// PID returns the process id of the server.
func (s *Server) PID() int { return s.running().PID() }

func (s *Server) running() *proc.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Shutdown ends the server and keeps what it stored; Restart brings it back. Clients are cut off.
func (s *Server) Shutdown() error {
	process := s.running()
	select {
	case <-process.Exited():
		return nil
	default:
	}
	// Asked politely, PostgreSQL waits for its clients to leave; interrupted, it does not.
	if err := s.interrupt(); err == nil {
		timer := time.NewTimer(10 * time.Second)
		defer timer.Stop()
		select {
		case <-process.Exited():
		case <-timer.C:
		}
	}
	return process.Stop()
}

// Restart ends the server if it runs and starts it again on the same port with what it stored.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Shutdown(); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Stop ends the server and removes everything it stored. It is safe to call more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { s.stopErr = errors.Join(s.Shutdown(), removeAll(s.dir)) })
	return s.stopErr
}

// removeAll tries again for a while: Windows keeps files in use for a moment after a process ends.
func removeAll(dir string) error {
	var err error
	for range 20 {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("removing what PostgreSQL stored: %w", err)
}

func hasIPv6() bool {
	listener, err := net.Listen("tcp", "[::1]:0") //nolint:noctx // binding does not block
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}
