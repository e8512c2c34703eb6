package backendcfg

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadBackRoundTrip: what is read back renders to the same text.
func TestReadBackRoundTrip(t *testing.T) {
	cases := kinds(t)
	cases["everything_1.5"] = everything(t, "terraform", "1.5.7")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text, err := RenderTerraform(c)
			if err != nil {
				t.Fatal(err)
			}
			if !WholeFile(string(text)) || !WholeFile("\ufeff"+string(text)) {
				t.Error("the file is not known as groundwork's own")
			}
			back := readBack(t, string(text))
			back.Target = c.Target
			again, err := RenderTerraform(back)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(text), string(again)); diff != "" {
				t.Error(diff)
			}
			fragment := mustFragment(t, c)
			if !fragment.Managed() || WholeFile(fragment.String()) {
				t.Error("the block is not known as groundwork's own")
			}
			back = readBack(t, fragment.String())
			back.Target = c.Target
			if diff := cmp.Diff(fragment, mustFragment(t, back)); diff != "" {
				t.Errorf("fragment: %s", diff)
			}
			c.RemoteStates = nil
			partial, err := RenderTFBackend(c)
			if err != nil || !WholeFile(string(partial)) {
				t.Fatal(err, string(partial))
			}
			back = readBack(t, string(partial))
			back.Target = c.Target
			again, err = RenderTFBackend(back)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(partial), string(again)); diff != "" {
				t.Errorf("tfbackend: %s", diff)
			}
		})
	}
}

func readBack(t *testing.T, text string) Config {
	t.Helper()
	c, found, err := ReadBack(text)
	if err != nil || !found {
		t.Fatalf("found %v: %v\n%s", found, err, text)
	}
	return c
}

func TestReadBackOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		found bool
		want  Config
	}{
		"empty":         {"", false, Config{}},
		"other backend": {"terraform {\n  backend \"gcs\" {\n    bucket = \"b\"\n  }\n}\n", false, Config{}},
		"no backend":    {"terraform {\n  required_version = \">= 1\"\n}\n", false, Config{}},
		"cloud":         {"terraform {\n  cloud {\n    organization = \"o\"\n  }\n}\n", false, Config{}},
		"empty backend": {"terraform {\n  backend \"s3\" {}\n}\n", true, Config{Lock: Resolved{Mode: LockNone}}},
		"variables": {"terraform {\n  backend \"s3\" {\n    bucket = var.b\n    key = \"k\"\n    max_retries = \"many\"\n encrypt = null\n  }\n}\n", true,
			Config{S3: S3{Key: "k"}, Lock: Resolved{Mode: LockNone}}},
		"other remote state": {"backend \"s3\" {}\ndata \"terraform_remote_state\" \"x\" {\n  backend = \"gcs\"\n}\n", true,
			Config{Lock: Resolved{Mode: LockNone}}},
		"empty pg":      {"terraform {\n  backend \"pg\" {}\n}\n", true, Config{PG: &PG{}}},
		"connection":    {"backend \"pg\" {\n  conn_str = \"postgres://h/d\"\n  skip_index_creation = false\n}\n", true, Config{PG: &PG{SkipIndexCreation: ptr(false)}}},
		"partial pg":    {"schema_name = \"s\"\n", true, Config{PG: &PG{SchemaName: "s"}}},
		"partial of s3": {"schema_name = \"s\"\nkey = \"k\"\n", true, Config{S3: S3{Key: "k"}, Lock: Resolved{Mode: LockNone}}},
		"pg beside s3":  {"backend \"pg\" {}\ndata \"terraform_remote_state\" \"x\" {\n  backend = \"s3\"\n}\n", true, Config{PG: &PG{}}},
		"huge number":   {"backend \"s3\" {\n  max_retries = 1e300\n}\n", true, Config{Lock: Resolved{Mode: LockNone}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, found, err := ReadBack(tt.text)
			if err != nil || found != tt.found {
				t.Fatalf("found %v: %v", found, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if (Fragment{Backend: "backend \"s3\" {}"}).Managed() || WholeFile("terraform {}") {
		t.Error("somebody's file counts as groundwork's")
	}
	if _, _, err := ReadBack("terraform {"); err == nil {
		t.Error("a broken text is no error")
	}
}

func FuzzReadBack(f *testing.F) {
	for _, c := range kinds(f) {
		text, err := RenderTerraform(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("schema_name = 1\ntable_name = \"t\"\nskip_table_creation = false\n")
	f.Add("bucket = 1\nmax_retries = -1e99\nendpoints = {}\nassume_role = [1]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, found, err := ReadBack(text)
		if err != nil || !found || c.Validate() != nil {
			return
		}
		once, err := RenderTerraform(c)
		if err != nil {
			return // such as a control character in a place that Validate leaves to the renderer
		}
		again, found, err := ReadBack(string(once))
		if err != nil || !found {
			t.Fatalf("found %v: %v\n%s", found, err, once)
		}
		twice, err := RenderTerraform(again)
		if err != nil || string(once) != string(twice) {
			t.Errorf("%v\n%s\n%s", err, once, twice)
		}
	})
}
