package backendcfg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const anAddress = "s3://acme-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud"

func projects(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/project/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("corpus of %d files: %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = src
	}
	return out
}

func TestEditProject(t *testing.T) {
	for name, tt := range map[string]struct{ before, after, removed string }{
		"none": {"name: web\nruntime: yaml\n", "name: web\nruntime: yaml\nbackend:\n  url: " + anAddress + "\n", ""},
		"no newline at the end": {
			"name: web\nruntime: yaml", "name: web\nruntime: yaml\nbackend:\n  url: " + anAddress, ""},
		"windows": {"name: web\r\nruntime: yaml\r\n", "name: web\r\nruntime: yaml\r\nbackend:\r\n  url: " + anAddress + "\r\n", ""},
		"byte order mark": {
			"\xef\xbb\xbfname: web\n", "\xef\xbb\xbfname: web\nbackend:\n  url: " + anAddress + "\n", ""},
		"indented":         {"  name: web\n", "  name: web\n  backend:\n    url: " + anAddress + "\n", ""},
		"document start":   {"# head\n---\nname: web\n# foot\n", "# head\n---\nname: web\n# foot\nbackend:\n  url: " + anAddress + "\n", ""},
		"after open text":  {"name: web\ndescription: |\n  a: b", "backend:\n  url: " + anAddress + "\nname: web\ndescription: |\n  a: b", ""},
		"document end":     {"name: web\n...\n", "backend:\n  url: " + anAddress + "\nname: web\n...\n", ""},
		"replaced":         {"name: web\nbackend:\n  url: file://~ # here\nruntime: go\n", "name: web\nbackend:\n  url: " + anAddress + " # here\nruntime: go\n", "name: web\nbackend:\n  # here\nruntime: go\n"},
		"in quotes":        {"backend: # why\n    \"url\"  :   'file://~'\nname: web\n", "backend: # why\n    \"url\"  :   '" + anAddress + "'\nname: web\n", "backend: # why\nname: web\n"},
		"in double quotes": {"name: web\nbackend:\n  url: \"file://~\"\n", "name: web\nbackend:\n  url: \"" + anAddress + "\"\n", "name: web\n"},
		"no value":         {"name: web\nbackend:\n  url:\n", "name: web\nbackend:\n  url: " + anAddress + "\n", "name: web\n"},
		"no value, comment": {
			"name: web\nbackend:\n  url: # none yet\n", "name: web\nbackend:\n  url: " + anAddress + " # none yet\n", "name: web\nbackend:\n  # none yet\n"},
		"null":          {"name: web\nbackend:\n  url: ~\n", "name: web\nbackend:\n  url: " + anAddress + "\n", "name: web\n"},
		"empty backend": {"name: web\nbackend:\nruntime: go\n", "name: web\nbackend:\n  url: " + anAddress + "\nruntime: go\n", "name: web\nruntime: go\n"},
		"empty backend at the end": {
			"name: web\nbackend: # where", "name: web\nbackend: # where\n  url: " + anAddress, "name: web\nbackend: # where"},
		"other keys":         {"backend:\n   # first\n   other: 1\nname: web\n", "backend:\n   # first\n   url: " + anAddress + "\n   other: 1\nname: web\n", "backend:\n   # first\n   other: 1\nname: web\n"},
		"comment in it":      {"name: web\nbackend:\n  # mine\n  url: file://~\n", "name: web\nbackend:\n  # mine\n  url: " + anAddress + "\n", "name: web\nbackend:\n  # mine\n"},
		"comment after it":   {"name: web\nbackend:\n  url: file://~\n  # mine\n", "name: web\nbackend:\n  url: " + anAddress + "\n  # mine\n", "name: web\nbackend:\n  # mine\n"},
		"multibyte before":   {"name: web\ndescription: \"äöü→😀\"\nbackend: {}\n", "", ""},
		"multibyte on lines": {"# äöü\nname: web\nbackend:\n  url: file://ä\n", "# äöü\nname: web\nbackend:\n  url: " + anAddress + "\n", "# äöü\nname: web\n"},
		"the same already":   {"backend:\n  url: '" + anAddress + "'\nname: x\n", "backend:\n  url: '" + anAddress + "'\nname: x\n", "name: x\n"},
		"anchors elsewhere":  {"config: &c\n  a: 1\nmore: *c\nname: web\n", "config: &c\n  a: 1\nmore: *c\nname: web\nbackend:\n  url: " + anAddress + "\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := EditProject([]byte(tt.before), "Pulumi.yaml", anAddress)
			if tt.after == "" {
				if !errors.As(err, new(*UnsupportedFileError)) {
					t.Fatalf("got %v\n%s", err, out)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.after, string(out)); d != "" {
				t.Error(d)
			}
			if url, found, err := ProjectURL(out, "Pulumi.yaml"); url != anAddress || !found || err != nil {
				t.Errorf("read back as %q, %v: %v", url, found, err)
			}
			back, err := RemoveProjectURL(out, "Pulumi.yaml")
			if err != nil {
				t.Fatal(err)
			}
			want := tt.removed
			if want == "" {
				want = tt.before
			}
			if d := cmp.Diff(want, string(back)); d != "" {
				t.Errorf("after the removal: %s", d)
			}
		})
	}
}

