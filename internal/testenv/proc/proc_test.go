package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the server: with roleVariable set it plays one instead of testing.
const roleVariable = "GROUNDWORK_PROC_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func play(role, port string) error {
	switch role {
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		return serve(port)
	case "serve":
		return serve(port)
	case "hang":
		fmt.Println("hanging")
		select {}
	case "deaf":
		if err := serve(port); err == nil || !strings.Contains(err.Error(), "bind") {
			return err
		}
		fmt.Println("unable to listen")
		select {}
	case "parent":
		return playParent()
	case "watcher":
		return playWatcher()
	default:
		return fmt.Errorf("no such role: %s, and the password is hunter2", role)
	}
}

func serve(port string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port) //nolint:noctx // a server
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)                            //nolint:forcetypeassert // a TCP listener
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // a test server
		_, _ = io.WriteString(w, "proc test")
	}))
}

// playParent starts a server as a test does, says on which port, and waits to be killed.
func playParent() error {
	p, err := server("serve").Start(context.Background())
	if err != nil {
		return err
	}
	fmt.Println(p.Port())
	select {}
}

func server(role string) Server {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Server{
		Name: "the test server", Path: exe,
		Args:    func(port int) []string { return []string{strconv.Itoa(port)} },
		Env:     CleanEnv(os.TempDir(), roleVariable+"="+role),
		Ready:   ready,
		Secrets: []string{"hunter2"},
	}
}

func ready(ctx context.Context, port int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d", port), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != "proc test" {
		err = errors.New("another server answers")
	}
	return err
}

func TestStartAndStop(t *testing.T) {
	for _, role := range []string{"serve", "stubborn"} {
		t.Run(role, func(t *testing.T) {
			s := server(role)
			s.grace = 50 * time.Millisecond
			p, err := s.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !portTaken(p.Port()) {
				t.Errorf("nothing listens on %d", p.Port())
			}
			for range 2 {
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			}
			<-p.Exited()
			if portTaken(p.Port()) {
				t.Errorf("something still listens on %d", p.Port())
			}
			if p.Log() != fmt.Sprintf("listening on %d", p.Port()) {
				t.Errorf("unexpected log %q", p.Log())
			}
		})
	}
}

func TestStartReportsTheLog(t *testing.T) {
	s := server("nonsense")
	picks := 0
	s.pickPort = func() (int, error) { picks++; return freePort() }

	_, err := s.Start(t.Context())
	var start *StartError
	if !errors.As(err, &start) {
		t.Fatalf("got %v, want a StartError", err)
	}
	for _, want := range []string{"the test server", "exit status 3", "no such role: nonsense", "(secret)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error repeats a secret: %v", err)
	}
	if picks != 1 {
		t.Errorf("a server that fails by itself was started %d times", picks)
	}
}

func TestStartOfAMissingProgram(t *testing.T) {
	s := server("serve")
	s.Path += "-missing"
	if _, err := s.Start(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v, want that the program does not exist", err)
	}
}

func TestStartTriesAnotherPort(t *testing.T) {
	thief, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding does not block
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close() //nolint:errcheck // a test listener
	go func() {
		// It even answers, so that only the content of the answer tells it from the server.
		_ = http.Serve(thief, http.NotFoundHandler()) //nolint:gosec // a test server
	}()
	taken := thief.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener

	s := server("serve")
	picks := 0
	s.pickPort = func() (int, error) {
		if picks++; picks < 3 {
			return taken, nil
		}
		return freePort()
	}
	p, err := s.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if picks != 3 {
		t.Errorf("%d ports were tried, want 3", picks)
	}

	picks = 0
	s.pickPort = func() (int, error) { picks++; return taken, nil }
	if _, err := s.Start(t.Context()); !errors.Is(err, errPortTaken) || picks != portAttempts {
		t.Errorf("after %d tries: %v", picks, err)
	}
}

