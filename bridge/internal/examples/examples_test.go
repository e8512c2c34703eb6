package examples

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func pagesForTest() Pages {
	return Pages{
		Info: &tfbridge.ProviderInfo{
			Name:      "pkg",
			Resources: map[string]*tfbridge.ResourceInfo{"pkg_thing": {Tok: "pkg:index/thing:Thing"}},
		},
		Terraform: fstest.MapFS{
			"resources/pkg_thing/resource.tf":       file("first"),
			"resources/pkg_thing/resource_lost.tf":  file("lost"),
			"resources/pkg_thing/resource_wrong.tf": file("wrong"),
		},
		Own: fstest.MapFS{
			"pkg_thing/resource/main.go":            file("package main\n"),
			"pkg_thing/resource_lost/example.yaml":  file("resources: {}\n"),
			"pkg_thing/resource_wrong/example.yaml": file("outputs: {}\n"),
		},
		PythonPackage: "pkg_owner", JavaPackage: "io.owner",
	}
}

const converted = `A thing.

## Example Usage

<!--Start PulumiCodeChooser -->
` + "```python\nimport pulumi_pkg as pkg\n```\n```go\npackage converted\n```\n```java\nimport com.pulumi.pkg.inputs.A;\n```\n```yaml\n# one\n# // two\n```" + `
<!--End PulumiCodeChooser -->

### Wrong

<!--Start PulumiCodeChooser -->
` + "```csharp\nwrong\n```" + `
<!--End PulumiCodeChooser -->

#### Required

- identity

The ` + "`pulumi import`" + ` command can be used, for example:

rest
`

const completed = `A thing.

## Example Usage

<!--Start PulumiCodeChooser -->
` + "```python\nimport pkg_owner as pkg\n```\n```go\npackage main\n```\n```java\nimport io.owner.pkg.inputs.A;\n```\n```yaml\n# one\n# two\n```" + `
<!--End PulumiCodeChooser -->

### Lost

<!--Start PulumiCodeChooser -->
` + "```yaml\nresources: {}\n```" + `
<!--End PulumiCodeChooser -->

### Wrong

<!--Start PulumiCodeChooser -->
` + "```yaml\noutputs: {}\n```" + `
<!--End PulumiCodeChooser -->

## Import

The ` + "`pulumi import`" + ` command can be used, for example:

rest
`

// What is hand-written takes the place of what was converted or lost, in the order of the sources,
// and a second time changes nothing. It goes in as well where the first heading was lost, or all.
func TestComplete(t *testing.T) {
	t.Parallel()
	p := pagesForTest()
	const token = "pkg:index/thing:Thing"
	for name, description := range map[string]string{"converted": converted, "completed": completed} {
		spec := schema.PackageSpec{Resources: map[string]schema.ResourceSpec{token: {}}}
		r := spec.Resources[token]
		r.Description = description
		spec.Resources[token] = r
		if err := p.Complete(&spec); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(completed, spec.Resources[token].Description); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	for name, description := range map[string]string{
		"first lost": "A thing.\n\n### Wrong\n\n<!--Start PulumiCodeChooser -->\n```go\nx\n```\n<!--End PulumiCodeChooser -->\n",
		"all lost":   "A thing.\n",
	} {
		if err := p.complete(&description, "resources", "pkg_thing"); err != nil {
			t.Fatal(err)
		}
		if strings.Count(description, exampleUsage) != 1 || strings.Count(description, "### Wrong") != 1 ||
			!strings.Contains(description, "```go\npackage main\n```") || strings.Contains(description, "```go\nx") {
			t.Errorf("%s:\n%s", name, description)
		}
	}
}

func TestRepairOfGo(t *testing.T) {
	t.Parallel()
	got, err := pagesForTest().repair("go", "package main\nvar a = f(&.Args{\nB: []string{x.Y(), pkg.Z{}.String()},\n})")
	want := "package main\n\nvar a = f(&pkg.Args{\n\tB: []string{x.Y(), pkg.Z{}.String()},\n})"
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := pagesForTest().repair("go", "package"); err == nil {
		t.Error("a broken program is taken")
	}
}

// Each block that is an example of the tree gets its heading, and nothing else does.
func TestTitles(t *testing.T) {
	t.Parallel()
	titles, err := titlesByText(fstest.MapFS{
		"resources/pkg_thing/resource.tf":            file("a\n"),
		"resources/pkg_thing/resource_two_words.tf":  file("b\n"),
		"resources/pkg_thing/resource_http.tf":       file("c\n"),
		"resources/pkg_thing/import-by-string-id.tf": file("d\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "", "b": "Two words", "c": "HTTP"}, titles); diff != "" {
		t.Error(diff)
	}
}
