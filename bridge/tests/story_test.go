package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The story that the documentation tells, in each language: make the bucket and the lock table, log
// in to the bucket, keep stacks in it, and move the bootstrap's own stack there.
func TestStory(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"yaml", "typescript", "python", "go"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			tellStory(t, language)
		})
	}
}

func tellStory(t *testing.T, language string) {
	ctx := t.Context()
	s := bareStage(t, copyExample(t, language)).withPostgres()
	s.loginToFiles()
	s.must(s.cli.StackInit(ctx, stack))
	s.must(s.cli.SetConfig(ctx, stack, "bucket", s.bucket))
	s.must(s.cli.SetConfig(ctx, stack, "lockDatabase", s.database))
	up := runner(s, language)

	up("up")
	outputs, err := s.cli.Outputs(ctx, stack)
	s.must(err)
	url := fmt.Sprint(outputs["loginUrl"])
	if outputs["lockTable"] != "postgres/"+s.database+"/public/pulumi_state_locks" {
		t.Errorf("outputs %v", outputs)
	}
	s.unchanged("the second up", up("up"))

	s.keepStacksIn(url)
	s.moveInto(url)
	s.unchanged("up in the new home", up("up"))

	// The bucket now holds the stack that manages it: it is not destroyed from there.
	s.must(s.cli.SetConfig(ctx, stack, "groundwork:maxRetries", "2"))
	report, err := s.cli.Destroy(ctx, stack, "--target", "**::states", "--target-dependents")
	s.expect(s.refused(report, err), s.bucket)
	s.leave()
}

// copyExample copies a folder of examples/, as a user would.
func copyExample(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "examples", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// keepStacksIn logs in to the URL as somebody else and keeps the stacks of another project there.
func (s *stage) keepStacksIn(url string) {
	s.t.Helper()
	ctx := s.t.Context()
	app := bareStage(s.t, copyExample(s.t, "app"))
	s.must(app.cli.Login(ctx, url))
	stacks := []string{"dev", "staging", "production"}
	for _, name := range stacks {
		s.must(app.cli.StackInit(ctx, name))
		_, err := app.cli.Up(ctx, name)
		s.must(err)
		outputs, err := app.cli.Outputs(ctx, name)
		s.must(err)
		if outputs["where"] != "app/"+name {
			s.t.Errorf("outputs of %s: %v", name, outputs)
		}
	}
	listed, err := app.cli.Stacks(ctx)
	s.must(err)
	var names []string
	for _, l := range listed {
		names = append(names, l.Name)
	}
	slices.Sort(names)
	slices.Sort(stacks)
	if !slices.Equal(names, stacks) {
		s.t.Errorf("stack ls shows %v", names)
	}
	deployment, err := app.cli.Export(ctx, "staging")
	s.must(err)
	s.must(app.cli.Import(ctx, "staging", deployment))
	again, err := app.cli.Export(ctx, "staging")
	s.must(err)
	if a, b := resourcesOf(s, deployment), resourcesOf(s, again); a != b {
		s.t.Errorf("an import changed the stack:\n%s\n%s", a, b)
	}
	for _, name := range stacks {
		s.must(app.cli.StackRemove(ctx, name, true))
	}
}

func resourcesOf(s *stage, deployment []byte) string {
	s.t.Helper()
	var d struct {
		Deployment struct{ Resources json.RawMessage }
	}
	s.must(json.Unmarshal(deployment, &d))
	return string(d.Deployment.Resources)
}

// moveInto moves the bootstrap's own stack into the bucket that it has made.
func (s *stage) moveInto(url string) {
	s.t.Helper()
	ctx := s.t.Context()
	deployment, err := s.cli.Export(ctx, stack)
	s.must(err)
	s.must(s.cli.Login(ctx, url))
	s.must(s.cli.StackInit(ctx, stack))
	s.must(s.cli.Import(ctx, stack, deployment))
}

// leave takes the stack out of the bucket again, and destroys everything from there.
func (s *stage) leave() {
	s.t.Helper()
	ctx := s.t.Context()
	deployment, err := s.cli.Export(ctx, stack)
	s.must(err)
	s.must(s.cli.StackRemove(ctx, stack, true))
	s.loginToFiles()
	s.must(s.cli.StackInit(ctx, stack))
	s.must(s.cli.Import(ctx, stack, deployment))
}

// files lists the files of a folder of the project, sorted.
func (s *stage) files(dir string) []string {
	s.t.Helper()
	var names []string
	root := filepath.Join(s.cli.Dir, dir)
	s.must(filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/"))
		}
		return err
	}))
	return names
}