// TestEditProjectRefuses: where the place is not certain, nothing is edited and the line is named.
func TestEditProjectRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ src, message string }{
		"alias":            {"x: &a\n  url: file://~\nbackend: *a\n", "line 3 has an anchor or an alias"},
		"anchor":           {"name: x\nbackend: &b\n  url: file://~\n", "line 2 has an anchor or an alias"},
		"anchored key":     {"name: x\n&k backend:\n  url: file://~\n", "an anchor"},
		"aliased url":      {"x: &a file://~\nbackend:\n  url: *a\n", "line 3 has an anchor or an alias at backend.url"},
		"merged":           {"x: &a\n  url: file://~\nbackend:\n  <<: *a\n", "line 4 merges another mapping"},
		"merged above":     {"x: &a\n  backend:\n    url: file://~\n<<: *a\n", "merges another mapping"},
		"two documents":    {"name: x\n---\nname: y\n", "second document"},
		"flow":             {"{name: x, runtime: go}\n", "in braces"},
		"flow backend":     {"name: x\nbackend: {url: 'file://~'}\n", "line 2 writes the backend in braces"},
		"twice":            {"name: x\nbackend:\n  url: a://b\nbackend:\n  url: c://d\n", "lines 2, 4"},
		"url twice":        {"name: x\nbackend:\n  url: a://b\n  url: c://d\n", "lines 3, 4"},
		"other key twice":  {"name: x\nname: y\n", "lines 1, 2"},
		"tab":              {"name: x\nbackend:\n\turl: file://~\n", "is not valid YAML"},
		"folded":           {"backend:\n  url: >-\n    file://\n    x\n", "several lines"},
		"literal":          {"backend:\n  url: |\n    file://~\n", "backend.url"},
		"over two lines":   {"backend:\n  url: file://\n    x\n", "several lines"},
		"tagged":           {"backend:\n  url: !!str file://~\n", "tag"},
		"number":           {"backend:\n  url: 1\n", "no text"},
		"list":             {"backend:\n  - url\n", "no mapping"},
		"text":             {"backend: file://~\n", "no mapping"},
		"explicit key":     {"? backend\n: url: file://~\n", "more than spaces before backend"},
		"empty":            {"# nothing\n", "holds no project"},
		"a list":           {"- a\n", "holds no project"},
		"lone returns":     {"name: x\rruntime: y\n", "carriage returns"},
		"next line":        {"name: x # \u0085\n", "line separator"},
		"not UTF-8":        {"name: \xff\n", "not UTF-8"},
		"not YAML":         {"name: [\n", "is not valid YAML"},
		"unknown alias":    {"name: *x\n", "is not valid YAML"},
		"too long":         {"# " + strings.Repeat("x", maxSourceBytes) + "\n", "bytes long"},
		"control in quote": {"name: \"\x01\"\n", "is not valid YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := EditProject([]byte(tt.src), "dir/Pulumi.yaml", anAddress)
			if err == nil {
				t.Fatalf("edited:\n%s", out)
			}
			typed(t, err)
			if !strings.Contains(err.Error(), tt.message) || !strings.HasPrefix(err.Error(), "dir/Pulumi.yaml") {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := EditProject([]byte("{}"), "Pulumi.json", anAddress); !errors.As(err, new(*UnsupportedFileError)) {
		t.Errorf("JSON: %v", err)
	}
	if _, err := EditProject([]byte("name: x\n"), "Pulumi.yaml", "s3://key:hunter2@b"); !errors.As(err, new(*CredentialError)) {
		t.Errorf("a credential: %v", err)
	}
}

// FuzzEditProject: an edit changes backend.url and not one other thing, as the parser of Pulumi
// reads it; doing it again changes nothing; and of what had no backend the removal is the inverse.
func FuzzEditProject(f *testing.F) {
	for _, src := range projects(f) {
		f.Add(src)
	}
	for _, s := range []string{
		"backend:\n  url:", "backend:", "backend: ~", "\"backend\":\n  'url': \"x\"", "backend:\n  url: ''\n", "a: |+\n\n\nb: 1\n\n",
		"backend:\n url: a\n  b", "backend : \n  url : x", "{}", "a: 'x\n\n y'\n", "? a\n: b\n", "%YAML 1.1\n---\na: b\n", "a: b\n...\n# c\n",
		"- a\n", "backend:\n  url: x\n  <<: {a: b}\n", "!!map\na: b\n", "&r\na: b\n", "backend: !x\n  url: y\n", "a: \"\\\r\n  b\"\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		before := bytes.Clone(src)
		out, err := EditProject(src, "Pulumi.yaml", anAddress)
		if !bytes.Equal(before, src) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.As(err, new(*VerifyError)) {
				typed(t, err)
			}
			return
		}
		checkEditedProject(t, src, out)
		again, err := EditProject(out, "Pulumi.yaml", anAddress)
		if err != nil || !bytes.Equal(out, again) {
			t.Fatalf("the second edit: %v\n%q\n%q", err, out, again)
		}
		back, err := RemoveProjectURL(out, "Pulumi.yaml")
		if err != nil {
			if !errors.As(err, new(*VerifyError)) {
				typed(t, err)
			}
			return
		}
		if p, err := parseProject("Pulumi.yaml", src); err == nil && p.backend == nil && !bytes.Equal(back, src) {
			t.Fatalf("the removal is not the inverse:\n%q\n%q\n%q", src, out, back)
		}
	})
}

