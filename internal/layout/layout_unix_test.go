//go:build !windows

package layout

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDetectLinks(t *testing.T) {
	root := writeFiles(t, map[string]string{"dev/infra/main.tf": plain, "real/main.tf": block, "common/coder/main.tf": plain})
	for link, target := range map[string]string{
		"dev/coder":     "../common/coder", // only read, so a link may lead anywhere
		"loop-a":        "loop-b",
		"loop-b":        "loop-a",
		"dangling":      "nowhere",
		"alias":         "real",
		"circle":        ".",
		"real/infra":    ".",
		"real/coder":    "coder",
		"notes":         "real/main.tf",
		".hidden-alias": "real",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	envs, err := Detect(root, Options{})
	var got []string
	for _, e := range envs {
		got = append(got, describe(root, e))
	}
	want := []string{
		"alias legacy; alias =alias/terraform.tfstate s3 main.tf:2",
		"circle empty",
		"common phased; common/coder coder=coder/terraform.tfstate",
		"dev phased; dev/infra infra=infra/terraform.tfstate; dev/coder coder=coder/terraform.tfstate",
		"real legacy; real =real/terraform.tfstate s3 main.tf:2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, s := range []string{"loop-a", "loop-b", "dangling", "real: is the same directory as " + filepath.Join(root, "alias"),
		"circle: is the same directory as " + root,
		filepath.Join("real", "infra") + ": is the same directory", filepath.Join("real", "coder")} {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("error does not name %s: %v", s, err)
		}
	}
	if !errors.As(err, new(*DirError)) {
		t.Errorf("got %v", err)
	}
}
