package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page of the Pulumi registry shows the programs of examples/, which TestStory runs, and nothing
// else in their languages.
func TestIndexPageShowsTheExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "_index.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for language, file := range map[string]string{
		"yaml": "yaml/Pulumi.yaml", "typescript": "typescript/index.ts", "python": "python/__main__.py", "go": "go/main.go",
	} {
		program, err := os.ReadFile(filepath.Join("..", "examples", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		fence := "```" + language + "\n"
		if !strings.Contains(text, fence+string(program)+"```") {
			t.Errorf("the page does not show examples/%s as it is", file)
		}
		if n := strings.Count(text, fence); n != 1 {
			t.Errorf("%d programs in %s", n, language)
		}
	}
}
