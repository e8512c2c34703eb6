package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

const (
	plain = "locals {}\n"
	block = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key    = \"k\"\n  }\n}\n"
)

func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// describe is an environment in one line: its kind, then each configuration's
// directory, key and backend.
func describe(root string, e Environment) string {
	out := e.Name + " " + string(e.Kind)
	for _, p := range e.Configurations() {
		dir, _ := filepath.Rel(root, p.Dir)
		out += fmt.Sprintf("; %s %s=%s", filepath.ToSlash(dir), p.Name, p.StateKey)
		if p.Backend != nil {
			out += fmt.Sprintf(" %s %s:%d", p.Backend.Type, p.Backend.File, p.Backend.Line())
		}
	}
	return out
}

func TestDetectOne(t *testing.T) {
	for name, tt := range map[string]struct {
		files   map[string]string
		options Options
		want    string
	}{
		"legacy": {map[string]string{"dev/main.tf": plain, "dev/providers.tf": block}, Options{},
			"dev legacy; dev =dev/terraform.tfstate s3 providers.tf:2"},
		"legacy without a backend": {map[string]string{"dev/main.tf": plain}, Options{},
			"dev legacy; dev =dev/terraform.tfstate"},
		"phased": {map[string]string{"dev/infra/main.tf": block, "dev/coder/main.tf.json": "{}", "dev/README.md": ""}, Options{},
			"dev phased; dev/infra infra=infra/terraform.tfstate s3 main.tf:2; dev/coder coder=coder/terraform.tfstate"},
		"first phase only": {map[string]string{"dev/infra/main.tf": plain, "dev/coder/README.md": ""}, Options{},
			"dev phased; dev/infra infra=infra/terraform.tfstate"},
		"second phase only": {map[string]string{"dev/coder/main.tf": plain}, Options{},
			"dev phased; dev/coder coder=coder/terraform.tfstate"},
		"converting": {map[string]string{"dev/main.tf": block, "dev/infra/main.tf": plain}, Options{},
			"dev mixed; dev =dev/terraform.tfstate s3 main.tf:2; dev/infra infra=infra/terraform.tfstate"},
		"empty":                {map[string]string{"dev/terraform.tfvars": "", "dev/infra/.keep": ""}, Options{}, "dev empty"},
		"hidden files":         {map[string]string{"dev/.main.tf": plain, "dev/main.tf~": plain}, Options{}, "dev empty"},
		"subdirectory by name": {map[string]string{"dev/main.tf/x": "", "dev/infra": ""}, Options{}, "dev empty"},
		"other phases": {map[string]string{"dev/network/main.tf": plain, "dev/apps/main.tf": plain, "dev/infra/main.tf": plain},
			Options{Phases: []string{"network", "apps"}},
			"dev phased; dev/network network=network/terraform.tfstate; dev/apps apps=apps/terraform.tfstate"},
		"tofu":               {map[string]string{"dev/infra/main.tofu": block}, Options{}, "dev phased; dev/infra infra=infra/terraform.tfstate s3 main.tofu:2"},
		"tofu, by Terraform": {map[string]string{"dev/infra/main.tofu": block}, Options{Tool: backendcfg.Terraform}, "dev empty"},
		"override":           {map[string]string{"dev/main.tf": block, "dev/backend_override.tf": "terraform {\n  backend \"local\" {}\n}\n"}, Options{}, "dev legacy; dev =dev/terraform.tfstate local backend_override.tf:2"},
		"dots and dashes":    {map[string]string{"dev/v1.2-a_b/main.tf": plain}, Options{Phases: []string{"v1.2-a_b"}}, "dev phased; dev/v1.2-a_b v1.2-a_b=v1.2-a_b/terraform.tfstate"},
	} {
		t.Run(name, func(t *testing.T) {
			root := writeFiles(t, tt.files)
			env, err := DetectOne(root, "dev", tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, describe(root, env)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	root := writeFiles(t, map[string]string{
		"staging/main.tf": block, "prod/infra/main.tf": plain, "prod/coder/main.tf": plain, "dev/.keep": "",
		".terraform/main.tf": plain, "README.md": "", "common.tf": plain,
	})
	want := []string{
		"dev empty",
		"prod phased; prod/infra infra=infra/terraform.tfstate; prod/coder coder=coder/terraform.tfstate",
		"staging legacy; staging =staging/terraform.tfstate s3 main.tf:2",
	}
	for range 3 {
		envs, err := Detect(root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range envs {
			got = append(got, describe(root, e))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDetectErrors(t *testing.T) {
	root := writeFiles(t, map[string]string{
		"good/main.tf": plain, "my env/main.tf": plain, "été/main.tf": plain, "a..b/main.tf": plain,
		"broken/infra/main.tf": "terraform {", "broken/coder/main.tf": block, "file": "",
	})
	envs, err := Detect(root, Options{})
	var got []string
	for _, e := range envs {
		got = append(got, describe(root, e))
	}
	want := []string{
		"broken phased; broken/infra infra=infra/terraform.tfstate; broken/coder coder=coder/terraform.tfstate s3 main.tf:2",
		"good legacy; good =good/terraform.tfstate",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what can be found should be: %s", diff)
	}
	for _, s := range []string{`"my env"`, `"été"`, `"a..b"`, filepath.Join("broken", "infra", "main.tf")} {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("error does not name %s: %v", s, err)
		}
	}
	if !errors.As(err, new(*NameError)) || !errors.As(err, new(*backendcfg.SyntaxError)) {
		t.Errorf("got %v", err)
	}

	for name, tt := range map[string]struct {
		root, env string
		options   Options
		want      any
	}{
		"no such environment": {root, "nowhere", Options{}, new(*DirError)},
		"a file":              {root, "file", Options{}, new(*DirError)},
		"a path":              {root, "../x", Options{}, new(*NameError)},
		"no name":             {root, "", Options{}, new(*NameError)},
		"phase is a path":     {root, "good", Options{Phases: []string{"a/b"}}, new(*NameError)},
		"phase twice":         {root, "good", Options{Phases: []string{"a", "b", "a"}}, new(*NameError)},
	} {
		if env, err := DetectOne(tt.root, tt.env, tt.options); !errors.As(err, tt.want) || env.Kind != "" {
			t.Errorf("%s: got %+v, %v", name, env, err)
		}
	}
	if _, err := DetectOne(root, "nowhere", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := Detect(filepath.Join(root, "nowhere"), Options{}); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, new(*DirError)) {
		t.Errorf("got %v", err)
	}
	if _, err := Detect(root, Options{Phases: []string{""}}); !errors.As(err, new(*NameError)) {
		t.Errorf("got %v", err)
	}
}

func TestStateKey(t *testing.T) {
	for _, tt := range []struct{ env, phase, want string }{
		{"dev", "", "dev/terraform.tfstate"},
		{"dev", "infra", "infra/terraform.tfstate"},
		{"prod", "coder", "coder/terraform.tfstate"},
		{"eu-west_1.b", "2nd", "2nd/terraform.tfstate"},
	} {
		if got, err := StateKey(tt.env, tt.phase); err != nil || got != tt.want {
			t.Errorf("%q, %q: got %q, %v", tt.env, tt.phase, got, err)
		}
	}
	for _, name := range []string{"", "a/b", "/a", "a/", "..", ".", "a..b", "a.", "-a", "a b", "a\n", "a\x00", "é", "\xff", "${a}", strings.Repeat("a", 101)} {
		if _, err := StateKey(name, "infra"); !errors.As(err, new(*NameError)) {
			t.Errorf("environment %q: got %v", name, err)
		}
		if _, err := StateKey("dev", name); name != "" && !errors.As(err, new(*NameError)) {
			t.Errorf("phase %q: got %v", name, err)
		}
	}
}

// FuzzStateKey: whatever passes is a key that the backend accepts, and a path that
// stays inside.
func FuzzStateKey(f *testing.F) {
	for _, s := range []string{"dev", "", "..", "a.b", "a..b", "A-_9", "con", "a/b"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, env, phase string) {
		key, err := StateKey(env, phase)
		if err != nil {
			if !errors.As(err, new(*NameError)) {
				t.Fatalf("got %T", err)
			}
			return
		}
		if err := backendcfg.ValidateKey("key", key); err != nil {
			t.Fatal(err)
		}
		if !filepath.IsLocal(filepath.Join(env, phase)) || filepath.Dir(filepath.Join("r", env)) != "r" {
			t.Fatalf("%q and %q lead elsewhere", env, phase)
		}
	})
}
