package backendfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

func settings(key string) backendcfg.Config {
	return backendcfg.Config{
		S3: backendcfg.S3{
			Bucket: "acme-states", Key: key, Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Flags: backendcfg.NonAWSFlags(),
		},
		Lock: backendcfg.Resolved{Mode: backendcfg.LockLockfile},
	}
}

func withRemote(c backendcfg.Config) backendcfg.Config {
	c.RemoteStates = []backendcfg.RemoteState{{Name: "infra", Key: "infra/terraform.tfstate"}}
	return c
}

func whole(t *testing.T, mode backendcfg.IfExists) File {
	t.Helper()
	dir := t.TempDir()
	return File{Path: filepath.Join(dir, "backend.tf"), Root: dir, Format: backendcfg.FormatTerraform, Placement: WholeFile, IfExists: mode}
}

func block(t *testing.T, mode backendcfg.IfExists) File {
	t.Helper()
	f := whole(t, mode)
	f.Path, f.Placement = filepath.Join(f.Root, "providers.tf"), Block
	return f
}

func render(t *testing.T, f File, c backendcfg.Config) Rendered {
	t.Helper()
	r, err := f.Render(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// onDisk is the file's content; there is false if it does not exist.
func onDisk(t *testing.T, path string) (content string, there bool) {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b), true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLifeOfAWholeFile(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	f.Path = filepath.Join(f.Root, "environments", "dev", "backend.tf") // directories that are not there yet
	f.Mode = 0o640
	first, second := render(t, f, settings("a/terraform.tfstate")), render(t, f, settings("b/terraform.tfstate"))
	must(t, f.CheckCreate(first, nil, ""))
	if _, there := onDisk(t, f.Path); there {
		t.Fatal("the check wrote the file")
	}
	must(t, f.Create(first))
	must(t, f.Create(first)) // an interrupted run is repeated
	info, err := os.Stat(f.Path)
	must(t, err)
	if got := info.Mode().Perm(); got != 0o640 && os.PathSeparator == '/' {
		t.Errorf("mode is %o", got)
	}
	got, exists, err := f.Read(nil)
	if err != nil || !exists || got != first.Content {
		t.Fatalf("exists %v: %v\n%s", exists, err, got)
	}
	must(t, f.Update(second, Sum(first.Content), first.Content))
	if text, _ := onDisk(t, f.Path); text != second.Content {
		t.Errorf("after the update:\n%s", text)
	}
	must(t, f.Update(second, Sum(first.Content), first.Content)) // repeated after a crash
	must(t, f.Delete(Sum(second.Content)))
	must(t, f.Delete(Sum(second.Content)))
	if _, there := onDisk(t, f.Path); there {
		t.Error("the file is still there")
	}
	if _, exists, err := f.Read(nil); err != nil || exists {
		t.Errorf("exists %v: %v", exists, err)
	}
}

// TestLineEndsAreNoDrift: version control on Windows checks files out with CRLF.
func TestLineEndsAreNoDrift(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	r := render(t, f, settings("k"))
	crlf := strings.ReplaceAll(r.Content, "\n", "\r\n")
	write(t, f.Path, crlf)
	if got, _, err := f.Read(nil); err != nil || got != r.Content {
		t.Fatalf("%v: %q", err, got)
	}
	must(t, f.Create(r))
	must(t, f.Update(r, "", ""))
	if got, _ := onDisk(t, f.Path); got != crlf {
		t.Error("the file was rewritten for its line ends")
	}
	must(t, f.Delete(Sum(r.Content)))
}

func TestIfExists(t *testing.T) {
	f := whole(t, "")
	r := render(t, f, settings("k"))
	inOtherWords := "# mine\n" + strings.ReplaceAll(r.Content[strings.Index(r.Content, "terraform {"):], "    ", "  ")
	b := block(t, "")
	inBlock := render(t, b, settings("k"))
	ours := "terraform {\n  " + strings.ReplaceAll(strings.TrimSpace(inBlock.Content), "\n", "\n  ") + "\n}\n"
	unmarked := strings.Replace(ours, "    # Managed by groundwork: changes inside this block are overwritten.\n", "", 1)
	for name, tt := range map[string]struct {
		file   File
		disk   string
		accept map[backendcfg.IfExists]bool
	}{
		"the same bytes":        {f, r.Content, map[backendcfg.IfExists]bool{"error": true, "adopt_identical": true, "overwrite": true}},
		"in other words":        {f, inOtherWords, map[backendcfg.IfExists]bool{"adopt_identical": true, "overwrite": true}},
		"something else":        {f, "locals {}\n", map[backendcfg.IfExists]bool{"overwrite": true}},
		"empty":                 {f, "", map[backendcfg.IfExists]bool{"overwrite": true}},
		"the same block":        {b, ours, map[backendcfg.IfExists]bool{"error": true, "adopt_identical": true, "overwrite": true}},
		"a block by hand":       {b, unmarked, map[backendcfg.IfExists]bool{"adopt_identical": true, "overwrite": true}},
		"another block":         {b, "terraform {\n  backend \"s3\" {\n    key = \"other\"\n  }\n}\n", map[backendcfg.IfExists]bool{"overwrite": true}},
		"an empty block":        {b, "terraform {\n  backend \"s3\" {}\n}\n", map[backendcfg.IfExists]bool{"error": true, "adopt_identical": true, "overwrite": true}},
		"another backend":       {b, "terraform {\n  backend \"gcs\" {\n    bucket = \"b\"\n  }\n}\n", map[backendcfg.IfExists]bool{"overwrite": true}},
		"a cloud block":         {b, "terraform {\n  cloud {}\n}\n", nil},
		"a file without blocks": {b, "# nothing\n", map[backendcfg.IfExists]bool{"error": true, "adopt_identical": true, "overwrite": true}},
		"a broken file":         {b, "terraform {\n", nil},
	} {
		for _, mode := range []backendcfg.IfExists{"error", "adopt_identical", "overwrite"} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				f := tt.file
				f.Root = t.TempDir()
				f.Path, f.IfExists = filepath.Join(f.Root, "x.tf"), mode
				write(t, f.Path, tt.disk)
				r := render(t, f, settings("k"))
				check := f.CheckCreate(r, nil, "")
				err := f.Create(r)
				if (err == nil) != tt.accept[mode] || (check == nil) != (err == nil) {
					t.Fatalf("check: %v; create: %v", check, err)
				}
				got, exists, readErr := f.Read(nil)
				switch {
				case err == nil && (readErr != nil || !exists || got != r.Content):
					t.Errorf("%v: not what was rendered:\n%s", readErr, got)
				case err != nil:
					if text, _ := onDisk(t, f.Path); text != tt.disk {
						t.Errorf("refused and changed:\n%s", text)
					}
				}
			})
		}
	}
}

