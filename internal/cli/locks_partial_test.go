package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/lease"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/toollock"
)

// A configuration that cannot be read is an error also where leases could be shown, and only for those
// whom it concerns.
func TestLocksBesideBrokenConfigurations(t *testing.T) {
	s := newShop(t)
	s.want(CodeDone, "locks", "acquire", "--lock", "nightly")
	s.write("environments/prod/main.tf", "terraform {")
	for _, format := range []string{"table", "json", "yaml"} {
		out, errOut := s.want(CodeError, "locks", "list", "--format", format)
		if !strings.Contains(out, "nightly") || !strings.Contains(errOut, filepath.Join("prod", "main.tf")) {
			t.Errorf("%s: %s\n%s", format, out, errOut)
		}
	}
	s.want(CodeDone, "locks", "list", "--env", "dev")
	s.want(CodeDone, "locks", "acquire", "--tool", "--env", "dev", "--phase", "infra")
	if _, errOut := s.want(CodeError, "locks", "list", "--env", "nowhere"); !strings.Contains(errOut, `no configuration of environment "nowhere"`) {
		t.Errorf("an environment that is not there: %s", errOut)
	}

	// What is held elsewhere is unknown: that is not "there is no such lock".
	s.want(CodeError, "locks", "break", "nothing", "--yes")
	s.must(os.RemoveAll(filepath.Join(s.dir, "environments/prod")))
	s.want(CodeNotFound, "locks", "break", "nothing", "--yes")
	s.env["PULUMI_LOCK_DB_NAME"] = "no_such_database"
	out, errOut := s.want(CodeError, "locks", "list")
	if !strings.Contains(out, "infra/terraform.tfstate") || !strings.Contains(errOut, `database "no_such_database" does not exist`) {
		t.Errorf("without the database: %s\n%s", out, errOut)
	}
	s.want(CodeError, "locks", "break", "nothing", "--yes")
	if out, _ := s.want(CodeError, "locks", "list", "--env", "dev", "--phase", "coder"); out != "Nobody holds a lock where it could be asked.\n" {
		t.Errorf("an empty list that is not whole is %q", out)
	}
}

// Beside a folder of environments that holds values only, a configuration that cannot be read is an error
// as well.
func TestLocksOfABrokenConfigurationBesideValues(t *testing.T) {
	s := newShop(t)
	s.must(os.RemoveAll(filepath.Join(s.dir, "environments")))
	s.write("environments/dev/terraform.tfvars", "")
	s.write("main.tf", "terraform {")
	t.Chdir(s.dir)
	s.dir = "."
	if out, errOut := s.want(CodeError, "locks", "list"); !strings.Contains(errOut, "main.tf") || out != "Nobody holds a lock where it could be asked.\n" {
		t.Errorf("%s\n%s", out, errOut)
	}
}

// A phase may have another name than those that are looked for by themselves.
func TestLocksOfAnotherPhase(t *testing.T) {
	s := newShop(t)
	s.write("environments/dev/network/main.tf", s.backend("network.tfstate", "use_lockfile = true"))
	s.want(CodeDone, "locks", "acquire", "--tool", "--phase", "network")
	if l := s.list("--phase", "network")["lockfile"]; l.Phase != "network" || l.Environment != "dev" {
		t.Errorf("shown as %+v", l)
	}
}

// A Pulumi project, and a configuration, may stand beside the environments, and in one directory.
func TestLocksOfBothTools(t *testing.T) {
	s := newShop(t)
	backend := filepath.Join(s.dir, "pulumi-states")
	s.must(os.MkdirAll(backend, 0o700))
	s.write("Pulumi.yaml", "name: shop\nruntime: yaml\nbackend:\n  url: file://"+backend+"\n")
	s.write("main.tf", s.backend("root.tfstate", "use_lockfile = true"))
	s.put("infra/terraform.tfstate.tflock", `{"ID":"infra"}`)
	s.put("root.tfstate.tflock", `{"ID":"root"}`)
	place := toollock.NewPulumi(toollock.DirFiles(backend), "shop", "dev")
	_, err := place.Acquire(t.Context(), lease.Info{Who: "carl@ci"})
	s.must(err)
	ids := func(args ...string) string {
		t.Helper()
		out, _ := s.want(CodeDone, append([]string{"locks", "list", "--format", "json"}, args...)...)
		var doc LocksDocument
		s.must(json.Unmarshal([]byte(out), &doc))
		var found []string
		for _, l := range doc.Locks {
			if l.Kind == "pulumi" {
				l.ID = l.Holder
			}
			found = append(found, l.ID)
		}
		return strings.Join(found, " ")
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"infra root carl@ci", nil}, {"carl@ci", []string{"--stack", "dev"}}, {"", []string{"--stack", "other"}},
		{"infra root", []string{"--workspace", "default"}}, {"infra", []string{"--env", "dev"}},
	} {
		if got := ids(c.args...); got != c.want {
			t.Errorf("%q shows %q, want %q", c.args, got, c.want)
		}
	}
	s.want(CodeUsage, "locks", "acquire", "--tool")
	s.want(CodeDone, "locks", "acquire", "--tool", "--stack", "other")
	s.must(os.RemoveAll(filepath.Join(s.dir, "environments")))
	if got := ids(); !strings.HasPrefix(got, "root ") || !strings.Contains(got, "carl@ci") {
		t.Errorf("both in one directory: %q", got)
	}
}

