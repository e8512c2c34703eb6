package backendfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

func pulumiSettings(bucket string) backendcfg.Config {
	return backendcfg.Config{Pulumi: &backendcfg.Pulumi{S3: &backendcfg.PulumiS3{Bucket: bucket, Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud"}}}
}

func inPlaceFile(t *testing.T, format backendcfg.Format, name string, mode backendcfg.IfExists) File {
	t.Helper()
	dir := t.TempDir()
	return File{Path: filepath.Join(dir, name), Root: dir, Format: format, Placement: Block, IfExists: mode}
}

const projectOfOthers = "name: web # the site\r\nruntime: nodejs\r\nconfig:\r\n  a: [1, 2]\r\n"

func TestLifeInAProject(t *testing.T) {
	f := inPlaceFile(t, backendcfg.FormatPulumiProject, "Pulumi.yaml", backendcfg.IfExistsError)
	write(t, f.Path, projectOfOthers)
	must(t, os.Chmod(f.Path, 0o600))
	first, second := render(t, f, pulumiSettings("acme-a")), render(t, f, pulumiSettings("acme-b"))
	must(t, f.CheckCreate(first, nil, ""))
	must(t, f.Create(first))
	must(t, f.Create(first)) // an interrupted run is repeated
	got, exists, err := f.Read(nil)
	if err != nil || !exists || got != first.Content {
		t.Fatalf("exists %v: %v\n%s", exists, err, got)
	}
	must(t, f.Update(second, Sum(first.Content), first.Content))
	text, _ := onDisk(t, f.Path)
	if want := projectOfOthers + strings.ReplaceAll(second.Content, "\n", "\r\n"); text != want {
		t.Error(cmp.Diff(want, text))
	}

	write(t, f.Path, strings.Replace(text, "acme-b", "acme-c", 1)) // by hand, after the plan
	var changed *ChangedError
	if err := f.Update(first, Sum(second.Content), second.Content); !errors.As(err, &changed) || changed.Deleting {
		t.Errorf("an unseen change was overwritten: %v", err)
	}
	if err := f.Delete(Sum(second.Content)); !errors.As(err, &changed) || !changed.Deleting {
		t.Errorf("a changed address was deleted: %v", err)
	}
	seen, _, err := f.Read(nil)
	must(t, err)
	must(t, f.Update(second, Sum(second.Content), seen))
	must(t, f.CheckDelete(Sum(second.Content)))
	must(t, f.Delete(Sum(second.Content)))
	must(t, f.Delete(Sum(second.Content)))
	if text, _ := onDisk(t, f.Path); text != projectOfOthers {
		t.Error(cmp.Diff(projectOfOthers, text))
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
		t.Errorf("mode is %v: %v", info.Mode(), err)
	}
}

func TestCreatesAProject(t *testing.T) {
	f := inPlaceFile(t, backendcfg.FormatPulumiProject, filepath.Join("web", "Pulumi.yaml"), backendcfg.IfExistsError)
	c := pulumiSettings("acme-states")
	var place *backendcfg.PathError
	if err := f.CheckCreate(render(t, f, c), nil, ""); !errors.As(err, &place) || !strings.Contains(err.Error(), "pulumi.project") {
		t.Errorf("a project was made up: %v", err)
	}
	c.Pulumi.Project = &backendcfg.PulumiProject{Name: "web", Runtime: "yaml", Description: "The \"site\""}
	r := render(t, f, c)
	must(t, f.CheckCreate(r, nil, ""))
	must(t, f.Create(r))
	want := "# Created by groundwork, which manages backend.url; the rest is yours.\nname: web\nruntime: yaml\ndescription: \"The \\\"site\\\"\"\n" + r.Content
	text, _ := onDisk(t, f.Path)
	if text != want {
		t.Error(cmp.Diff(want, text))
	}
	must(t, f.Delete(Sum(r.Content)))
	if _, there := onDisk(t, f.Path); there {
		t.Error("a project that groundwork made, and nobody added to, is still there")
	}
	must(t, f.Create(r))
	write(t, f.Path, want+"main: x\n")
	must(t, f.Delete(Sum(r.Content)))
	if text, there := onDisk(t, f.Path); !there || !strings.HasSuffix(text, "main: x\n") || strings.Contains(text, "backend:") {
		t.Errorf("after additions: %v\n%s", there, text)
	}
}

func TestProjectIfExists(t *testing.T) {
	other := "name: web\nbackend:\n  url: file://~\n"
	same := "name: web\nbackend:\n  url: s3://acme-states?endpoint=s3.fr-par.scw.cloud&region=fr-par\n"
	for name, tt := range map[string]struct {
		before  string
		mode    backendcfg.IfExists
		message string
	}{
		"other, error":     {other, backendcfg.IfExistsError, "exists already and differs"},
		"other, adopt":     {other, backendcfg.IfExistsAdoptIdentical, "exists already and differs"},
		"other, overwrite": {other, backendcfg.IfExistsOverwrite, ""},
		"same, error":      {same, backendcfg.IfExistsError, "says the same"},
		"same, adopt":      {same, backendcfg.IfExistsAdoptIdentical, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := inPlaceFile(t, backendcfg.FormatPulumiProject, "Pulumi.yaml", tt.mode)
			write(t, f.Path, tt.before)
			r := render(t, f, pulumiSettings("acme-states"))
			err := f.Create(r)
			text, _ := onDisk(t, f.Path)
			if tt.message != "" {
				if err == nil || !strings.Contains(err.Error(), tt.message) || text != tt.before {
					t.Errorf("got %v\n%s", err, text)
				}
				return
			}
			must(t, err)
			if text != "name: web\n"+r.Content {
				t.Errorf("got\n%s", text)
			}
		})
	}
}

func TestLifeInADotenv(t *testing.T) {
	f := inPlaceFile(t, backendcfg.FormatDotenv, ".env", backendcfg.IfExistsError)
	seconds := 300
	c := pulumiSettings("acme-states")
	c.Pulumi.PassphraseFile, c.Pulumi.SecretsProvider = "/run/secrets/pulumi", "awskms://alias/states"
	c.LockDatabase = &backendcfg.LockDatabase{Host: "db.example.org", Port: 5433, Name: "pulumi_state_lock", User: "ci", TimeoutSeconds: &seconds, Scope: "backend"}
	first, second := render(t, f, c), render(t, f, pulumiSettings("acme-states"))
	want := `PULUMI_BACKEND_URL='s3://acme-states?region=fr-par&endpoint=https://s3.fr-par.scw.cloud'
PULUMI_CONFIG_PASSPHRASE_FILE=/run/secrets/pulumi
# A new stack: pulumi stack init NAME --secrets-provider='awskms://alias/states'
AWS_REGION=fr-par
AWS_ENDPOINT_URL_S3=https://s3.fr-par.scw.cloud
PULUMI_LOCK_DB_HOST=db.example.org
PULUMI_LOCK_DB_PORT=5433
PULUMI_LOCK_DB_NAME=pulumi_state_lock
PULUMI_LOCK_DB_USER=ci
PULUMI_LOCK_TIMEOUT=300
PULUMI_LOCK_SCOPE=backend
`
	if first.Content != want {
		t.Error(cmp.Diff(want, first.Content))
	}
	before := "# mine\nAWS_SECRET_ACCESS_KEY=hunter2hunter2"
	write(t, f.Path, before)
	must(t, f.Create(first))
	must(t, f.Create(first))
	must(t, f.Update(second, Sum(first.Content), first.Content))
	got, exists, err := f.Read(nil)
	if err != nil || !exists || got != second.Content {
		t.Errorf("exists %v: %v\n%s", exists, err, got)
	}
	text, _ := onDisk(t, f.Path)
	write(t, f.Path, text+"\nAWS_REGION=elsewhere\n")
	got, _, err = f.Read(nil)
	if err != nil || got != second.Content+"# Line 9 sets AWS_REGION as well.\n" {
		t.Errorf("what overrules the block does not show: %v\n%s", err, got)
	}
	var there *backendcfg.ExistsError
	if err := f.CheckUpdate(second, Sum(second.Content), got); !errors.As(err, &there) || strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("got %v", err)
	}
	f.IfExists = backendcfg.IfExistsOverwrite
	must(t, f.Update(second, Sum(second.Content), got))
	must(t, f.Delete(""))
	if text, _ := onDisk(t, f.Path); text != before+"\n" && text != before {
		t.Errorf("after the deletion: %q", text)
	}
	must(t, os.Remove(f.Path))
	must(t, f.Create(second))
	must(t, f.Delete(Sum(second.Content)))
	if _, there := onDisk(t, f.Path); there {
		t.Error("a file of groundwork's own is still there")
	}
}

func TestInPlaceCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		file    File
		message string
	}{
		"whole project":   {File{Path: "Pulumi.yaml", Format: backendcfg.FormatPulumiProject, Placement: WholeFile}, "a part is managed only"},
		"stack's file":    {File{Path: "a/Pulumi.dev.yaml", Format: backendcfg.FormatPulumiProject, Placement: Block}, "does not look for a project"},
		"JSON":            {File{Path: "Pulumi.json", Format: backendcfg.FormatPulumiProject, Placement: Block}, "does not look for a project"},
		"variables in tf": {File{Path: "x.tf", Format: backendcfg.FormatDotenv, Placement: Block}, "something else than variables"},
		"unknown format":  {File{Path: "x", Format: "ini", Placement: Block}, "pulumi_project"},
	} {
		if err := tt.file.Check(); err == nil || !strings.Contains(err.Error(), tt.message) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, f := range []File{
		{Path: "a/Pulumi.yml", Format: backendcfg.FormatPulumiProject, Placement: Block}, {Path: ".env.ci", Format: backendcfg.FormatDotenv, Placement: Block},
	} {
		must(t, f.Check())
	}
	f := File{Format: backendcfg.FormatPulumiProject, Placement: Block}
	if _, err := f.Render(settings("k")); err == nil {
		t.Error("a state of Terraform's was rendered into a Pulumi project")
	}
	f = File{Format: backendcfg.FormatTerraform, Placement: Block}
	if _, err := f.Render(pulumiSettings("acme-states")); err == nil {
		t.Error("a state of Pulumi's was rendered into a backend block")
	}
}