// TestBlockKeepsEveryOtherByte goes through every shape of file that the editor is
// tested with: byte order marks, CRLF, tabs, one-liners, comments.
func TestBlockKeepsEveryOtherByte(t *testing.T) {
	corpus, err := filepath.Glob("../backendcfg/testdata/edit/*.tf")
	if err != nil || len(corpus) < 20 {
		t.Fatalf("%d files: %v", len(corpus), err)
	}
	restored := 0
	for _, source := range corpus {
		t.Run(filepath.Base(source), func(t *testing.T) {
			f := block(t, backendcfg.IfExistsOverwrite)
			before, err := os.ReadFile(source)
			must(t, err)
			write(t, f.Path, string(before))
			first, second := render(t, f, withRemote(settings("a"))), render(t, f, settings("b"))
			must(t, f.Create(first))
			got, exists, err := f.Read(nil)
			if err != nil || !exists || got != first.Content {
				t.Fatalf("exists %v: %v\n%s", exists, err, cmp.Diff(first.Content, got))
			}
			must(t, f.Update(second, "", ""))
			must(t, f.Delete(""))
			after, there := onDisk(t, f.Path)
			if there != (len(after) > 0) {
				t.Error("an empty file was left")
			}
			if _, had, err := backendcfg.Extract(before, "x.tf", "infra"); err != nil || had {
				return // what was replaced does not come back
			}
			restored++
			if !bytes.Equal(before, []byte(after)) {
				t.Errorf("not restored: %s", cmp.Diff(string(before), after))
			}
		})
	}
	if restored < 20 {
		t.Errorf("only %d files were compared", restored)
	}
}

func TestUpdateRefusesWhatItDidNotSee(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	first, second := render(t, f, settings("a")), render(t, f, settings("b"))
	must(t, f.Create(first))
	drifted := first.Content + "# by hand\n"
	write(t, f.Path, drifted)
	if err := f.CheckUpdate(second, Sum(first.Content), first.Content); !errors.As(err, new(*ChangedError)) {
		t.Errorf("check: %v", err)
	}
	if err := f.Update(second, Sum(first.Content), first.Content); !errors.As(err, new(*ChangedError)) {
		t.Errorf("update: %v", err)
	}
	if got, _ := onDisk(t, f.Path); got != drifted {
		t.Errorf("refused and changed:\n%s", got)
	}
	seen, _, err := f.Read(nil)
	must(t, err)
	must(t, f.Update(second, Sum(first.Content), seen))
	must(t, os.Remove(f.Path))
	must(t, f.Update(first, Sum(second.Content), second.Content)) // gone: made anew
	if got, _ := onDisk(t, f.Path); got != first.Content {
		t.Errorf("after a loss:\n%s", got)
	}
}

