package layout

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func TestDetectUnreadable(t *testing.T) {
	root := writeFiles(t, map[string]string{"dev/infra/main.tf": plain, "prod/main.tf": plain, "lost/main.tf": plain})
	for _, dir := range []string{filepath.Dir(root), root, filepath.Join(root, "dev"), filepath.Join(root, "prod")} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "prod", "main.tf"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dev/infra", "lost"} {
		dir := filepath.Join(root, name)
		if err := os.Chmod(dir, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	testenv.AsNobody(t)
	envs, err := Detect(root, Options{})
	if !errors.As(err, new(*DirError)) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
	var got []string
	for _, e := range envs {
		got = append(got, describe(root, e))
	}
	if len(got) != 2 || got[0] != "dev empty" || got[1] != "prod legacy; prod =prod/terraform.tfstate" {
		t.Errorf("got %v", got)
	}
	if _, err := DetectOne(root, "lost", Options{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
}
