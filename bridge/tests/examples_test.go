package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

// shownLanguages are those in which every example has to be shown, and is run.
var shownLanguages = []string{"yaml", "typescript", "python", "go"}

// where says in which scene each example runs. An example that is not here fails the test. Examples
// of one scene are one stack together, except in YAML; those that name the same thing are apart.
var where = map[string]string{
	"StateBucket":                  "first",
	"StateBucket/Access":           "scaleway",
	"StateBucket/Adopt":            "existing",
	"StateBucket/Environments":     "second",
	"StateBucket/Pulumi":           "second",
	"BackendConfigFile":            "third",
	"BackendConfigFile/Block":      "second",
	"BackendConfigFile/Dotenv":     "first",
	"BackendConfigFile/HTTP":       "first",
	"BackendConfigFile/Phases":     "fourth",
	"BackendConfigFile/Pulumi":     "fourth",
	"BackendConfigFile/Standalone": "first",
	"BackendConfigFile/Tfbackend":  "second",
	"LockDatabase":                 "first",
	"LockDatabase/Scaleway":        "second",
	"StateLockTable":               "third",
	"StateLockTable/Adopt":         "existing",
	"StateLockTable/DynamoDB":      "aws",
	"getBackendConfig":             "first",
	"getBackendConfig/Pulumi":      "second",
	"getEnvironmentLayout":         "first",
	"getS3Capabilities":            "existing",
	"getS3Capabilities/Bucket":     "existing",
	"getStateLocks":                "existing",
	"parsePulumiBackendUrl":        "second",
	"pulumiBackendUrl":             "first",
	"stateKey":                     "first",
}

// Every example that the descriptions show runs, in YAML, TypeScript, Python and Go, as it is
// printed: it is applied to real servers, changes nothing when it is run again, and is destroyed. In
// every language it makes the same resources, with the same outputs.
func TestShownExamples(t *testing.T) {
	t.Parallel()
	shown := shownExamples(t)
	scenes := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		if where[name] == "" {
			t.Errorf("nothing says how to run the example %s", name)
		}
		scenes[where[name]] = append(scenes[where[name]], name)
	}
	for name := range where {
		if shown[name] == nil {
			t.Errorf("there is no example %s any more", name)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	run := compileExamples(t, shown)
	// Two languages after each other share their servers, as the examples share their names.
	for _, languages := range [][]string{{"yaml", "typescript"}, {"python", "go"}} {
		t.Run(languages[0], func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, language := range languages {
				t.Run(language, func(t *testing.T) {
					for _, scene := range slices.Sorted(maps.Keys(scenes)) {
						t.Run(scene, func(t *testing.T) { run.scene(t, w, language, scene, scenes[scene]) })
					}
				})
			}
		})
	}
}

