package backendcfg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writeFiles makes a directory of a txtar-like map.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	s3Block    = "terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n    key = \"k\"\n  }\n}\n"
	localBlock = "terraform {\n  backend \"local\" {}\n}\n"
	cloudBlock = "# c\nterraform {\n  cloud {\n    hostname = \"h\"\n  }\n}\n"
	jsonBlock  = `{"terraform": {"backend": {"s3": {"bucket": "jb", "key": "jk"}}}}`
)

func TestParseDirEffective(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		tool  Tool
		want  string // type file:line
	}{
		"nothing":             {map[string]string{"main.tf": "locals {}\n"}, Terraform, ""},
		"empty directory":     {map[string]string{"sub/main.tf": s3Block}, Terraform, ""},
		"block":               {map[string]string{"main.tf": s3Block}, Terraform, "s3 main.tf:2"},
		"cloud":               {map[string]string{"main.tf": cloudBlock}, Terraform, "cloud main.tf:3"},
		"JSON":                {map[string]string{"main.tf.json": jsonBlock}, Terraform, "s3 main.tf.json:1"},
		"override":            {map[string]string{"main.tf": s3Block, "backend_override.tf": localBlock}, Terraform, "local backend_override.tf:2"},
		"override by cloud":   {map[string]string{"main.tf": s3Block, "override.tf": cloudBlock}, Terraform, "cloud override.tf:3"},
		"last override":       {map[string]string{"main.tf": s3Block, "a_override.tf": localBlock, "b_override.tf.json": jsonBlock}, Terraform, "s3 b_override.tf.json:1"},
		"override without":    {map[string]string{"main.tf": s3Block, "override.tf": "locals {}\n"}, Terraform, "s3 main.tf:2"},
		"not an override":     {map[string]string{"main.tf": s3Block, "myoverride.tf": "locals {}\n"}, Terraform, "s3 main.tf:2"},
		"tofu ignored":        {map[string]string{"main.tf": s3Block, "main.tofu": localBlock}, Terraform, "s3 main.tf:2"},
		"tofu twin":           {map[string]string{"main.tf": s3Block, "main.tofu": localBlock}, OpenTofu, "local main.tofu:2"},
		"tofu twin without":   {map[string]string{"main.tf": s3Block, "main.tofu": "locals {}\n"}, OpenTofu, ""},
		"tofu JSON twin":      {map[string]string{"a.tf.json": jsonBlock, "a.tofu.json": "{}"}, OpenTofu, ""},
		"not a JSON twin":     {map[string]string{"a.tf": s3Block, "a.tofu.json": "{}"}, OpenTofu, "s3 a.tf:2"},
		"tofu override":       {map[string]string{"main.tf": s3Block, "x_override.tofu": localBlock}, OpenTofu, "local x_override.tofu:2"},
		"override twin":       {map[string]string{"main.tf": s3Block, "x_override.tf": localBlock, "x_override.tofu": "locals {}\n"}, OpenTofu, "s3 main.tf:2"},
		"either tool":         {map[string]string{"main.tofu": s3Block}, "", "s3 main.tofu:2"},
		"hidden and backups":  {map[string]string{".main.tf": s3Block, "main.tf~": s3Block, "#main.tf#": s3Block, "main.tf.bak": s3Block}, OpenTofu, ""},
		"byte order mark":     {map[string]string{"main.tf": "\xef\xbb\xbf" + s3Block}, Terraform, "s3 main.tf:2"},
		"backend by resource": {map[string]string{"main.tf": "resource \"x\" \"y\" {\n" + s3Block + "}\n"}, Terraform, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDir(writeFiles(t, tt.files), tt.tool)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if b := d.Effective(); b != nil {
				got = b.Type + " " + b.File + ":" + strings.Split(b.Range.String(), ":")[1]
				got, _, _ = strings.Cut(got, ",")
				if b.Cloud() != (b.Type == "cloud") {
					t.Error("Cloud and Type differ")
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseDirAttributes(t *testing.T) {
	dir := writeFiles(t, map[string]string{"main.tf": `terraform {
  backend "s3" {
    bucket         = "b${1 + 1}"
    key            = var.key
    region         = "fr-par"
    max_retries    = 3
    use_lockfile   = true
    endpoints      = { s3 = "https://e", "sts" = null }
    profile        = null
    workspace_key_prefix = "a$${b}"
    kms_key_id     = [for a in [1, 2] : a][0]
  }
}`})
	d, err := ParseDir(dir, Terraform)
	if err != nil {
		t.Fatal(err)
	}
	b := d.Effective()
	if diff := cmp.Diff([]string{"bucket", "key", "kms_key_id"}, b.Dynamic); diff != "" {
		t.Errorf("dynamic: %s", diff)
	}
	if s, ok := b.Text("region"); !ok || s != "fr-par" {
		t.Errorf("region %q %v", s, ok)
	}
	if s, ok := b.Text("workspace_key_prefix"); !ok || s != "a${b}" {
		t.Errorf("workspace_key_prefix %q %v", s, ok)
	}
	for _, name := range []string{"max_retries", "profile", "bucket", "nothing"} {
		if s, ok := b.Text(name); ok {
			t.Errorf("%s is %q", name, s)
		}
	}
	if e := b.Attributes["endpoints"].GetAttr("s3").AsString(); e != "https://e" {
		t.Errorf("endpoint %q", e)
	}
	if b.Partial() {
		t.Errorf("missing %v, though a dynamic argument is there", b.Missing)
	}
}

func TestParseDirPartial(t *testing.T) {
	for content, want := range map[string]string{
		"terraform {\n  backend \"s3\" {}\n}":                          "bucket key",
		"terraform {\n  backend \"s3\" {\n    key = \"k\"\n  }\n}":     "bucket",
		"terraform {\n  backend \"s3\" {\n    bucket = null\n  }\n}":   "bucket key",
		"terraform {\n  backend \"pg\" {}\n}":                          "",
		"terraform {\n  backend \"local\" {}\n}":                       "",
		"terraform {\n  backend \"unheard_of\" {}\n}":                  "",
		"terraform {\n  cloud {}\n}":                                   "",
		"terraform {\n  backend \"gcs\" {\n    prefix = \"x\"\n  }\n}": "bucket",
	} {
		d, err := ParseDir(writeFiles(t, map[string]string{"main.tf": content}), Terraform)
		if err != nil {
			t.Fatal(err)
		}
		b := d.Effective()
		if got := strings.Join(b.Missing, " "); got != want || b.Partial() != (want != "") {
			t.Errorf("%s: missing %q, want %q", content, got, want)
		}
	}
}

func TestParseDirJSONTemplates(t *testing.T) {
	dir := writeFiles(t, map[string]string{"main.tf.json": `{"terraform": {"backend": {"s3": {"bucket": "${var.b}", "key": "k"}}}}`})
	for tool, want := range map[Tool]bool{Terraform: true, OpenTofu: false} {
		d, err := ParseDir(dir, tool)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := d.Effective().Text("bucket"); ok != want {
			t.Errorf("%s: bucket %q is literal: %v", tool, s, ok)
		}
	}
}

func TestParseDirErrors(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"a.tf": s3Block, "broken.tf": "terraform {", "broken.tf.json": "{", "deep.tf.json": strings.Repeat("[", 5000),
		"deep.tf": "a = " + strings.Repeat("(", 5000),
	})
	d, err := ParseDir(dir, Terraform)
	if d == nil || d.Effective() == nil || d.Effective().File != "a.tf" {
		t.Errorf("what parses should still be there: %+v", d)
	}
	for _, want := range []string{"broken.tf:", "broken.tf.json:", "deep.tf.json:", "deep.tf:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
	if !errors.As(err, new(*SyntaxError)) || !errors.As(err, new(*UnsupportedFileError)) {
		t.Errorf("got %v", err)
	}
	if _, err := ParseDir(filepath.Join(dir, "nowhere"), Terraform); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := HasConfiguration(filepath.Join(dir, "nowhere"), Terraform); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestShadows(t *testing.T) {
	type found struct {
		Kind ShadowKind
		File string
		Line int
		Type string
	}
	for name, tt := range map[string]struct {
		files  map[string]string
		target string
		tool   Tool
		want   []found
	}{
		"nothing":                {map[string]string{"main.tf": "locals {}\n"}, "backend.tf", Terraform, nil},
		"the target itself":      {map[string]string{"backend.tf": s3Block}, "backend.tf", Terraform, nil},
		"another block":          {map[string]string{"main.tf": s3Block}, "backend.tf", Terraform, []found{{ShadowCollision, "main.tf", 2, "s3"}}},
		"another type":           {map[string]string{"main.tf": localBlock}, "backend.tf", Terraform, []found{{ShadowCollision, "main.tf", 2, "local"}}},
		"JSON":                   {map[string]string{"backend.tf.json": jsonBlock}, "backend.tf", Terraform, []found{{ShadowCollision, "backend.tf.json", 1, "s3"}}},
		"cloud":                  {map[string]string{"main.tf": cloudBlock}, "backend.tf", Terraform, []found{{ShadowCloud, "main.tf", 3, "cloud"}}},
		"override":               {map[string]string{"backend_override.tf": localBlock}, "backend.tf", Terraform, []found{{ShadowOverride, "backend_override.tf", 2, "local"}}},
		"override with cloud":    {map[string]string{"override.tf": cloudBlock}, "backend.tf", Terraform, []found{{ShadowOverride, "override.tf", 3, "cloud"}}},
		"override without":       {map[string]string{"override.tf": "locals {}\n"}, "backend.tf", Terraform, nil},
		"twin":                   {map[string]string{"backend.tofu": "locals {}\n"}, "backend.tf", OpenTofu, []found{{ShadowTwin, "backend.tofu", 1, ""}}},
		"twin with a block":      {map[string]string{"backend.tofu": s3Block, "backend.tf": s3Block}, "backend.tf", OpenTofu, []found{{ShadowTwin, "backend.tofu", 1, ""}}},
		"twin, Terraform":        {map[string]string{"backend.tofu": s3Block}, "backend.tf", Terraform, nil},
		"twin, either":           {map[string]string{"backend.tofu": s3Block}, "backend.tf", "", []found{{ShadowTwin, "backend.tofu", 1, ""}}},
		"JSON twin":              {map[string]string{"b.tofu.json": "{}"}, "b.tf.json", OpenTofu, []found{{ShadowTwin, "b.tofu.json", 1, ""}}},
		"hides":                  {map[string]string{"providers.tf": s3Block}, "providers.tofu", OpenTofu, []found{{ShadowHides, "providers.tf", 1, ""}}},
		"hides, both there":      {map[string]string{"providers.tf": "", "providers.tofu": s3Block}, "providers.tofu", OpenTofu, []found{{ShadowHides, "providers.tf", 1, ""}}},
		"tofu for Terraform":     {nil, "backend.tofu", Terraform, []found{{ShadowNotLoaded, "backend.tofu", 0, ""}}},
		"hidden":                 {nil, ".backend.tf", OpenTofu, []found{{ShadowNotLoaded, ".backend.tf", 0, ""}}},
		"no extension":           {nil, "backend", Terraform, []found{{ShadowNotLoaded, "backend", 0, ""}}},
		"target overrides":       {map[string]string{"main.tf": s3Block}, "backend_override.tf", Terraform, nil},
		"later override":         {map[string]string{"a_override.tf": s3Block, "z_override.tf": localBlock}, "m_override.tf", Terraform, []found{{ShadowOverride, "z_override.tf", 2, "local"}}},
		"several":                {map[string]string{"a.tf": s3Block, "b.tf": cloudBlock, "x_override.tf": localBlock}, "backend.tf", Terraform, []found{{ShadowCollision, "a.tf", 2, "s3"}, {ShadowCloud, "b.tf", 3, "cloud"}, {ShadowOverride, "x_override.tf", 2, "local"}}},
		"target in another tool": {map[string]string{"main.tofu": s3Block}, "backend.tf", OpenTofu, []found{{ShadowCollision, "main.tofu", 2, "s3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeFiles(t, tt.files)
			shadows, err := Shadows(dir, filepath.Join(dir, tt.target), tt.tool)
			if err != nil {
				t.Fatal(err)
			}
			var got []found
			for _, s := range shadows {
				got = append(got, found{s.Kind, s.File, s.Line, s.Type})
				if !strings.Contains(s.Message, s.File) || !strings.Contains(s.Message, ":") {
					t.Errorf("message %q says neither where nor what to do", s.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	dir := writeFiles(t, map[string]string{"broken.tf": "terraform {", "main.tf": s3Block})
	if got, err := Shadows(dir, "backend.tf", Terraform); !errors.As(err, new(*SyntaxError)) || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Shadows(filepath.Join(dir, "nowhere"), "backend.tf", Terraform); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