func TestImportInPlace(t *testing.T) {
	dir := t.TempDir()
	project, dotenv := filepath.Join(dir, "Pulumi.yaml"), filepath.Join(dir, "ci.env")
	write(t, project, "name: x\nbackend:\n  url: 's3://acme-states/web?region=fr-par&endpoint=https://s3.fr-par.scw.cloud'\n")
	got, err := Import(project)
	must(t, err)
	want := &backendcfg.PulumiS3{Bucket: "acme-states", Prefix: "web", Region: "fr-par", Endpoint: "https://s3.fr-par.scw.cloud", Parameters: map[string]string{}}
	if d := cmp.Diff(want, got.Settings.Pulumi.S3); d != "" {
		t.Error(d)
	}
	if got.File.Format != backendcfg.FormatPulumiProject || got.File.Placement != Block || got.Sum != Sum(got.Content) {
		t.Errorf("%+v", got)
	}
	write(t, project, "name: x\nbackend:\n  url: postgres://db/states\n")
	if got, err = Import(project); err != nil || got.Settings.Pulumi.URL != "postgres://db/states" {
		t.Errorf("%v: %+v", err, got)
	}

	f := File{Path: dotenv, Root: dir, Format: backendcfg.FormatDotenv, Placement: Block}
	c := pulumiSettings("acme-states")
	seconds := 0
	c.Pulumi.NoAWSVariables, c.LockDatabase = true, &backendcfg.LockDatabase{Host: "db", TimeoutSeconds: &seconds}
	r := render(t, f, c)
	must(t, f.Create(r))
	got, err = Import(dotenv)
	must(t, err)
	if again := render(t, f, got.Settings); again.Content != r.Content {
		t.Error(cmp.Diff(r.Content, again.Content))
	}

	for message, src := range map[string]string{
		"there is no backend.url in it":    "name: x\n",
		"keeps no states under":            "name: x\nbackend:\n  url: mem://x\n",
		"user name or password":            "name: x\nbackend:\n  url: s3://k:hunter2@acme-states\n",
		"line 1 has an anchor or an alias": "backend: &b\n  url: file://~\n",
	} {
		write(t, project, src)
		if _, err := Import(project); err == nil || !strings.Contains(err.Error(), message) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", message, err)
		}
	}
	write(t, dotenv, "A=1\n")
	if _, err := Import(dotenv); !errors.As(err, new(*MissingError)) {
		t.Errorf("got %v", err)
	}
}