var (
	exampleHeading = regexp.MustCompile(`(?m)^### (.+)$`)
	exampleProgram = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?\n)```$")
)

// shownExamples takes the programs out of the descriptions, by resource or function and heading, and
// then by language.
func shownExamples(t *testing.T) map[string]map[string]string {
	t.Helper()
	var spec schema.PackageSpec
	if err := json.Unmarshal(provider.Schema(), &spec); err != nil {
		t.Fatal(err)
	}
	descriptions := map[string]string{}
	for token, r := range spec.Resources {
		descriptions[token] = r.Description
	}
	for token, f := range spec.Functions {
		if !strings.HasPrefix(token, "pulumi:") { // the bridge's own
			descriptions[token] = f.Description
		}
	}
	shown := map[string]map[string]string{}
	for token, description := range descriptions {
		name := token[strings.LastIndex(token, ":")+1:]
		_, text, found := strings.Cut(description, "## Example Usage\n")
		if !found {
			t.Errorf("%s has no example", name)
		}
		text, _, _ = strings.Cut(text, "\n## ")
		for i, part := range strings.Split(text, "<!--Start PulumiCodeChooser -->") {
			if i > 0 {
				shown[name] = programsIn(t, name, part)
			}
			if heading := exampleHeading.FindStringSubmatch(part); heading != nil {
				name = token[strings.LastIndex(token, ":")+1:] + "/" + heading[1]
			}
		}
	}
	return shown
}

func programsIn(t *testing.T, name, text string) map[string]string {
	t.Helper()
	programs := map[string]string{}
	for _, m := range exampleProgram.FindAllStringSubmatch(text, -1) {
		if programs[m[1]] != "" {
			t.Errorf("the example %s is there twice in %s", name, m[1])
		}
		programs[m[1]] = m[2]
	}
	for _, language := range shownLanguages {
		if programs[language] == "" {
			t.Errorf("the example %s is not there in %s", name, language)
		}
	}
	return programs
}

// exampleRunner has every example ready to run.
type exampleRunner struct {
	shown map[string]map[string]string
	// typescript and python are folders of programs, golang is a driver with all programs in it.
	typescript, python, golang string

	mu sync.Mutex
	// first is what the examples of a scene have made in the language that was there first.
	first map[string]made
}

// same returns what the examples of a scene have made in the language that was there first.
func (r *exampleRunner) same(scene string, found made) made {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.first[scene]; !ok {
		r.first[scene] = found
	}
	return r.first[scene]
}

// compileExamples compiles what has to be, all programs of a language at once.
func compileExamples(t *testing.T, shown map[string]map[string]string) *exampleRunner {
	t.Helper()
	r := &exampleRunner{shown: shown, typescript: t.TempDir(), python: t.TempDir(), first: map[string]made{}}
	golang := map[string]string{}
	var typescript []string
	for name, programs := range shown {
		file := fileOf(name)
		golang[file] = programs["go"]
		typescript = append(typescript, file+".ts")
		for path, text := range map[string]string{
			filepath.Join(r.typescript, file+".ts"): programs["typescript"],
			filepath.Join(r.python, file+".py"):     programs["python"],
		} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	slices.Sort(typescript)
	compileIn(t, r.typescript, typescript...)
	driver, err := os.ReadFile("drivers/driver.js")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.typescript, "driver.js"), driver, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.golang = goPrograms(t, golang)
	return r
}

// fileOf is the name of an example as a file.
func fileOf(name string) string { return strings.ReplaceAll(name, "/", "_") }

// made is what a stack holds: resources by what and where they are, and outputs in JSON.
type made struct {
	Resources []string
	Outputs   map[string]string
}

// scene runs the examples of one scene in one language.
func (r *exampleRunner) scene(t *testing.T, w *world, language, scene string, names []string) {
	s := w.stage(t, scene)
	found := made{Outputs: map[string]string{}}
	if language == "yaml" {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				s.t = t
				w.prepare(t, s, scene)
				s.write("Pulumi.yaml", projectFile+r.shown[name]["yaml"])
				s.up()
				s.unchanged("a preview of "+name, s.preview())
				found.add(s)
				w.empty(t, scene)
				s.destroy()
			})
		}
		s.t = t
	} else {
		w.prepare(t, s, scene)
		reports := r.drive(s, language, names)
		s.unchanged("a preview", reports[1])
		found.add(s)
		w.empty(t, scene)
		s.destroy()
	}
	slices.Sort(found.Resources)
	if len(found.Resources) == 0 && scene != "existing" {
		t.Errorf("the examples %v make nothing", names)
	}
	if other := r.same(scene, found); !cmp.Equal(other, found) {
		t.Errorf("the same examples make something else in another language (-) than in %s (+):\n%s", language, cmp.Diff(other, found))
	}
}

const projectFile = "name: shown\nruntime: yaml\n"

func (r *exampleRunner) drive(s *stage, language string, names []string) []pulumicli.Report {
	s.t.Helper()
	var programs []string
	for _, name := range names {
		programs = append(programs, fileOf(name))
	}
	in := func(dir, extension string) []string {
		var files []string
		for _, p := range programs {
			files = append(files, filepath.Join(dir, p+extension))
		}
		return files
	}
	const ops = "up,preview"
	switch language {
	case "typescript":
		return s.driven(nil, "node", filepath.Join(r.typescript, "driver.js"), ops, in(r.typescript, ".js")...)
	case "python":
		site, python := installedPython(s.t)
		return s.driven([]string{"PYTHONPATH=" + site}, python, s.absolute("drivers/driver.py"), ops, in(r.python, ".py")...)
	}
	return s.driven(nil, r.golang, "", ops, programs...)
}

// add takes what the stack of a stage holds.
func (m *made) add(s *stage) {
	s.t.Helper()
	resources, _ := s.exported()
	for _, r := range resources {
		if r.Type == "pulumi:pulumi:Stack" {
			for name, value := range r.Outputs {
				text, err := json.Marshal(value)
				s.must(err)
				m.Outputs[name] = strings.ReplaceAll(string(text), s.endpoint, "ENDPOINT")
			}
		} else if !strings.HasPrefix(r.Type, "pulumi:") {
			m.Resources = append(m.Resources, fmt.Sprintf("%s %s", r.Type, r.ID))
		}
	}
}