func TestDeleteRefusesWhatItDidNotWrite(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	r := render(t, f, settings("a"))
	must(t, f.Create(r))
	write(t, f.Path, r.Content+"locals {}\n")
	var changed *ChangedError
	if err := f.Delete(Sum(r.Content)); !errors.As(err, &changed) || !strings.Contains(err.Error(), "apply") {
		t.Errorf("whole file: %v", err)
	}
	if _, there := onDisk(t, f.Path); !there {
		t.Error("it was deleted")
	}

	b := block(t, backendcfg.IfExistsError)
	taken := "terraform {\n  backend \"s3\" {\n    key = \"theirs\"\n  }\n}\n"
	write(t, b.Path, taken)
	if err := b.Delete(""); !errors.As(err, new(*backendcfg.NotManagedError)) {
		t.Errorf("block: %v", err)
	}
	if got, _ := onDisk(t, b.Path); got != taken {
		t.Errorf("it was changed:\n%s", got)
	}
}

func TestReadHidesCredentials(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	r := render(t, f, settings("a"))
	write(t, f.Path, "terraform {\n  backend \"s3\" {\n    secret_key = \"hunter2\"\n  }\n}\n")
	got, _, err := f.Read(nil)
	if err != nil || strings.Contains(got, "hunter2") || !strings.Contains(got, "line 3") {
		t.Errorf("%v: %s", err, got)
	}
	must(t, f.Update(r, "", got)) // it is known as what was seen, all the same
	write(t, f.Path, "# \xff\n")
	if got, _, err = f.Read(nil); err != nil || got != "# \uFFFD\n" {
		t.Errorf("%v: %q", err, got)
	}
}

func TestReplaceInAnotherForm(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	asFile := render(t, f, settings("a"))
	must(t, f.Create(asFile))
	b := f
	b.Placement = Block
	asBlock := render(t, b, settings("a"))
	if err := b.CheckCreate(asBlock, nil, ""); err == nil {
		t.Error("a block over a file that holds a backend already")
	}
	must(t, b.CheckCreate(asBlock, &f, Sum(asFile.Content)))
	must(t, f.Delete(Sum(asFile.Content)))
	must(t, b.Create(asBlock))
	must(t, f.CheckCreate(asFile, &b, ""))
	write(t, f.Path, "locals {}\n"+asFile.Content)
	if err := b.CheckCreate(asBlock, &f, Sum(asFile.Content)); !errors.As(err, new(*ChangedError)) {
		t.Errorf("replacing a file that was changed: %v", err)
	}
}

