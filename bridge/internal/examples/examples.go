// Package examples puts examples in every language into the descriptions of the Pulumi schema. The
// bridge converts those of the Terraform documentation; this package tells it how to keep them
// apart, repairs what it makes of them, and adds programs that are written by hand for what it
// cannot convert.
package examples

import (
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// languages are those that an example is shown in, in the order of the pages, with the file that a
// hand-written program has. Where there is no file, what was converted is all that there is.
var languages = []struct{ name, file string }{
	{"typescript", "index.ts"},
	{"python", "__main__.py"},
	{"csharp", ""},
	{"go", "main.go"},
	{"java", "App.java"},
	{"yaml", "example.yaml"},
}

// titleOf makes the heading of an example from its file: resource_pulumi.tf is "Pulumi", and the
// first example of a page, which is resource.tf, has none.
func titleOf(file string) string {
	_, variant, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".tf"), "_")
	switch variant {
	case "":
		return ""
	case "dynamodb":
		return "DynamoDB"
	case "http":
		return "HTTP"
	}
	words := strings.ReplaceAll(variant, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// sources lists the Terraform examples of a folder in the order in which the pages show them.
func sources(root fs.FS, kind, name string) ([]string, error) {
	stem := map[string]string{"resources": "resource", "data-sources": "data-source", "functions": "function"}[kind]
	dir := path.Join(kind, name)
	others, err := fs.Glob(root, path.Join(dir, stem+"_*.tf"))
	if err != nil {
		return nil, fmt.Errorf("listing the examples of %s: %w", name, err)
	}
	slices.Sort(others)
	return append([]string{path.Join(dir, stem+".tf")}, others...), nil
}

var terraformBlock = regexp.MustCompile("(?s)```terraform\n(.*?)\n```")

// Name gives each example of a page a heading, while the bridge reads the page. The bridge drops an
// example that it cannot convert together with everything below the same heading: so nothing but
// that one is lost, and it is known afterwards which one it was. The Terraform examples are below dir.
func Name(dir string) func(defaults []tfbridge.DocsEdit) []tfbridge.DocsEdit {
	return func(defaults []tfbridge.DocsEdit) []tfbridge.DocsEdit {
		return append(defaults, tfbridge.DocsEdit{Path: "*", Edit: func(_ string, content []byte) ([]byte, error) {
			titles, err := titlesByText(os.DirFS(dir))
			if err != nil {
				return nil, err
			}
			return terraformBlock.ReplaceAllFunc(content, func(block []byte) []byte {
				text := terraformBlock.FindSubmatch(block)[1]
				if title := titles[strings.TrimSpace(string(text))]; title != "" {
					return slices.Concat([]byte("### "+title+"\n\n"), block)
				}
				return block
			}), nil
		}})
	}
}

func titlesByText(root fs.FS) (map[string]string, error) {
	files, err := fs.Glob(root, "*/*/*.tf")
	if err != nil {
		return nil, fmt.Errorf("listing the examples: %w", err)
	}
	titles := map[string]string{}
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, fmt.Errorf("reading an example: %w", err)
		}
		if !strings.HasPrefix(path.Base(file), "import-") {
			titles[strings.TrimSpace(string(text))] = titleOf(file)
		}
	}
	return titles, nil
}

// Pages completes the descriptions of a schema.
type Pages struct {
	// Info is what the schema was made from.
	Info *tfbridge.ProviderInfo
	// Terraform holds the examples of the Terraform documentation, as resources/groundwork_x/resource.tf.
	Terraform fs.FS
	// Own holds the programs that are written by hand, in a folder for each example, as
	// groundwork_x/resource/main.go. They take the place of what was converted: of one language, or, with
	// example.yaml among them, of all.
	Own fs.FS
	// PythonPackage and JavaPackage are the names of the SDKs.
	PythonPackage, JavaPackage string
}

// Complete shows every example of the Terraform pages in the schema's descriptions, in the order of
// those pages. It changes nothing when it is repeated.
func (p Pages) Complete(spec *schema.PackageSpec) error {
	for name, source := range p.Info.Resources {
		r := spec.Resources[string(source.Tok)]
		if err := p.complete(&r.Description, "resources", name); err != nil {
			return err
		}
		spec.Resources[string(source.Tok)] = r
	}
	functions := map[string][2]string{}
	for name, source := range p.Info.DataSources {
		functions[string(source.Tok)] = [2]string{"data-sources", name}
	}
	for name, source := range p.Info.Functions {
		functions[string(source.Tok)] = [2]string{"functions", name}
	}
	for token, from := range functions {
		f := spec.Functions[token]
		if err := p.complete(&f.Description, from[0], from[1]); err != nil {
			return err
		}
		spec.Functions[token] = f
	}
	return nil
}

