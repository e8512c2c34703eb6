package backendcfg

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

var update = flag.Bool("update", false, "rewrite golden files")

// scaleway is the two-phase set-up that the documentation shows.
func scaleway() Config {
	return Config{
		S3: S3{
			Bucket:   "terraform-state-coder-dev",
			Key:      "coder/terraform.tfstate",
			Region:   "fr-par",
			Endpoint: "https://s3.fr-par.scw.cloud",
			Flags:    NonAWSFlags(),
		},
		Lock:         Resolved{Mode: LockLockfile},
		RemoteStates: []RemoteState{{Name: "infra", Key: "infra/terraform.tfstate"}},
	}
}

func mustFragment(t testing.TB, c Config) Fragment {
	t.Helper()
	f, err := RenderFragment(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func mustEdit(t testing.TB, src []byte, file string, f Fragment) []byte {
	t.Helper()
	out, err := Edit(src, file, f, EditOptions{})
	if err != nil {
		t.Fatalf("Edit: %v", err)
	}
	return out
}

func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/edit/*.tf")
	if err != nil || len(files) < 30 {
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

// TestEditCorpus edits every file, compares the result with a golden one, and checks the
// properties that must hold for any file.
func TestEditCorpus(t *testing.T) {
	f := mustFragment(t, scaleway())
	for name, src := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			out := mustEdit(t, src, name, f)
			golden := filepath.Join("testdata", "edit", name+".golden")
			if *update {
				if err := os.WriteFile(golden, out, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(out)); diff != "" {
				t.Errorf("differs from %s:\n%s", golden, diff)
			}
			checkEdited(t, src, out, name, f)
		})
	}
}

// checkEdited holds Edit to its promises, without using its own code to look.
func checkEdited(t testing.TB, src, out []byte, name string, f Fragment) {
	t.Helper()
	if a, b := outside(t, src, f.Names()), outside(t, out, f.Names()); a != b {
		t.Errorf("bytes outside of the blocks changed:\n%s", cmp.Diff(a, b))
	}
	checkNewlines(t, src, out)
	if again := mustEdit(t, out, name, f); !bytes.Equal(again, out) {
		t.Errorf("a second edit changed the file:\n%s", cmp.Diff(string(out), string(again)))
	}
	had, _, err := Extract(src, name, f.Names()...)
	if err != nil {
		t.Fatalf("Extract: %v", err)
	}
	back, err := Remove(out, name)
	if err != nil {
		t.Fatalf("Remove: %v", err)
	}
	if nothing := had.Backend == "" && len(had.RemoteStates) == 0; nothing && !bytes.Equal(back, src) {
		t.Errorf("Remove did not restore the file:\n got %q\nwant %q", back, src)
	}
}

// outside is what is left of a file without the blocks that Edit may touch, and
// without white space, which Remove is held to elsewhere.
func outside(t testing.TB, src []byte, names []string) string {
	t.Helper()
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	file, diags := hclsyntax.ParseConfig(src, "x.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("does not parse: %v\n%s", diags, src)
	}
	keep := bytes.Clone(src)
	erase := func(start, end int) {
		for i := start; i < end; i++ {
			keep[i] = ' '
		}
	}
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		start, end := b.TypeRange.Start.Byte, b.CloseBraceRange.End.Byte
		if b.Type == "data" && len(b.Labels) == 2 && b.Labels[0] == "terraform_remote_state" {
			if slices.Contains(names, b.Labels[1]) || bytes.Contains(src[start:end], []byte("# Managed by groundwork")) {
				erase(start, end)
			}
		}
		if b.Type != "terraform" {
			continue
		}
		for _, in := range b.Body.Blocks {
			if in.Type == "backend" {
				erase(in.TypeRange.Start.Byte, in.CloseBraceRange.End.Byte)
			}
		}
		if rest := keep[b.OpenBraceRange.End.Byte:b.CloseBraceRange.Start.Byte]; len(bytes.TrimSpace(rest)) == 0 {
			erase(start, end)
		}
	}
	return strings.Join(strings.Fields(string(keep)), "")
}

// checkNewlines: what is added takes the file's newline, and the mark stays.
func checkNewlines(t testing.TB, src, out []byte) {
	t.Helper()
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) != bytes.HasPrefix(out, []byte("\xef\xbb\xbf")) {
		t.Error("the byte order mark came or went")
	}
	lone := func(b []byte) int { return bytes.Count(b, []byte("\n")) - bytes.Count(b, []byte("\r\n")) }
	crlf := func(b []byte) int { return bytes.Count(b, []byte("\r\n")) }
	if crlf(src) > lone(src) && lone(out) > lone(src) {
		t.Error("a file with CRLF got lines that end with LF")
	}
	if crlf(src) == 0 && !bytes.ContainsRune(src, '\r') && crlf(out) > 0 {
		t.Error("a file with LF got lines that end with CRLF")
	}
}

// TestEditChangesInPlace covers a second edit with other settings.
func TestEditChangesInPlace(t *testing.T) {
	first := mustFragment(t, scaleway())
	c := scaleway()
	c.S3.Key, c.S3.Flags.UsePathStyle = "other/terraform.tfstate", true
	c.RemoteStates = append(c.RemoteStates, RemoteState{Name: "dns", Bucket: "dns-state", Key: "dns.tfstate"})
	second := mustFragment(t, c)
	for name, src := range corpus(t) {
		t.Run(name, func(t *testing.T) {
			one := mustEdit(t, src, name, first)
			two := mustEdit(t, one, name, second)
			checkEdited(t, src, two, name, second)
			// Going back drops the remote state that the first does not name.
			if back := mustEdit(t, two, name, first); !bytes.Equal(back, one) {
				t.Errorf("going back gives another file:\n%s", cmp.Diff(string(one), string(back)))
			}
		})
	}
}

func TestEditKeepsForeignRemoteStates(t *testing.T) {
	src := []byte("data \"terraform_remote_state\" \"other\" {\n  backend = \"local\"\n}\n")
	f := mustFragment(t, scaleway())
	out := mustEdit(t, src, "x.tf", f)
	if !bytes.HasPrefix(out, src) {
		t.Errorf("a foreign remote state was touched:\n%s", out)
	}
	f.RemoteStates = nil
	out = mustEdit(t, out, "x.tf", f)
	if !bytes.HasPrefix(out, src) || bytes.Contains(out, []byte(`"infra"`)) {
		t.Errorf("want the foreign remote state kept and ours dropped:\n%s", out)
	}
}

func TestEditRefuses(t *testing.T) {
	f := mustFragment(t, scaleway())
	for _, tt := range []struct {
		name, src string
		want      any
		message   string
	}{
		{"several terraform blocks", "terraform {}\nlocals {}\nterraform {}\n", new(*AmbiguousError), "terraform blocks (lines 1, 3)"},
		{"two backends", "terraform {\n  backend \"s3\" {}\n  backend \"s3\" {}\n}\n", new(*AmbiguousError), "backend blocks (lines 2, 3)"},
		{"cloud", "terraform {\n  cloud {\n  }\n}\n", new(*ConflictError), "x.tf:2: a cloud block"},
		{"other backend", "terraform {\n  backend \"gcs\" {\n  }\n}\n", new(*ConflictError), `backend "gcs" already`},
		{"two data sources", strings.Repeat("data \"terraform_remote_state\" \"infra\" {}\n", 2), new(*AmbiguousError), "(lines 1, 2)"},
		{"broken", "terraform {\n  a = \"AKIAIOSFODNN7EXAMPLE\n}\n", new(*SyntaxError), "x.tf:2:"},
		{"unclosed", "terraform {\n", new(*SyntaxError), "x.tf:"},
		{"deep", "a = " + strings.Repeat("[", 200000), new(*UnsupportedFileError), "nests"},
		{"deep negation", "a = " + strings.Repeat("!", 200000) + "true", new(*UnsupportedFileError), "nests"},
		{"deep conditional", "a = " + strings.Repeat("b ? c : ", 200000) + "d", new(*UnsupportedFileError), "nests"},
		{"huge", "#" + strings.Repeat("x", 5<<20), new(*UnsupportedFileError), "split it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := Edit([]byte(tt.src), "x.tf", f, EditOptions{})
			if !errors.As(err, tt.want) {
				t.Fatalf("got %v, want %T", err, tt.want)
			}
			if out != nil {
				t.Error("there is output beside the error")
			}
			if !strings.Contains(err.Error(), tt.message) {
				t.Errorf("error %q does not say %q", err, tt.message)
			}
			if strings.Contains(err.Error(), "AKIA") {
				t.Errorf("error %q quotes the file", err)
			}
		})
	}
	if _, err := Edit(nil, "x.tf.json", f, EditOptions{}); !errors.As(err, new(*UnsupportedFileError)) {
		t.Errorf("JSON: got %v", err)
	}
	if _, err := Edit(nil, "x.tf", Fragment{}, EditOptions{}); !errors.As(err, new(*FieldError)) {
		t.Errorf("empty fragment: got %v", err)
	}
	bad := Fragment{Backend: "backend \"s3\" {\n  bucket = \"x\"\n} # }"}
	if _, err := Edit(nil, "x.tf", bad, EditOptions{}); !errors.As(err, new(*VerifyError)) {
		t.Errorf("a fragment that is no block: got %v", err)
	}
}

func TestEditAllowReplace(t *testing.T) {
	f := mustFragment(t, scaleway())
	src := []byte("terraform {\n  # why\n  backend \"gcs\" {\n    bucket = \"b\"\n  } # end\n}\n")
	out, err := Edit(src, "x.tf", f, EditOptions{AllowReplace: true})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := outside(t, src, nil), outside(t, out, f.Names()); a != b {
		t.Errorf("bytes outside of the block changed:\n%s", cmp.Diff(a, b))
	}
	if bytes.Contains(out, []byte("gcs")) || !bytes.Contains(out, []byte("  } # end")) {
		t.Errorf("got\n%s", out)
	}
	cloud := []byte("terraform {\n  cloud {}\n}\n")
	if _, err := Edit(cloud, "x.tf", f, EditOptions{AllowReplace: true}); !errors.As(err, new(*ConflictError)) {
		t.Errorf("a cloud block must not be replaced: got %v", err)
	}
}

func TestExtract(t *testing.T) {
	f := mustFragment(t, scaleway())
	for name, src := range corpus(t) {
		out := mustEdit(t, src, name, f)
		got, found, err := Extract(out, name)
		if err != nil || !found {
			t.Fatalf("%s: found %v, %v", name, found, err)
		}
		if diff := cmp.Diff(f, got); diff != "" {
			t.Errorf("%s: reads back otherwise:\n%s", name, diff)
		}
	}
	changed := bytes.Replace(mustEdit(t, nil, "x.tf", f), []byte("fr-par\""), []byte("nl-ams\""), 1)
	got, _, err := Extract(changed, "x.tf")
	if err != nil || got.String() == f.String() || !strings.Contains(got.Backend, "nl-ams") {
		t.Errorf("a change by hand must show: %v\n%s", err, got)
	}
	if _, found, err := Extract([]byte("terraform {\n  backend \"gcs\" {}\n}\n"), "x.tf"); found || err != nil {
		t.Errorf("another backend: found %v, %v", found, err)
	}
}

func TestRemoveAfterChanges(t *testing.T) {
	f := mustFragment(t, scaleway())
	for _, tt := range []struct {
		name, src string
		change    func(string) string
		want      string
	}{
		{"terraform block created, then used by someone", "", func(s string) string {
			return strings.Replace(s, "terraform {\n", "terraform {\n  required_version = \">= 1\"\n\n", 1)
		}, "terraform {\n  required_version = \">= 1\"\n}\n"},
		{"terraform block created, then commented", "", func(s string) string {
			return strings.Replace(s, "terraform {\n", "terraform {\n  # mine\n", 1)
		}, "terraform {\n  # mine\n}\n"},
		{"one line, then another argument", "terraform { required_version = \">= 1\" }\n", func(s string) string {
			return strings.Replace(s, "required_version", "experiments = []\n  required_version", 1)
		}, "terraform { \n  experiments = []\n  required_version = \">= 1\" \n}\n"},
		{"something after it", "locals {}\n", func(s string) string { return s + "\noutput \"x\" {\n  value = 1\n}\n" },
			"locals {}\n\noutput \"x\" {\n  value = 1\n}\n"},
		{"comment on the closing line", "terraform {\n}\n", func(s string) string {
			return strings.Replace(s, "  }\n}\n", "  } # mine\n}\n", 1)
		}, "terraform {\n   # mine\n}\n"},
		{"formatted by hand", "terraform {\n}\n", func(s string) string {
			return strings.ReplaceAll(s, "  ", "\t")
		}, "terraform {\n}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := string(mustEdit(t, []byte(tt.src), "x.tf", f))
			changed := tt.change(out)
			if changed == out {
				t.Fatal("the change changed nothing")
			}
			got, err := Remove([]byte(changed), "x.tf")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRemoveLeavesWhatIsNotOurs(t *testing.T) {
	src := []byte("terraform {\n  backend \"s3\" {\n    bucket = \"b\"\n  }\n}\n")
	if _, err := Remove(src, "x.tf"); !errors.As(err, new(*NotManagedError)) {
		t.Errorf("got %v", err)
	}
	for _, src := range []string{"", "locals {}\n", "terraform {\n  backend \"gcs\" {}\n}\n"} {
		if out, err := Remove([]byte(src), "x.tf"); err != nil || string(out) != src {
			t.Errorf("%q became %q, %v", src, out, err)
		}
	}
	if _, err := Remove([]byte("terraform {"), "x.tf"); !errors.As(err, new(*SyntaxError)) {
		t.Errorf("got %v", err)
	}
}
