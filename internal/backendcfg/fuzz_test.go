package backendcfg

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// seed adds the corpus, before and after an edit, and texts that once were, or
// could be, trouble.
func seed(f *testing.F) {
	fragment := mustFragment(f, scaleway())
	pg := mustFragment(f, inPostgres())
	for name, src := range corpus(f) {
		f.Add(src)
		f.Add(mustEdit(f, src, name, fragment))
		if out, err := Edit(src, name, pg, EditOptions{}); err == nil {
			f.Add(out)
		}
	}
	for _, s := range []string{
		"terraform {}\nterraform {}\n",
		"# c\r",
		"a = 1 # c\r\n# d\r",
		"terraform {}#\r",
		"terraform{\n\n\n}\n",
		"terraform {\nbackend \"s3\" {}\n}",
		"terraform {\nbackend \"pg\" {}\n}",
		"terraform {\nbackend pg {}\n}",
		"terraform {\n  backend \"pg\" {\n" + marker + "\nconn_str = 1\n}}\n",
		"terraform {\n/**/ backend \"s3\" {} /**/\n}",
		"terraform {\n  cloud {}\n}",
		"terraform \"x\" {}\n",
		"  \t terraform { a = 1 }",
		"data \"terraform_remote_state\" \"infra\" {}",
		"data \"terraform_remote_state\" \"old\" {\n" + marker + "\n}",
		"terraform {\n  backend \"s3\" {\n" + marker + string(undoUnfold) + "\n}}\n",
		"terraform {\n  backend \"s3\" {\n" + marker + string(undoCreated) + "\n}\n}\n",
		"terraform {\n  backend \"s3\" {\n" + marker + string(undoInline) + "\n} }\n",
		"a = <<EOT\nterraform {}\nEOT\n",
		"\xef\xbb\xbf\xef\xbb\xbf",
		"a = \"${\"${\"}\"}\"}\"",
	} {
		f.Add([]byte(s))
	}
}

// typed fails unless err is one of the errors that Edit, Extract and Remove declare.
func typed(t *testing.T, err error) {
	t.Helper()
	for _, target := range []any{new(*SyntaxError), new(*AmbiguousError), new(*ConflictError),
		new(*UnsupportedFileError), new(*NotManagedError)} {
		if errors.As(err, target) {
			return
		}
	}
	t.Fatalf("undeclared error %T: %v", err, err)
}

func FuzzEdit(f *testing.F) {
	seed(f)
	fragment := mustFragment(f, scaleway())
	plain := fragment
	plain.RemoteStates = nil
	pg := mustFragment(f, inPostgres())
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, want := range []Fragment{fragment, plain, pg} {
			before := bytes.Clone(src)
			out, err := Edit(src, "fuzz.tf", want, EditOptions{})
			if !bytes.Equal(before, src) {
				t.Fatal("Edit changed its input")
			}
			if err != nil {
				typed(t, err)
				continue
			}
			checkEdited(t, src, out, "fuzz.tf", want)
		}
		if out, err := Edit(src, "fuzz.tf", pg, EditOptions{Own: true}); err != nil {
			typed(t, err)
		} else if again := mustEdit(t, out, "fuzz.tf", pg); !bytes.Equal(again, out) {
			t.Fatal("a second edit changed the file")
		}
		if out, err := Edit(src, "fuzz.tf", fragment, EditOptions{AllowReplace: true}); err != nil {
			typed(t, err)
		} else if again := mustEdit(t, out, "fuzz.tf", fragment); !bytes.Equal(again, out) {
			t.Fatal("a second edit changed the file")
		}
	})
}

func FuzzRemove(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := Remove(src, "fuzz.tf")
		if err != nil {
			typed(t, err)
			return
		}
		if again, err := Remove(out, "fuzz.tf"); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("a second removal changed the file: %v\n%s\n---\n%s", err, out, again)
		}
		got, _, err := Extract(out, "fuzz.tf")
		if err != nil || len(got.RemoteStates) > 0 || got.Backend != "" {
			t.Fatalf("something managed is left: %v\n%s", err, got)
		}
		if bytes.Equal(out, src) {
			return
		}
		// Nothing but lines that had been there is left.
		if a, b := strings.Fields(string(src)), strings.Fields(string(out)); len(b) > len(a) {
			t.Fatalf("Remove added text:\n%s", out)
		}
	})
}