func (p Pages) complete(description *string, kind, name string) error {
	files, err := sources(p.Terraform, kind, name)
	if err != nil {
		return err
	}
	before, converted, after := split(*description)
	var text strings.Builder
	text.WriteString(strings.TrimSpace(before) + "\n\n" + exampleUsage + "\n\n")
	for _, file := range files {
		programs, err := p.programs(converted[titleOf(file)], file)
		if err != nil {
			return err
		}
		if len(programs) == 0 {
			continue
		}
		if title := titleOf(file); title != "" {
			text.WriteString("### " + title + "\n\n")
		}
		text.WriteString(chooserStart + "\n")
		for _, l := range languages {
			if program := programs[l.name]; program != "" {
				text.WriteString("```" + l.name + "\n" + program + "\n```\n")
			}
		}
		text.WriteString(chooserEnd + "\n\n")
	}
	*description = strings.TrimSpace(text.String()+strings.TrimSpace(after)) + "\n"
	return nil
}

// programs are what was converted, repaired, with the hand-written ones in their place.
func (p Pages) programs(converted, file string) (map[string]string, error) {
	dir := path.Join(path.Base(path.Dir(file)), strings.TrimSuffix(path.Base(file), ".tf"))
	if _, err := fs.Stat(p.Own, path.Join(dir, "example.yaml")); err == nil {
		converted = "" // what cannot be converted into one language is not trusted in the others
	}
	programs := map[string]string{}
	for _, l := range languages {
		if block := fenced(l.name).FindStringSubmatch(converted); block != nil {
			program, err := p.repair(l.name, block[1])
			if err != nil {
				return nil, fmt.Errorf("the converted example %s in %s: %w", dir, l.name, err)
			}
			programs[l.name] = program
		}
		if l.file == "" {
			continue
		}
		own, err := fs.ReadFile(p.Own, path.Join(dir, l.file))
		switch {
		case err == nil:
			programs[l.name] = strings.TrimSpace(string(own))
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("reading a hand-written example: %w", err)
		}
	}
	return programs, nil
}

func fenced(language string) *regexp.Regexp {
	return regexp.MustCompile("(?s)```" + language + "\n(.*?)\n```")
}

const (
	exampleUsage = "## Example Usage"
	chooserStart = "<!--Start PulumiCodeChooser -->"
	chooserEnd   = "<!--End PulumiCodeChooser -->"
	// importIntro is what the bridge begins with where it tells of imports.
	importIntro = "The `pulumi import` command can be used, for example:"
)

var (
	heading      = regexp.MustCompile(`(?m)^### (.+)$`)
	firstExample = regexp.MustCompile(`(?m)^### .+\n\n` + chooserStart)
)

// split takes a description apart: the converted examples by their headings, and what goes
// before and after them. What the Terraform page says about imports by identity is left out, as
// Pulumi has nothing of that.
func split(description string) (before string, examples map[string]string, after string) {
	examples = map[string]string{}
	if head, tail, found := strings.Cut(description, importIntro); found {
		if i := strings.Index(head, "\n#### "); i >= 0 {
			head = head[:i]
		}
		head, _, _ = strings.Cut(head, "\n## Import")
		description = head + "\n## Import\n\n" + importIntro + tail
	}
	if at := firstExample.FindStringIndex(description); at != nil && !strings.Contains(description, exampleUsage) {
		// The first one could not be converted, and its heading is lost with it.
		description = description[:at[0]] + exampleUsage + "\n\n" + description[at[0]:]
	}
	before, rest, found := strings.Cut(description, exampleUsage)
	if !found {
		i := strings.Index(description, "\n## ")
		if i < 0 {
			return description, examples, ""
		}
		return description[:i], examples, description[i:]
	}
	if i := strings.Index(rest, "\n## "); i >= 0 {
		rest, after = rest[:i], rest[i:]
	}
	title := ""
	for {
		next := heading.FindStringSubmatchIndex(rest)
		if next == nil {
			examples[title] = rest
			return before, examples, after
		}
		examples[title] = rest[:next[0]]
		title, rest = rest[next[2]:next[3]], rest[next[1]:]
	}
}

var (
	goNoPackage   = regexp.MustCompile(`([^\w)\]])\.([A-Z]\w*\{)`)
	yamlNoComment = regexp.MustCompile(`(?m)^(\s*# )// `)
)

// repair corrects what the bridge's converter gets wrong in every program of a kind: in Go the name
// of the package before types, in Python and Java that of the SDK, in YAML the comments of several
// lines. Every program in these languages is run by the tests, so that a repair which misses is seen.
func (p Pages) repair(language, program string) (string, error) {
	switch language {
	case "go":
		program = goNoPackage.ReplaceAllString(program, "${1}"+p.Info.Name+".$2")
		formatted, err := format.Source([]byte(program))
		return strings.TrimSpace(string(formatted)), err //nolint:wrapcheck // the caller names the example
	case "python":
		return strings.ReplaceAll(program, "import pulumi_"+p.Info.Name+" as", "import "+p.PythonPackage+" as"), nil
	case "java":
		return strings.ReplaceAll(program, "com.pulumi."+p.Info.Name+".", p.JavaPackage+"."+p.Info.Name+"."), nil
	case "yaml":
		return yamlNoComment.ReplaceAllString(program, "$1"), nil
	}
	return program, nil
}
