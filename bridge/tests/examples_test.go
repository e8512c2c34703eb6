package tests

import (
	"encoding/json"
	"errors"
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
var shownLanguages = []string{"yaml", "typescript", "python", "go", "java"}

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

// Every example that the descriptions show runs, in YAML, TypeScript, Python, Go and Java, as it is
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
	run := &exampleRunner{shown: shown, first: map[string]made{}}
	// Languages after each other share their servers, as the examples share their names.
	for _, languages := range [][]string{{"yaml", "typescript"}, {"python", "go", "java"}} {
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

// exampleRunner compiles every example of a language when the first one runs.
type exampleRunner struct {
	shown map[string]map[string]string
	// typescript, python and java are folders of programs, golang is a driver with all programs in it.
	typescript, python, java, golang once[string]

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

// write writes the programs of a language into a folder of their own.
func (r *exampleRunner) write(language, extension string) (dir string, files []string, err error) {
	dir, err = os.MkdirTemp(built, "examples-")
	for name, programs := range r.shown {
		file := fileOf(name) + extension
		files = append(files, file)
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file), []byte(programs[language]), 0o600))
	}
	return dir, files, err
}

func (r *exampleRunner) compiledTypeScript(t *testing.T) (string, error) {
	dir, files, err := r.write("typescript", ".ts")
	if err != nil {
		return "", err
	}
	compileIn(t, dir, files...)
	driver, err := os.ReadFile("drivers/driver.js") // node looks for packages beside it
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "driver.js"), driver, 0o600)
}

// compiledJava has a folder for each program: all are of the same class.
func (r *exampleRunner) compiledJava(t *testing.T) (string, error) {
	dir, err := sharedFolder("examples-")
	var folders []string
	for name, programs := range r.shown {
		folder := filepath.Join(dir, fileOf(name))
		folders = append(folders, folder)
		err = errors.Join(err, os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "App.java"), []byte(programs["java"]), 0o600))
	}
	if err != nil {
		return "", err
	}
	return dir, compileJava(t, folders...)
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
	runtime := "yaml" // whatever it is, the Automation API runs the program that it is given
	if language == "python" || language == "java" {
		runtime = language // but these refuse runtimes that are not theirs
	}
	s := w.stage(t, scene, projectFile+runtime+"\n")
	found := made{Outputs: map[string]string{}}
	if language == "yaml" {
		for _, name := range names {
			t.Run(name, func(t *testing.T) {
				s.t = t
				w.prepare(t, s, scene)
				s.write("Pulumi.yaml", projectFile+"yaml\n"+r.shown[name]["yaml"])
				s.up()
				s.unchanged("a preview of "+name, s.preview())
				found.add(s)
				w.empty(t, scene)
				s.destroyProtected()
			})
		}
		s.t = t
	} else {
		w.prepare(t, s, scene)
		reports := r.drive(s, language, names)
		s.unchanged("a preview", reports[1])
		found.add(s)
		w.empty(t, scene)
		s.destroyProtected()
	}
	w.clear(t, scene)
	slices.Sort(found.Resources)
	if len(found.Resources) == 0 && scene != "existing" {
		t.Errorf("the examples %v make nothing", names)
	}
	if other := r.same(scene, found); !cmp.Equal(other, found) {
		t.Errorf("the same examples make something else in another language (-) than in %s (+):\n%s", language, cmp.Diff(other, found))
	}
}

const projectFile = "name: shown\nruntime: "

// drive runs the examples together by the Automation API.
func (r *exampleRunner) drive(s *stage, language string, names []string) []pulumicli.Report {
	s.t.Helper()
	const ops = "up,preview"
	programs := func(dir, extension string) []string {
		var files []string
		for _, name := range names {
			files = append(files, filepath.Join(dir, fileOf(name)+extension))
		}
		return files
	}
	switch language {
	case "typescript":
		dir := r.typescript.get(s.t, func() (string, error) { return r.compiledTypeScript(s.t) })
		return s.driven(nil, "node", filepath.Join(dir, "driver.js"), ops, programs(dir, ".js")...)
	case "python":
		dir := r.python.get(s.t, func() (string, error) {
			dir, _, err := r.write(language, ".py")
			return dir, err
		})
		site, python := installedPython(s.t)
		return s.driven([]string{"PYTHONPATH=" + site}, python, s.absolute("drivers/driver.py"), ops, programs(dir, ".py")...)
	case "java":
		dir := r.java.get(s.t, func() (string, error) { return r.compiledJava(s.t) })
		return s.driven([]string{"CLASSPATH=" + javaClasspath(s.t)}, language, s.absolute("drivers/Driver.java"), ops, programs(dir, "")...)
	}
	driver := r.golang.get(s.t, func() (string, error) {
		all := map[string]string{}
		for name, p := range r.shown {
			all[fileOf(name)] = p["go"]
		}
		return goPrograms(s.t, all), nil
	})
	return s.driven(nil, driver, "", ops, programs("", "")...)
}

// add takes what the stack of a stage holds.
func (m *made) add(s *stage) {
	s.t.Helper()
	_, text := s.exported()
	var state struct {
		Deployment struct{ Resources []exported }
	}
	s.must(json.Unmarshal([]byte(text), &state))
	for _, r := range state.Deployment.Resources {
		if r.Type == "pulumi:pulumi:Stack" {
			for name, value := range r.Outputs {
				text, err := json.Marshal(value)
				s.must(err)
				m.Outputs[name] = strings.ReplaceAll(string(text), s.endpoint, "ENDPOINT")
			}
		} else if !strings.HasPrefix(r.Type, "pulumi:") {
			m.Resources = append(m.Resources, r.Type+" "+r.ID)
		}
	}
}

// destroyProtected destroys what the examples have made. They leave the buckets protected, as they
// should; that is taken back in the state, where an update of the program would take it back too.
func (s *stage) destroyProtected() {
	s.t.Helper()
	const protected, open = `"deletionProtection": true`, `"deletionProtection": false`
	if _, text := s.exported(); strings.Contains(text, protected) {
		s.must(s.cli.Import(s.t.Context(), stack, []byte(strings.ReplaceAll(text, protected, open))))
	}
	s.destroy()
}