// TestEditsAreSerialised: many writers, and exactly one block, one of theirs.
func TestEditsAreSerialised(t *testing.T) {
	f := block(t, backendcfg.IfExistsError)
	write(t, f.Path, "locals {}\n")
	const writers = 16
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		r := render(t, f, settings(strings.Repeat("k", i+1)))
		wg.Go(func() { errs[i] = f.Create(r) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var exists *backendcfg.ExistsError
		if err == nil {
			won++
		} else if !errors.As(err, &exists) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers succeeded", won)
	}
	if got, _ := onDisk(t, f.Path); strings.Count(got, "backend \"s3\"") != 1 || !strings.HasPrefix(got, "locals {}\n") {
		t.Errorf("the file is\n%s", got)
	}
}

func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		file  File
		field string
	}{
		"fine":              {File{Path: "backend.tf", Format: "terraform", Placement: WholeFile}, ""},
		"unknown path":      {File{Format: "tfbackend", Placement: WholeFile}, ""},
		"partial":           {File{Path: "prod.s3.tfbackend", Format: "tfbackend", Placement: WholeFile}, ""},
		"format":            {File{Path: "backend.tf", Format: "yaml", Placement: WholeFile}, "format"},
		"placement":         {File{Path: "backend.tf", Format: "terraform", Placement: "line"}, "placement"},
		"partial as block":  {File{Path: "x.tfbackend", Format: "tfbackend", Placement: Block}, "placement"},
		"JSON":              {File{Path: "backend.tf.json", Format: "terraform", Placement: WholeFile}, "path"},
		"partial in a .tf":  {File{Path: "x.tf", Format: "tfbackend", Placement: WholeFile}, "path"},
		"partial in .tofu":  {File{Path: "x.tofu", Format: "tfbackend", Placement: WholeFile}, "path"},
		"dir ends with .tf": {File{Path: "x.tf/y.tfbackend", Format: "tfbackend", Placement: WholeFile}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var field *backendcfg.FieldError
			err := tt.file.Check()
			if (tt.field == "") != (err == nil) || err != nil && (!errors.As(err, &field) || field.Field != tt.field) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestShadows(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	old := filepath.Join(f.Root, "old.tf")
	write(t, old, "terraform {\n  backend \"s3\" {}\n}\n")
	shadows, err := f.Shadows("")
	if err != nil || len(shadows) != 1 || shadows[0].Kind != backendcfg.ShadowCollision {
		t.Errorf("%v: %+v", err, shadows)
	}
	if shadows, err = f.Shadows(old); err != nil || len(shadows) != 0 {
		t.Errorf("a file that goes: %v: %+v", err, shadows)
	}
	f.Format = backendcfg.FormatTFBackend
	if shadows, err = f.Shadows(""); err != nil || len(shadows) != 0 {
		t.Errorf("a partial configuration: %v: %+v", err, shadows)
	}
	f.Format, f.Path = backendcfg.FormatTerraform, filepath.Join(f.Root, "later", "backend.tf")
	if shadows, err = f.Shadows(""); err != nil || len(shadows) != 0 {
		t.Errorf("a directory that is not there: %v: %+v", err, shadows)
	}
}

func TestImport(t *testing.T) {
	f := whole(t, backendcfg.IfExistsError)
	b := block(t, backendcfg.IfExistsError)
	p := f
	p.Path, p.Format = filepath.Join(f.Root, "prod.s3.tfbackend"), backendcfg.FormatTFBackend
	write(t, b.Path, "locals {}\n")
	for _, file := range []File{f, b, p} {
		c := settings("k")
		if file.Format == backendcfg.FormatTerraform {
			c = withRemote(c)
		}
		r := render(t, file, c)
		must(t, file.Create(r))
		got, err := Import(file.Path)
		must(t, err)
		if got.File.Placement != file.Placement || got.File.Format != file.Format || got.Content != r.Content || got.Sum != Sum(r.Content) {
			t.Errorf("%s: %+v", file.Path, got)
		}
		if again := render(t, file, got.Settings); again.Content != r.Content {
			t.Errorf("%s: %s", file.Path, cmp.Diff(r.Content, again.Content))
		}
		if _, exists, err := got.File.Read(nil); err != nil || !exists {
			t.Errorf("%s cannot be read again: %v", file.Path, err)
		}
	}
}

func TestImportOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		text      string
		placement Placement
		fails     string
	}{
		"a backend alone":        {"terraform {\n  backend \"s3\" {\n    key = \"k\"\n  }\n}\n", WholeFile, ""},
		"and a remote state":     {"terraform {\n  backend \"s3\" {}\n}\ndata \"terraform_remote_state\" \"x\" {}\n", WholeFile, ""},
		"beside a version":       {"terraform {\n  required_version = \">= 1\"\n  backend \"s3\" {}\n}\n", Block, ""},
		"beside other blocks":    {"locals {}\nterraform {\n  backend \"s3\" {}\n}\n", Block, ""},
		"another backend":        {"terraform {\n  backend \"gcs\" {}\n}\n", "", "no backend \"s3\""},
		"nothing":                {"", "", "no backend \"s3\""},
		"broken":                 {"terraform {", "", "correct the file"},
		"a block beside another": {"terraform {\n  backend \"s3\" {}\n  backend \"s3\" {}\n}\n", "", "several"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.tf")
			write(t, path, tt.text)
			got, err := Import(path)
			switch {
			case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("got %v", err)
			case tt.fails == "" && err != nil:
				t.Error(err)
			case tt.fails == "" && got.File.Placement != tt.placement:
				t.Errorf("placement is %s", got.File.Placement)
			}
		})
	}
	for _, path := range []string{"", t.TempDir(), filepath.Join(t.TempDir(), "none.tf")} {
		if _, err := Import(path); err == nil {
			t.Errorf("%q was imported", path)
		}
	}
	t.Chdir(t.TempDir())
	write(t, "backend.tf", "terraform {\n  backend \"s3\" {}\n}\n")
	if got, err := Import("backend.tf"); err != nil || got.File.Root != "." {
		t.Errorf("in the working directory: %v %+v", err, got)
	}
}