func FuzzExtract(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		got, found, err := Extract(src, "fuzz.tf", "infra")
		if err != nil {
			typed(t, err)
			return
		}
		if found != (got.String() != "") {
			t.Fatalf("found is %v for %q", found, got)
		}
		if got.Backend == "" {
			return
		}
		// What was read back is in the file already, so placing it changes nothing.
		if out, err := Edit(src, "fuzz.tf", got, EditOptions{}); err == nil && !bytes.Equal(out, src) {
			t.Fatalf("placing what was read changed the file:\n%q\n%q", src, out)
		}
	})
}

func FuzzParseDir(f *testing.F) {
	for _, src := range corpus(f) {
		f.Add("main.tf", src)
		f.Add("x_override.tofu", src)
	}
	for _, s := range []string{
		`{"terraform": {"backend": {"s3": {"bucket": "b", "key": "k"}}}}`,
		`{"terraform": [{"backend": [{"s3": {}}, {"gcs": {}}]}, {"cloud": {}}]}`,
		`{"terraform": {"backend": {"s3": {"bucket": "${var.b}"}}}}`,
		`{"terraform": 1}`, `{"terraform": {"backend": "x"}}`, `[[[[`, `{`, ``, "null",
		`{"terraform": {"backend": {"s3": null}}}`,
	} {
		f.Add("backend.tf.json", []byte(s))
		f.Add("override.tofu.json", []byte(s))
	}
	f.Fuzz(func(t *testing.T, name string, src []byte) {
		dir := t.TempDir()
		if name != filepath.Base(name) || !filepath.IsLocal(name) || os.WriteFile(filepath.Join(dir, name), src, 0o600) != nil {
			return
		}
		for _, tool := range []Tool{"", Terraform, OpenTofu} {
			d, err := ParseDir(dir, tool)
			if err != nil {
				typed(t, err)
			}
			if b := d.Effective(); b != nil && (b.Line() < 1 || b.Type == "" && strings.HasSuffix(name, "tf") && b.File != name) {
				t.Fatalf("block without a place: %+v", b)
			}
			if _, err := Shadows(dir, "backend.tf", tool); err != nil {
				typed(t, err)
			}
		}
	})
}

// FuzzRenderValues: what goes in as a value comes out as the same value.
func FuzzRenderValues(f *testing.F) {
	for _, s := range []string{"a", "${b}", "%{if}", "$${b}", "%%{", `"`, `\`, "\\n", "é", "世界", "😀", "\u200b",
		"a\"}\n}", "#", "/*", "<<EOT", "e\u0301", "AKIAIOSFODNN7EXAMPLE"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, profile, workspace string) {
		c := scaleway()
		c.S3.Profile = profile
		c.RemoteStates[0].Workspace = workspace
		c.RemoteStates[0].Defaults = map[string]any{workspace: []any{profile, map[string]any{profile: workspace}}}
		out, err := RenderTerraform(c)
		if err != nil {
			var field *FieldError
			var credential *CredentialError
			if !errors.As(err, &field) && !errors.As(err, &credential) {
				t.Fatalf("undeclared error %T: %v", err, err)
			}
			return
		}
		file, diags := hclsyntax.ParseConfig(out, "x.tf", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, out)
		}
		body := file.Body.(*hclsyntax.Body)
		if got := attribute(t, body.Blocks[0].Body.Blocks[0].Body, "profile"); profile != "" && got.AsString() != profile {
			t.Fatalf("profile %q became %q", profile, got.AsString())
		}
		data := body.Blocks[1].Body
		if got := attribute(t, data, "workspace"); workspace != "" && got.AsString() != workspace {
			t.Fatalf("workspace %q became %q", workspace, got.AsString())
		}
		got := attribute(t, data, "defaults").AsValueMap()[workspace].AsValueSlice()
		if got[0].AsString() != profile || got[1].AsValueMap()[profile].AsString() != workspace {
			t.Fatalf("defaults of %q and %q became %#v", profile, workspace, got)
		}
	})
}

func attribute(t *testing.T, body *hclsyntax.Body, name string) cty.Value {
	t.Helper()
	a := body.Attributes[name]
	if a == nil {
		return cty.StringVal("")
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return v
}
