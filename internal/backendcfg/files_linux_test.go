package backendcfg

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func TestWriteWithoutPermission(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"readable.tf": 0o644, "secret.tf": 0} {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for dir, mode := range map[string]os.FileMode{filepath.Dir(root): 0o755, root: 0o555, filepath.Join(root, "sub"): 0} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) //nolint:gosec // so that it can be removed
	}
	t.Run("as an ordinary user", func(t *testing.T) {
		testenv.AsNobody(t)
		for _, path := range []string{"readable.tf", "secret.tf", "new.tf", "sub/new.tf", "missing/new.tf"} {
			for _, create := range []bool{false, true} {
				err := Write(filepath.Join(root, path), []byte("new"), FileOptions{Root: root, CreateDirs: create})
				if !errors.As(err, new(*PathError)) {
					t.Errorf("%s: got %v", path, err)
				}
			}
		}
		if err := Delete(filepath.Join(root, "readable.tf"), FileOptions{Root: root}, func([]byte) error { return nil }); !errors.Is(err, os.ErrPermission) {
			t.Errorf("Delete: got %v", err)
		}
		if _, err := ParseDir(root, Terraform); !errors.Is(err, os.ErrPermission) {
			t.Errorf("ParseDir: got %v", err)
		}
	})
	if got := read(t, filepath.Join(root, "readable.tf")); got != "old" {
		t.Errorf("got %q", got)
	}
	noLeftovers(t, root)
}
