//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

// ciJob is what matters here of a job in the examples for CI, in either spelling.
type ciJob struct {
	Env       map[string]string `yaml:"env"`
	Variables map[string]string `yaml:"variables"`
	Defaults  struct {
		Run struct {
			Directory string `yaml:"working-directory"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Steps []struct {
		Run string `yaml:"run"`
	} `yaml:"steps"`
	Script []string `yaml:"script"`
}

// ciExample reads a file below examples/ci.
func ciExample(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "ci", name))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkout is what a job works on: a configuration whose apply takes as long as the gate is shut, and the
// authority of the lock database. The settings of the project are those that the examples name.
func (l *lab) checkout() (settings *strings.Replacer) {
	l.t.Helper()
	bucket, endpoint := l.bucket()
	l.slow("environments/prod/infra", bucket, endpoint, "x")
	authority, err := os.ReadFile(l.server.CAFile)
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("ci/lock-db.pem", string(authority))
	l.env = append(l.env, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null",
		"PATH="+filepath.Dir(groundwork(l.t))+":"+filepath.Dir(testenv.Terraform(l.t))+":/usr/local/bin:/usr/bin:/bin")
	value := func(name string) string {
		for _, pair := range l.environ() {
			if text, ok := strings.CutPrefix(pair, name+"="); ok {
				return text
			}
		}
		return ""
	}
	return strings.NewReplacer(
		"${{ vars.LOCK_DB_HOST }}", l.host, "${{ vars.LOCK_DB_PORT }}", strconv.Itoa(l.port), "${{ vars.LOCK_DB_USER }}", l.role.Name,
		"${{ secrets.LOCK_DB_PASSWORD }}", l.role.Password, "${{ secrets.STATE_ACCESS_KEY }}", value("AWS_ACCESS_KEY_ID"),
		"${{ secrets.STATE_SECRET_KEY }}", value("AWS_SECRET_ACCESS_KEY"), "${{ github.workspace }}", l.dir, "$CI_PROJECT_DIR", l.dir,
		"pulumi_state_lock", l.database, "db.example.org", l.host, `5432`, strconv.Itoa(l.port), "deploy", l.role.Name)
}

// step runs a script as runners do: by a shell of its own, without a terminal.
func (l *lab) step(dir, script string, variables map[string]string, settings *strings.Replacer) *job {
	l.t.Helper()
	j := &job{t: l.t, name: script, ended: make(chan struct{})}
	j.cmd = exec.Command("bash", "-e", l.write("step.sh", script))
	j.cmd.Dir, j.cmd.Env = l.path(dir), l.environ()
	for name, text := range variables {
		text = settings.Replace(text)
		if strings.Contains(text, "$") {
			l.t.Errorf("%s=%s: nothing stands for that here", name, text)
		}
		j.cmd.Env = append(j.cmd.Env, name+"="+text)
	}
	j.begin()
	l.t.Cleanup(func() {
		for _, pid := range session(l.t, j.cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // what a test that failed has left
		}
	})
	return j
}

// cancelled checks that Terraform stopped in good order and that no lock is left.
func (l *lab) cancelled(j *job) {
	l.t.Helper()
	j.says("Gracefully shutting down")
	await(l.t, "the return of the lock", func() bool { return l.count("pulumi_state_locks") == 0 })
	if text := j.out.String() + j.errOut.String(); strings.Contains(text, "Two interrupts received") {
		l.t.Errorf("it was cancelled with\n%s", text)
	}
}

// lets checks that a run takes the lock and ends well.
func (l *lab) lets(start func() *job) {
	l.t.Helper()
	l.open("x")
	j := start()
	j.ends(0)
	j.says(`groundwork: got the lock "terraform:`)
	if err := os.Remove(l.path("gate-x")); err != nil {
		l.t.Fatal(err)
	}
	if err := os.Remove(l.path("in-x")); err != nil {
		l.t.Fatal(err)
	}
}

// The example for GitHub Actions, run and then cancelled as that service does it: by an interrupt to the
// first process of the step.
func TestExecOnGitHubActions(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	settings := l.checkout()
	var workflow struct {
		Jobs map[string]ciJob `yaml:"jobs"`
	}
	ciExample(t, "github-actions.yml", &workflow)
	ciRun := workflow.Jobs["infra"]
	var scripts []string
	for _, s := range ciRun.Steps {
		if s.Run != "" {
			scripts = append(scripts, s.Run)
		}
	}
	if len(scripts) != 2 {
		t.Fatalf("the example has the steps %q", scripts)
	}
	l.step(ciRun.Defaults.Run.Directory, scripts[0], ciRun.Env, settings).ends(0)
	deploy := func() *job { return l.step(ciRun.Defaults.Run.Directory, scripts[1], ciRun.Env, settings) }
	l.lets(deploy)
	j := deploy()
	l.await("in-x")
	j.signal(syscall.SIGINT)
	l.cancelled(j)
	j.ends(1)
}

// The example for GitLab, cancelled as its runner does it in containers: by SIGTERM to every process.
func TestExecOnGitLab(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	settings := l.checkout()
	var pipeline map[string]ciJob
	ciExample(t, "gitlab-ci.yml", &pipeline)
	ciRun := pipeline["infra"]
	deploy := func() *job { return l.step("", strings.Join(ciRun.Script, "\n"), ciRun.Variables, settings) }
	l.lets(deploy)
	j := deploy()
	l.await("in-x")
	for _, pid := range session(t, j.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGTERM) // the first ones end while the others are told
	}
	l.cancelled(j)
}

// session lists the processes of a session.
func session(t *testing.T, id int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// The name of the program, in parentheses, may hold spaces; behind it are state, parent, group, session.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && len(fields) > 3 && fields[3] == strconv.Itoa(id) {
			pids = append(pids, pid)
		}
	}
	return pids
}