// What may not be what was meant is said, to people and to programs.
func TestLocksWarn(t *testing.T) {
	s := newShop(t)
	s.write("environments/prod/main.tf", s.backend("prod.tfstate", `assume_role = { role_arn = "arn:aws:iam::123456789012:role/states" }`))
	out, errOut := s.want(CodeDone, "locks", "list")
	if !strings.Contains(errOut, "groundwork: warning: ") || !strings.Contains(errOut, "assumes a role") || strings.Contains(out, "role") {
		t.Errorf("people are told %q and %q", out, errOut)
	}
	out, errOut = s.want(CodeDone, "locks", "list", "--format", "json")
	var doc LocksDocument
	s.must(json.Unmarshal([]byte(out), &doc))
	if errOut != "" || len(doc.Warnings) != 1 || !strings.Contains(doc.Warnings[0], filepath.Join("environments", "prod")) {
		t.Errorf("programs are told %s and %q", out, errOut)
	}
	if _, errOut = s.want(CodeDone, "locks", "acquire", "--lock-scope", "backend", "--env", "prod"); !strings.Contains(errOut, "assumes a role") {
		t.Errorf("who takes a lock there is told %q", errOut)
	}
}

// In a directory without any configuration the leases are shown alone; in one that was named, it is
// told that there is nothing.
func TestLocksWithoutConfiguration(t *testing.T) {
	s := newShop(t)
	s.want(CodeDone, "locks", "acquire", "--lock", "nightly")
	s.dir = t.TempDir()
	if out, errOut := s.want(CodeError, "locks", "list"); !strings.Contains(out, "nightly") || !strings.Contains(errOut, "neither a Terraform configuration") {
		t.Errorf("%s\n%s", out, errOut)
	}
	t.Chdir(s.dir)
	s.dir = "."
	if out, errOut := s.want(CodeDone, "locks", "list"); !strings.Contains(out, "nightly") || errOut != "" {
		t.Errorf("%s\n%s", out, errOut)
	}
	s.env = map[string]string{"HOME": testenv.BucketName(t)}
	s.want(CodeUsage, "locks", "list")

	// A Pulumi backend has locks without a project; only a project's stack can be locked.
	backend := t.TempDir()
	s.env["PULUMI_BACKEND_URL"] = "file://" + backend
	_, err := toollock.NewPulumi(toollock.DirFiles(backend), "shop", "dev").Acquire(t.Context(), lease.Info{Who: "carl@ci"})
	s.must(err)
	if l := s.list()["pulumi"]; l.Holder != "carl@ci" {
		t.Errorf("shown as %+v", l)
	}
	for _, args := range [][]string{{"list", "--stack", "dev"}, {"acquire", "--tool", "--stack", "dev"}, {"acquire", "--tool"}} {
		if _, errOut := s.want(CodeUsage, append([]string{"locks"}, args...)...); !strings.Contains(errOut, "no stack is selected") && !strings.Contains(errOut, "no Pulumi project") {
			t.Errorf("%q: %s", args, errOut)
		}
	}
	s.want(CodeLocked, "locks", "acquire", "--tool", "--stack", "organization/shop/dev")
}

// acquire names a lease as exec does for a command on the same state, in the scope that is set for both.
func TestLocksAcquireNames(t *testing.T) {
	s := newShop(t)
	s.write("web/Pulumi.yaml", "name: shop\nruntime: yaml\nbackend:\n  url: s3://pulumi-states\n")
	s.dir = filepath.Join(s.dir, "web")
	for _, c := range []struct {
		scope, want string
		args        []string
	}{
		{"backend", "pulumi:s3://pulumi-states", nil}, {"backend", "pulumi:shop/dev", []string{"--lock-scope", "stack", "--stack", "dev"}},
		{"", "pulumi:s3://pulumi-states", []string{"--lock-scope", "backend"}},
	} {
		s.env["PULUMI_LOCK_SCOPE"] = c.scope
		out, _ := s.want(CodeDone, append([]string{"locks", "acquire", "--format", "json"}, c.args...)...)
		var doc LockChangeDocument
		s.must(json.Unmarshal([]byte(out), &doc))
		if doc.Lock.Name != c.want {
			t.Errorf("in the scope %q, %q takes %q, want %q", c.scope, c.args, doc.Lock.Name, c.want)
		}
		held, err := s.leases.List(t.Context())
		s.must(err)
		for _, h := range held {
			s.must(s.leases.Break(t.Context(), h, true))
		}
	}
	for want, args := range map[string][]string{
		"no stack is selected": nil, "leave one of them out": {"--tool", "--lock", "x"}, "is empty": {"--lock", ""}, "over when it begins": {"--lock", "x", "--lease", "0"},
	} {
		if _, errOut := s.want(CodeUsage, append([]string{"locks", "acquire"}, args...)...); !strings.Contains(errOut, want) {
			t.Errorf("%q lacks %q: %s", args, want, errOut)
		}
	}
	s.env["PULUMI_LOCK_SCOPE"] = "all"
	if _, errOut := s.want(CodeUsage, "locks", "acquire", "--lock", "x"); !strings.Contains(errOut, "PULUMI_LOCK_SCOPE") {
		t.Errorf("a scope that is none: %s", errOut)
	}
}