// checkEditedProject decodes both, as Pulumi does, and compares.
func checkEditedProject(t *testing.T, src, out []byte) {
	t.Helper()
	var a, b map[string]any
	if yaml.Unmarshal(src, &a) != nil {
		return // as a tree of nodes it was fine, and Pulumi could not read it before either
	}
	if err := yaml.Unmarshal(out, &b); err != nil {
		t.Fatalf("no longer valid: %v\n%q\n%q", err, src, out)
	}
	if a == nil {
		a = map[string]any{}
	}
	backend, _ := a["backend"].(map[string]any)
	if backend == nil {
		backend = map[string]any{}
	}
	backend["url"] = anAddress
	a["backend"] = backend
	if d := cmp.Diff(a, b); d != "" {
		t.Fatalf("%s\n%q\n%q", d, src, out)
	}
}

func TestCreatedProject(t *testing.T) {
	for _, p := range []PulumiProject{{Name: "web", Runtime: "yaml"}, {Name: "123", Runtime: "go", Description: "says \"hi\" \\ #: 'x'"}, {Name: "no", Runtime: "nodejs"}, {Name: "1e3", Runtime: "python"}} {
		if err := p.validate(); err != nil {
			t.Fatal(err)
		}
		text := []byte(p.Text())
		var got PulumiProject
		if err := yaml.Unmarshal(text, &got); err != nil || got != p {
			t.Errorf("%+v reads as %+v: %v", p, got, err)
		}
		if !CreatedProject(text) {
			t.Errorf("not known again:\n%s", text)
		}
		out, err := EditProject(text, "Pulumi.yaml", anAddress)
		if err != nil {
			t.Fatal(err)
		}
		if CreatedProject(out) {
			t.Error("a backend counts as part of it")
		}
	}
	if CreatedProject([]byte("name: web\nruntime: yaml\n")) {
		t.Error("somebody else's project counts as created by groundwork")
	}
	for _, p := range []PulumiProject{{Runtime: "go"}, {Name: "a b", Runtime: "go"}, {Name: "a"}, {Name: "a", Runtime: "Go\n"}, {Name: "a", Runtime: "go", Description: "AKIAIOSFODNN7EXAMPLE"}, {Name: "a", Runtime: "go", Description: "two\nlines"}} {
		if err := p.validate(); err == nil {
			t.Errorf("%+v passed", p)
		}
	}
}