// A server that goes on without its port would be waited for in vain.
func TestStartKnowsADeafServer(t *testing.T) {
	thief, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binding does not block
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close() //nolint:errcheck // a test listener

	s := server("deaf")
	s.Deaf = func(log string) bool { return strings.Contains(log, "unable to listen") }
	s.Ready = func(context.Context, int) error { return errors.New("it does not answer") }
	picks := 0
	s.pickPort = func() (int, error) {
		picks++
		return thief.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener
	}
	if _, err := s.Start(t.Context()); !errors.Is(err, errPortTaken) || picks != portAttempts {
		t.Errorf("after %d tries: %v", picks, err)
	}
}

func TestStartGivesUp(t *testing.T) {
	t.Run("after its timeout", func(t *testing.T) {
		s := server("hang")
		s.StartTimeout = 200 * time.Millisecond
		_, err := s.Start(t.Context())
		// What the last check said depends on how far it got before the time was over.
		if err == nil || !strings.Contains(err.Error(), "did not serve within 200ms") ||
			!strings.Contains(err.Error(), "the last check said") {
			t.Fatalf("unexpected %v", err)
		}
	})
	t.Run("with the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := server("hang")
		s.Ready = func(context.Context, int) error { cancel(); return errors.New("not yet") }
		if _, err := s.Start(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
	})
}

// A killed parent runs no deferred call, so only the system can end its server.
func TestServerDiesWithItsKilledParent(t *testing.T) {
	parent, port := startRole(t, "parent")
	if !portTaken(port) {
		t.Fatalf("nothing listens on %d while the parent runs", port)
	}
	kill(t, parent)
	awaitFree(t, port)
}

// startRole runs this binary in a role that prints a port.
func startRole(t *testing.T, role string) (*exec.Cmd, int) {
	t.Helper()
	s := server(role)
	cmd := exec.CommandContext(t.Context(), s.Path, "") // #nosec G204 -- this test binary
	cmd.Env, cmd.Stderr = s.Env, os.Stderr
	port, err := startAndRead(cmd, "%d")
	if err != nil {
		t.Fatal(err)
	}
	return cmd, port
}

// startAndRead starts cmd and reads the port that it prints in the given format.
func startAndRead(cmd *exec.Cmd, format string) (port int, err error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	// A program that never prints would be waited for until the whole test binary times out.
	mute := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer mute.Stop()
	if _, err := fmt.Fscanf(out, format+"\n", &port); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return 0, fmt.Errorf("reading the port that %s prints: %w", cmd, err)
	}
	return port, nil
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed, and says so
}

func awaitFree(t *testing.T, port int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for portTaken(port) {
		select {
		case <-limit:
			t.Fatalf("something still listens on %d", port)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestTailBuffer(t *testing.T) {
	b := &tailBuffer{secrets: []string{"", "hunter2"}}
	for i := range 20000 {
		_, _ = fmt.Fprintf(b, "line %d hunter2\n", i)
	}
	got := b.String()
	if len(got) > tailShown || !strings.HasSuffix(got, "line 19999 (secret)") {
		t.Errorf("%d bytes that end with %q", len(got), got[max(0, len(got)-40):])
	}
	if !strings.HasPrefix(got, "line ") {
		t.Errorf("it starts in the middle of a line: %q", got[:20])
	}
	if strings.Contains(got, "hunter2") {
		t.Error("it repeats a secret")
	}
}

func TestCleanEnv(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "leak")
	t.Setenv("PATH", "/some/path")
	env := strings.Join(CleanEnv("/nowhere", "A=b"), "\n") + "\n"
	for _, want := range []string{"HOME=/nowhere\n", "PATH=/some/path\n", "A=b\n"} {
		if !strings.Contains(env, want) {
			t.Errorf("%q is missing in %q", want, env)
		}
	}
	if strings.Contains(env, "leak") {
		t.Errorf("the caller's environment leaks: %q", env)
	}
}
