package backendcfg

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func inHTTP() Config {
	return Config{
		HTTP: &HTTP{
			Address: "https://states.example.org/dev/app", UpdateMethod: "PUT", LockAddress: "https://states.example.org/dev/app/lock", LockMethod: "POST",
			UnlockAddress: "https://states.example.org/dev/app/lock", UnlockMethod: "DELETE", SkipCertVerification: true,
			RetryMax: ptr(5), RetryWaitMin: ptr(2), RetryWaitMax: ptr(60),
		},
		RemoteStates: []RemoteState{{Name: "infra", HTTP: &HTTP{Address: "https://states.example.org/dev/infra"}}},
	}
}

func TestHTTPRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(*Config)
		message string
	}{
		"no address":            {func(c *Config) { c.HTTP.Address = "" }, "http.address is empty"},
		"no URL":                {func(c *Config) { c.HTTP.Address = "https://%zz" }, "http.address is no URL"},
		"another scheme":        {func(c *Config) { c.HTTP.Address = "ftp://h/x" }, "http.address has no http:// or https://"},
		"user":                  {func(c *Config) { c.HTTP.Address = "https://u:hunter2@h/x" }, "a URL with a user name or password"},
		"token":                 {func(c *Config) { c.HTTP.LockAddress = "https://h/x?private_token=hunter2" }, "http.lock_address holds a parameter that is a credential by its name"},
		"key in a parameter":    {func(c *Config) { c.HTTP.Address = "https://h/x?k=%41KIAIOSFODNN7EXAMPLE" }, "looks like a credential"},
		"fragment":              {func(c *Config) { c.HTTP.Address = "https://h/x#y" }, "fragment"},
		"query":                 {func(c *Config) { c.HTTP.Address = "https://h/x?a;b" }, "a query that cannot be read"},
		"method":                {func(c *Config) { c.HTTP.LockMethod = "put" }, "http.lock_method is \"put\""},
		"no lock address":       {func(c *Config) { c.HTTP.LockAddress = "" }, "http.lock_address is missing"},
		"no unlock address":     {func(c *Config) { c.HTTP.UnlockAddress = "" }, "http.unlock_address is missing"},
		"negative":              {func(c *Config) { c.HTTP.RetryMax = ptr(-1) }, "http.retry_max is -1"},
		"longer than the limit": {func(c *Config) { c.HTTP.RetryWaitMin = ptr(61) }, "longer than retry_wait_max"},
		"lock of a bucket":      {func(c *Config) { c.Lock.Mode = LockLockfile }, "does not apply to the http backend"},
		"remote in a bucket":    {func(c *Config) { c.RemoteStates[0] = RemoteState{Name: "x", Key: "k"} }, "both have to be of one type"},
		"remote without":        {func(c *Config) { c.RemoteStates[0].HTTP = &HTTP{} }, `remote_states["infra"].address is empty`},
	} {
		t.Run(name, func(t *testing.T) {
			c := inHTTP()
			tt.change(&c)
			_, err := RenderTerraform(c)
			if err == nil || !strings.Contains(err.Error(), tt.message) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
	c := scaleway()
	c.RemoteStates = []RemoteState{{Name: "x", HTTP: &HTTP{Address: "https://h/x"}}}
	if _, err := RenderTerraform(c); !errors.As(err, new(*FieldError)) {
		t.Errorf("a remote state of type http beside a bucket: %v", err)
	}
	c.RemoteStates, c.LockDatabase = nil, &LockDatabase{Host: "db"}
	if _, err := RenderTerraform(c); err == nil || !strings.Contains(err.Error(), "lock_database has a place in a .env file only") {
		t.Errorf("a lock database in a backend block: %v", err)
	}
	codes := ""
	for _, w := range (Config{HTTP: &HTTP{Address: "https://h/x", SkipCertVerification: true}}).Warnings() {
		codes += w.Code + " "
	}
	if codes != "http_unlocked http_unverified " {
		t.Error(codes)
	}
}

// stateServer keeps states as the tools' http backend asks for it.
type stateServer struct {
	mu            sync.Mutex
	states, locks map[string]string
	requests      []string
}

// lock puts another client's lock there, or takes it away if empty.
func (s *stateServer) lock(name, info string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.locks, name)
	if info != "" {
		s.locks[name] = info
	}
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	if user != "ci" || password != "from-the-environment" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	name, isLock := strings.CutSuffix(r.URL.Path, "/lock")
	switch {
	case isLock && r.Method == http.MethodPost && s.locks[name] != "":
		w.WriteHeader(http.StatusLocked)
		_, _ = io.WriteString(w, s.locks[name])
	case isLock && r.Method == http.MethodPost:
		s.locks[name] = string(body)
	case isLock && r.Method == http.MethodDelete:
		delete(s.locks, name)
	case r.Method == http.MethodGet && s.states[name] == "":
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, s.states[name])
	case r.Method == http.MethodPut:
		s.states[name] = string(body)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// TestHTTPInUse: both tools keep a state behind the address with the methods that were written, honour
// a lock that is there, and read the state in a second phase.
func TestHTTPInUse(t *testing.T) {
	for _, tool := range bothTools {
		t.Run(tool.String(), func(t *testing.T) {
			t.Parallel()
			states := &stateServer{states: map[string]string{}, locks: map[string]string{}}
			server := httptest.NewServer(states)
			t.Cleanup(server.Close)
			at := func(name string) Config {
				return Config{Target: Target{Tool: tool}, HTTP: &HTTP{Address: server.URL + name, UpdateMethod: "PUT", LockAddress: server.URL + name + "/lock", LockMethod: "POST",
					UnlockAddress: server.URL + name + "/lock", UnlockMethod: "DELETE", RetryMax: ptr(0)}}
			}
			root := writeFiles(t, map[string]string{
				"infra/main.tf":      "output \"cluster\" {\n  value = \"c-1\"\n}\n",
				"coder/providers.tf": "terraform {\n  backend \"http\" {}\n}\noutput \"seen\" {\n  value = data.terraform_remote_state.infra.outputs.cluster\n}\n",
			})
			env := []string{"TF_HTTP_USERNAME=ci", "TF_HTTP_PASSWORD=from-the-environment"}
			whole, err := RenderTerraform(at("/infra"))
			if err != nil {
				t.Fatal(err)
			}
			if err := Write(filepath.Join(root, "infra", "backend.tf"), whole, FileOptions{Root: root}); err != nil {
				t.Fatal(err)
			}
			run := cli(t, tool, filepath.Join(root, "infra"), env...)
			must(t, run("init"))
			must(t, run("apply", "-auto-approve"))
			states.lock("/infra", `{"ID":"7f3a2b1c-1111-4222-8333-444455556666","Operation":"OperationTypeApply","Who":"ci@build-7","Version":"1.11.4","Created":"2026-01-02T03:04:05Z","Path":""}`)
			if r := run("plan"); r.ExitCode == 0 || !strings.Contains(r.Output(), "7f3a2b1c-1111-4222-8333-444455556666") {
				t.Errorf("under another client's lock: exit code %d\n%s", r.ExitCode, r.Output())
			}
			states.lock("/infra", "")

			second := at("/coder")
			second.RemoteStates = []RemoteState{{Name: "infra", HTTP: &HTTP{Address: server.URL + "/infra"}}}
			path := filepath.Join(root, "coder", "providers.tf")
			if err := Update(path, FileOptions{Root: root}, func(old []byte, _ bool) ([]byte, error) {
				return Edit(old, path, mustFragment(t, second), EditOptions{})
			}); err != nil {
				t.Fatal(err)
			}
			run = cli(t, tool, filepath.Join(root, "coder"), env...)
			must(t, run("init"))
			if out := must(t, run("apply", "-auto-approve")); !strings.Contains(out, "c-1") {
				t.Errorf("the remote state was not read:\n%s", out)
			}
			states.mu.Lock()
			defer states.mu.Unlock()
			if states.states["/coder"] == "" || len(states.locks) != 0 {
				t.Errorf("states %v, locks %v, requests %v", len(states.states), states.locks, states.requests)
			}
		})
	}
}
