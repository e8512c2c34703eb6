package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
)

func document(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testenv.RepoRoot(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the guide quotes is what the other tests in this package have seen the tools say.
func TestGuideQuotes(t *testing.T) {
	t.Parallel()
	guide := document(t, "docs/guides/first-bootstrap.md")
	contains(t, guide, noBucket["terraform"], noBucket["tofu"],
		"The referenced S3 bucket must have been previously created.",
		`Initial configuration of the requested backend "s3"`, localOverride,
		`exists already and holds objects, "bootstrap/terraform.tfstate" among them`,
		"is kept in that bucket itself.", "holds live state", "is not empty")
}

var variable = regexp.MustCompile(`"(GROUNDWORK_[A-Z_]+|SCW_[A-Z_]+|PULUMI_LOCK_[A-Z_]+)"`)

// Every variable that the code reads is documented where the provider's settings are.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	index := document(t, "docs/index.md")
	found := 0
	for _, pattern := range []string{"provider/*.go", "internal/*/*.go"} {
		files, err := filepath.Glob(filepath.Join(testenv.RepoRoot(t), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testenv") {
				continue
			}
			for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
				found++
				if !strings.Contains(index, "`"+m[1]+"`") {
					t.Errorf("%s reads %s: add it to templates/index.md.tmpl and run `make docs`", filepath.Base(file), m[1])
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d variables were found; is the pattern still right?", found)
	}
}

// The configuration in the README is an example that the tests apply.
func TestReadmeShowsATestedExample(t *testing.T) {
	t.Parallel()
	example := readExample(t, "resources/groundwork_backend_config_file/resource.tf")
	if !strings.Contains(document(t, "README.md"), "```terraform\n"+example+"```\n") {
		t.Errorf("the README does not show\n%s", example)
	}
}
