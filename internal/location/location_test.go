package location

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes files below a new directory, whose real path it returns.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// environ reads variables from a map.
func environ(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

const wholeBlock = `terraform {
  backend "s3" {
    bucket       = "acme-states"
    key          = "net/terraform.tfstate"
    region       = "fr-par"
    endpoints    = { s3 = "https://s3.fr-par.scw.cloud" }
    use_lockfile = true
  }
}
`

const partialBlock = `terraform {
  backend "s3" {
    region = "fr-par"
  }
}
`

func record3(t *testing.T, config map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"version": 3, "backend": map[string]any{"type": "s3", "config": config}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFindTerraform(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		files map[string]string
		env   map[string]string
		with  []string
		want  Location
		names [2]string
	}{
		"a whole block": {
			files: map[string]string{"backend.tf": wholeBlock},
			want: Location{Backend: "s3", Workspace: "default", S3: &S3{Bucket: "acme-states", Key: "net/terraform.tfstate", DefaultKey: "net/terraform.tfstate", WorkspacePrefix: "env:",
				Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Lockfile: true}},
			names: [2]string{"terraform:acme-states/net/terraform.tfstate", "terraform:acme-states"},
		},
		"a workspace of the environment": {
			files: map[string]string{"backend.tf": wholeBlock, ".terraform/environment": "staging"},
			env:   map[string]string{"TF_WORKSPACE": "dev"},
			want: Location{Backend: "s3", Workspace: "dev", S3: &S3{Bucket: "acme-states", Key: "env:/dev/net/terraform.tfstate", DefaultKey: "net/terraform.tfstate", WorkspacePrefix: "env:",
				Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Lockfile: true}},
			names: [2]string{"terraform:acme-states/env:/dev/net/terraform.tfstate", "terraform:acme-states"},
		},
		"a selected workspace": {
			files: map[string]string{"backend.tf": strings.Replace(wholeBlock, "use_lockfile", "workspace_key_prefix = \"ws\"\nuse_lockfile", 1), ".terraform/environment": "staging\n"},
			want: Location{Backend: "s3", Workspace: "staging", S3: &S3{Bucket: "acme-states", Key: "ws/staging/net/terraform.tfstate", DefaultKey: "net/terraform.tfstate", WorkspacePrefix: "ws",
				Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Lockfile: true}},
			names: [2]string{"terraform:acme-states/ws/staging/net/terraform.tfstate", "terraform:acme-states"},
		},
		"partial, completed by what init recorded": {
			files: map[string]string{"backend.tf": partialBlock, ".terraform/terraform.tfstate": record3(t, map[string]any{
				"bucket": "acme-states", "key": "a.tfstate", "region": "fr-par", "use_path_style": true, "profile": nil, "endpoints": map[string]any{"s3": "http://127.0.0.1:9000", "iam": nil}})},
			want: Location{Backend: "s3", Workspace: "default", S3: &S3{Bucket: "acme-states", Key: "a.tfstate", DefaultKey: "a.tfstate", WorkspacePrefix: "env:", Region: "fr-par",
				Endpoint: "http://127.0.0.1:9000", PathStyle: &yes}},
			names: [2]string{"terraform:acme-states/a.tfstate", "terraform:acme-states"},
		},
		"partial, completed by a file and the arguments of init": {
			files: map[string]string{"backend.tf": partialBlock, "prod.tfbackend": "bucket = \"acme-prod\"\nkey = \"a\"\nuse_lockfile = true\n"},
			env:   map[string]string{"TF_CLI_ARGS_init": `-input=false -backend-config=prod.tfbackend -backend-config "key=b c"`},
			with:  []string{`endpoints={s3="http://h:1"}`},
			want:  Location{Backend: "s3", Workspace: "default", S3: &S3{Bucket: "acme-prod", Key: "b c", DefaultKey: "b c", WorkspacePrefix: "env:", Region: "fr-par", Endpoint: "http://h:1", Lockfile: true}},
			names: [2]string{"terraform:acme-prod/b c", "terraform:acme-prod"},
		},
		"another data directory": {
			files: map[string]string{"backend.tf": partialBlock, "data/terraform.tfstate": record3(t, map[string]any{"bucket": "b", "key": "k", "region": "fr-par"}), "data/environment": "w"},
			env:   map[string]string{"TF_DATA_DIR": "data"},
			want:  Location{Backend: "s3", Workspace: "w", S3: &S3{Bucket: "b", Key: "env:/w/k", DefaultKey: "k", WorkspacePrefix: "env:", Region: "fr-par"}},
			names: [2]string{"terraform:b/env:/w/k", "terraform:b"},
		},
		"an override file": {
			files: map[string]string{"backend.tf": wholeBlock, "backend_override.tf": `terraform {
  backend "pg" {}
}`},
			env:   map[string]string{"PG_CONN_STR": "postgres://me:secret@db.example.org/states?sslmode=require", "PG_SCHEMA_NAME": "net"},
			want:  Location{Backend: "pg", Workspace: "default", PG: &PG{ConnStr: "postgres://me:secret@db.example.org/states?sslmode=require", Schema: "net", Table: "states"}},
			names: [2]string{"terraform:pg:states/net/default", "terraform:pg:states/net"},
		},
		"http": {
			files: map[string]string{"backend.tf": `terraform {
  backend "http" {
    address = "https://me:secret@states.example.org/net?x=1"
  }
}`},
			want:  Location{Backend: "http", Workspace: "default", HTTP: &HTTP{Address: "https://me:secret@states.example.org/net?x=1"}},
			names: [2]string{"terraform:https://states.example.org/net", "terraform:https://states.example.org/net"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, c.files)
			loc, err := Find(Options{Dir: dir, Getenv: environ(c.env), BackendConfig: c.with})
			if err != nil {
				t.Fatal(err)
			}
			checkNames(t, loc, c.names)
			if len(loc.Sources) == 0 {
				t.Error("no sources")
			}
			c.want.Tool, c.want.Dir, loc.Sources = Terraform, dir, nil
			if diff := cmp.Diff(c.want, loc); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func checkNames(t *testing.T, loc Location, want [2]string) {
	t.Helper()
	for i, scope := range []Scope{ScopeStack, ScopeBackend} {
		name, err := loc.LockName(scope)
		if text, failed := strings.CutPrefix(want[i], "error: "); failed {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("the name for %s is %q (%v), want the error %q", scope, name, err, text)
			}
		} else if err != nil || name != want[i] {
			t.Errorf("the name for %s is %q (%v), want %q", scope, name, err, want[i])
		}
	}
}

func TestFindLocal(t *testing.T) {
	dir := tree(t, map[string]string{"main.tf": "", "other/main.tf": "terraform {\n  backend \"local\" {\n    path = \"x/y.tfstate\"\n  }\n}\n", "other/.terraform/environment": "w"})
	loc, err := Find(Options{Dir: dir, Getenv: environ(nil)})
	if err != nil || loc.File != filepath.Join(dir, "terraform.tfstate") || loc.Backend != "local" {
		t.Errorf("got %+v, %v", loc, err)
	}
	checkNames(t, loc, [2]string{"terraform:" + dir + "/terraform.tfstate", "terraform:" + dir})
	loc, err = Find(Options{Dir: filepath.Join(dir, "other"), Getenv: environ(nil)})
	if want := filepath.Join(dir, "other/terraform.tfstate.d/w/terraform.tfstate"); err != nil || loc.File != want {
		t.Errorf("got %+v, %v, want %s", loc, err, want)
	}
}

func TestWarnings(t *testing.T) {
	recorded := record3(t, map[string]any{"bucket": "old", "key": "net/terraform.tfstate", "region": "fr-par", "use_lockfile": true, "endpoints": map[string]any{"s3": "https://s3.fr-par.scw.cloud", "sso": nil}})
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another bucket than init had": {map[string]string{"backend.tf": wholeBlock, ".terraform/terraform.tfstate": recorded}, "(bucket changed)"},
		"the block was removed":        {map[string]string{"main.tf": "", ".terraform/terraform.tfstate": recorded}, `initialised for "s3"`},
		"a role": {map[string]string{"backend.tf": strings.Replace(wholeBlock, "use_lockfile = true", "assume_role = { role_arn = \"arn:aws:iam::1:role/x\" }", 1)},
			"assumes a role"},
	} {
		loc, err := Find(Options{Dir: tree(t, c.files), Getenv: environ(nil)})
		if err != nil || len(loc.Warnings) != 1 || !strings.Contains(loc.Warnings[0], c.want) {
			t.Errorf("%s: %v, %q", name, err, loc.Warnings)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		env   map[string]string
		want  string
	}{
		"partial and not initialised": {map[string]string{"backend.tf": partialBlock}, nil, "leaves bucket, key to init"},
		"nothing there":               {map[string]string{"notes.txt": ""}, nil, "neither a Terraform configuration nor"},
		"both":                        {map[string]string{"main.tf": "", "Pulumi.yaml": "name: web"}, nil, "say which one is meant"},
		"a broken record":             {map[string]string{"backend.tf": wholeBlock, ".terraform/terraform.tfstate": "{"}, nil, "init -reconfigure"},
		"a missing file": {map[string]string{"backend.tf": partialBlock}, map[string]string{"TF_CLI_ARGS_init": "-backend-config=gone.tfbackend"},
			"gone.tfbackend cannot be read"},
		"a broken project": {map[string]string{"Pulumi.yaml": "a: [b"}, nil, "Pulumi.yaml cannot be read"},
	} {
		_, err := Find(Options{Dir: tree(t, c.files), Getenv: environ(c.env)})
		var le *Error
		if !errors.As(err, &le) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// A file of credentials must not be repeated in an error about it.
func TestProblemsHoldNoSecrets(t *testing.T) {
	dir := tree(t, map[string]string{"backend.tf": partialBlock, "x.tfbackend": "secret_key = \"hunter2\nbucket = var.hunter2\n"})
	_, err := Find(Options{Dir: dir, Getenv: environ(nil), BackendConfig: []string{"x.tfbackend"}})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	loc := Location{URL: "postgres://me:hunter2@h/d", S3: &S3{AccessKey: "hunter2", SecretKey: "hunter2", Token: "hunter2"}, PG: &PG{ConnStr: "hunter2"}, HTTP: &HTTP{Address: "hunter2"}}
	text, err := json.Marshal(loc)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{string(text), fmt.Sprintf("%v %+v %#v %s %q", loc, loc, loc, loc.URL, loc.URL)} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("a secret shows: %s", shown)
		}
	}
}

func TestFindPulumi(t *testing.T) {
	dir := tree(t, map[string]string{
		"app/Pulumi.yaml": "name: web\nruntime: yaml\nbackend:\n  url: s3://acme-states/teams/a?region=fr-par&endpoint=s3.fr-par.scw.cloud&s3ForcePathStyle=true\n",
		"app/sub/x":       "",
		"plain/Pulumi.yml": `name: api
`,
		"home/credentials.json": `{"current": "file://~/states", "accessTokens": {}}`,
	})
	sum := sha1.Sum([]byte(filepath.Join(dir, "app/Pulumi.yaml")))
	workspaces := filepath.Join(dir, "home/workspaces")
	if err := os.MkdirAll(workspaces, 0o755); err != nil {
		t.Fatal(err)
	}
	settings := `{"stack": "old", "stacks": {"s3://evalap-pulumi-state": "organization/web/prod"}}`
	if err := os.WriteFile(filepath.Join(workspaces, "web-"+hex.EncodeToString(sum[:])+"-workspace.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	home := me.HomeDir
	t.Setenv("HOME", dir) // which Pulumi does not read
	base := map[string]string{"PULUMI_HOME": filepath.Join(dir, "home")}
	with := func(name, value string) map[string]string {
		return map[string]string{"PULUMI_HOME": base["PULUMI_HOME"], name: value}
	}
	yes := true
	for name, c := range map[string]struct {
		dir   string
		env   map[string]string
		stack string
		want  Location
		names [2]string
	}{
		"the project's backend, the old selection": {
			dir: "app/sub", env: base,
			want: Location{Dir: "app", Backend: "s3", Project: "web", Stack: "old",
				S3: &S3{Bucket: "acme-states", Prefix: "teams/a", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", PathStyle: &yes}},
			names: [2]string{"pulumi:web/old", "pulumi:s3://acme-states/teams/a"},
		},
		"the environment's backend, with a selection of its own": {
			dir: "app", env: with("PULUMI_BACKEND_URL", "s3://evalap-pulumi-state"),
			want:  Location{Dir: "app", Backend: "s3", Project: "web", Stack: "organization/web/prod", S3: &S3{Bucket: "evalap-pulumi-state"}},
			names: [2]string{"pulumi:web/prod", "pulumi:s3://evalap-pulumi-state"},
		},
		"the login, the environment's stack": {
			dir: "plain", env: with("PULUMI_STACK", "dev"),
			want:  Location{Dir: "plain", Backend: "file", Project: "api", Stack: "dev", File: filepath.Join(home, "states")},
			names: [2]string{"pulumi:api/dev", "pulumi:file://" + filepath.Join(home, "states")},
		},
		"no login": {
			dir: "plain", env: map[string]string{"PULUMI_HOME": filepath.Join(dir, "nowhere"), "PULUMI_STACK": "dev"},
			want:  Location{Dir: "plain", Backend: "cloud", Project: "api", Stack: "dev"},
			names: [2]string{"pulumi:api/dev", "error: logged in to no backend"},
		},
		"a stack of the service": {
			dir: "plain", env: with("PULUMI_BACKEND_URL", "https://api.pulumi.com"), stack: "acme/api/dev",
			want:  Location{Dir: "plain", Backend: "cloud", Project: "api", Stack: "acme/api/dev"},
			names: [2]string{"pulumi:acme/api/dev", "pulumi:https://api.pulumi.com"},
		},
		"a database": {
			dir: "plain", env: with("PULUMI_BACKEND_URL", "postgres://me:hunter2@db/states?table=x"), stack: "dev",
			want:  Location{Dir: "plain", Backend: "postgres", Project: "api", Stack: "dev"},
			names: [2]string{"pulumi:api/dev", "pulumi:postgres://db/states"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			loc, err := Find(Options{Dir: filepath.Join(dir, c.dir), Getenv: environ(c.env), Stack: c.stack, NeedStack: true})
			if err != nil {
				t.Fatal(err)
			}
			checkNames(t, loc, c.names)
			c.want.Tool, c.want.Dir = Pulumi, filepath.Join(dir, c.want.Dir)
			loc.Sources, loc.URL = nil, ""
			if diff := cmp.Diff(c.want, loc); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCommandNames(t *testing.T) {
	dir := tree(t, map[string]string{
		"Pulumi.yaml":           "name: web",
		"other/Pulumi.yaml":     "name: api",
		"tf/backend.tf":         wholeBlock,
		"tf/partial/backend.tf": partialBlock,
		"both/Pulumi.yaml":      "name: both", "both/main.tf": "",
	})
	env := map[string]string{"PULUMI_BACKEND_URL": "s3://evalap-pulumi-state?endpoint=s3.fr-par.scw.cloud&region=fr-par&s3ForcePathStyle=true"}
	const web, backend = "pulumi:web/dev", "pulumi:s3://evalap-pulumi-state"
	for command, want := range map[string][3]string{ // name of the stack, of the backend, operation
		"pulumi up --stack dev --yes":                        {web, backend, "pulumi up"},
		"pulumi --stack=dev up":                              {web, backend, "pulumi up"},
		"pulumi up -s dev":                                   {web, backend, "pulumi up"},
		"pulumi up -sdev":                                    {web, backend, "pulumi up"},
		"pulumi up -ys dev":                                  {web, backend, "pulumi up"},
		"pulumi -C other up -s organization/api/dev":         {"pulumi:api/dev", backend, "pulumi up"},
		"pulumi --cwd=other --color always destroy -s dev":   {"pulumi:api/dev", backend, "pulumi destroy"},
		"pulumi up -m note -s dev -- --stack prod":           {web, backend, "pulumi up"},
		"pulumi stack rm dev --yes":                          {web, backend, "pulumi stack"},
		"uv run --env-file .env pulumi up --stack dev --yes": {web, backend, "pulumi up"},
		"env PULUMI_STACK=dev /opt/pulumi/bin/pulumi up":     {web, backend, "pulumi up"},
		"terraform -chdir=tf apply -auto-approve":            {"terraform:acme-states/net/terraform.tfstate", "terraform:acme-states", "terraform apply"},
		"tofu -chdir=tf plan":                                {"terraform:acme-states/net/terraform.tfstate", "terraform:acme-states", "tofu plan"},
		"env TF_WORKSPACE=w terraform -chdir=tf apply":       {"terraform:acme-states/env:/w/net/terraform.tfstate", "terraform:acme-states", "terraform apply"},
		"terraform -chdir=tf/partial init -backend-config=bucket=b -backend-config key=k": {"terraform:b/k", "terraform:b", "terraform init"},
		"pulumi up":   {"error: no stack is selected", backend, "pulumi up"},
		"make deploy": {"error: it cannot be told what make works on", backend, "make"},
		"aws-vault exec prod -- terraform -chdir=tf apply":  {"terraform:acme-states/net/terraform.tfstate", "terraform:acme-states", "terraform apply"},
		"/usr/bin/sudo -E timeout 30m pulumi up -s dev":     {web, backend, "pulumi up"},
		"sudo env TF_WORKSPACE=w terraform -chdir=tf apply": {"terraform:acme-states/env:/w/net/terraform.tfstate", "terraform:acme-states", "terraform apply"},
		"env CI=1 make terraform":                           {"error: it cannot be told what env works on", backend, "env"},
		"aws-vault exec prod -- ssh bastion pulumi up":      {"error: it cannot be told what aws-vault works on", backend, "aws-vault"},
		"timeout 30m ./deploy.sh terraform":                 {"error: it cannot be told what timeout works on", backend, "timeout"},
		"mise --cd other exec -- pulumi up -s dev":          {"error: it cannot be told what mise works on", backend, "mise"},
		"make -C other pulumi":                              {"error: it cannot be told what make works on", backend, "make"},
		"./deploy.sh terraform":                             {"error: it cannot be told what deploy.sh works on", backend, "deploy.sh"},
		"ssh bastion -- pulumi up -s dev":                   {"error: it cannot be told what ssh works on", backend, "ssh"},
		"docker run hashicorp/terraform apply":              {"error: it cannot be told what docker works on", backend, "docker"},
		"uv run --directory other pulumi up -s dev":         {"error: it cannot be told what uv works on", backend, "uv"},
		"env --chdir=other pulumi up -s dev":                {"error: it cannot be told what env works on", backend, "env"},
		"sh -c pulumi;x":                                    {"error: it cannot be told what sh works on", backend, "sh"},
	} {
		c := ParseCommand(strings.Fields(command), Options{Dir: dir, Getenv: environ(env)})
		if c.Operation != want[2] {
			t.Errorf("%s: the operation is %q, want %q", command, c.Operation, want[2])
		}
		for i, scope := range []Scope{ScopeStack, ScopeBackend} {
			name, err := c.LockName(scope)
			if text, failed := strings.CutPrefix(want[i], "error: "); failed {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("%s, %s: got %q, %v", command, scope, name, err)
				}
			} else if err != nil || name != want[i] {
				t.Errorf("%s, %s: got %q (%v), want %q", command, scope, name, err, want[i])
			}
		}
	}
}

func TestEnvironments(t *testing.T) {
	dir := tree(t, map[string]string{
		"dev/infra/backend.tf": wholeBlock, "dev/coder/backend.tf": partialBlock, "prod/main.tf": "",
	})
	locs, err := Environments(dir, Filter{}, Options{Getenv: environ(nil)})
	var le *Error
	if !errors.As(err, &le) || !strings.Contains(err.Error(), "leaves bucket, key to init") {
		t.Errorf("got %v", err)
	}
	if len(locs) != 2 || locs[0].Environment != "dev" || locs[0].Phase != "infra" || locs[0].S3 == nil || locs[1].Environment != "prod" || locs[1].File == "" {
		t.Errorf("got %+v", locs)
	}
}

// What is not wanted is not looked at, so that a broken environment is in nobody else's way.
func TestEnvironmentsFiltered(t *testing.T) {
	dir := tree(t, map[string]string{
		"dev/infra/backend.tf": wholeBlock, "dev/network/main.tf": "", "dev/main.tf": "", "broken/main.tf": "terraform {", "broken/infra/main.tf": "", "empty/notes.txt": "",
	})
	for _, c := range []struct {
		only Filter
		want string
		fail string
	}{
		{Filter{}, "broken/infra dev/ dev/infra", filepath.Join("broken", "main.tf")},
		{Filter{Environment: "dev"}, "dev/ dev/infra", ""},
		{Filter{Phase: "infra"}, "broken/infra dev/infra", filepath.Join("broken", "main.tf")},
		{Filter{Phase: "network"}, "dev/network", filepath.Join("broken", "main.tf")},
		{Filter{"dev", "network"}, "dev/network", ""},
		{Filter{Environment: "broken"}, "broken/infra", filepath.Join("broken", "main.tf")},
		{Filter{Environment: "nowhere"}, "", `no configuration of environment "nowhere"`},
		{Filter{Environment: "empty"}, "", `no configuration of environment "empty"`},
		{Filter{"dev", "coder"}, "", `no configuration of environment "dev" and phase "coder"`},
		{Filter{Environment: "../dev"}, "", "../dev"},
	} {
		locs, err := Environments(dir, c.only, Options{Getenv: environ(nil)})
		var got []string
		for _, l := range locs {
			got = append(got, l.Environment+"/"+l.Phase)
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%+v: got %q, %v", c.only, got, err)
		}
		var le *Error
		if errors.As(err, &le) && le.Nothing {
			t.Errorf("%+v: the error says that there is nothing at all: %v", c.only, err)
		}
	}
	_, err := Environments(tree(t, map[string]string{"empty/notes.txt": ""}), Filter{}, Options{Getenv: environ(nil)})
	var le *Error
	if !errors.As(err, &le) || !le.Nothing {
		t.Errorf("no environments: %v", err)
	}
}

func TestFindAll(t *testing.T) {
	for name, c := range map[string]struct {
		files     map[string]string
		dir       string
		tool      Tool
		all, here []Tool
		nothing   bool
	}{
		"both":            {files: map[string]string{"main.tf": "", "Pulumi.yaml": "name: web"}, all: []Tool{Terraform, Pulumi}, here: []Tool{Terraform, Pulumi}},
		"one of both":     {files: map[string]string{"main.tf": "", "Pulumi.yaml": "name: web"}, tool: Pulumi, all: []Tool{Pulumi}, here: []Tool{Pulumi}},
		"a project above": {files: map[string]string{"Pulumi.yaml": "name: web", "sub/x": ""}, dir: "sub", all: []Tool{Pulumi}},
		"nothing":         {files: map[string]string{"x": ""}, nothing: true},
		"the other":       {files: map[string]string{"main.tf": ""}, tool: Pulumi, all: []Tool{Pulumi}},
	} {
		o := Options{Dir: filepath.Join(tree(t, c.files), c.dir), Tool: c.tool, Getenv: environ(map[string]string{"PULUMI_BACKEND_URL": "file://~"})}
		all, err := FindAll(o)
		var le *Error
		if c.nothing != (errors.As(err, &le) && le.Nothing) || !c.nothing && err != nil || !slices.Equal(tools(all), c.all) {
			t.Errorf("%s: all are %v, %v", name, tools(all), err)
		}
		here, err := FindHere(o)
		if err != nil || !slices.Equal(tools(here), c.here) {
			t.Errorf("%s: here are %v, %v", name, tools(here), err)
		}
	}
	broken := tree(t, map[string]string{"main.tf": "terraform {", "Pulumi.yaml": "name: web"})
	found, err := FindAll(Options{Dir: broken, Getenv: environ(nil)})
	if err == nil || !slices.Equal(tools(found), []Tool{Pulumi}) {
		t.Errorf("beside a broken configuration: %v, %v", tools(found), err)
	}
}

func tools(locs []Location) []Tool {
	var out []Tool
	for _, l := range locs {
		out = append(out, l.Tool)
	}
	return out
}
