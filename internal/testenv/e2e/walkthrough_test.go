package e2e

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// walkthrough is a scenario in a checkout of its own, whose README a test follows section by
// section: what people are told to type is what is run.
type walkthrough struct {
	t testing.TB
	// dir is the scenario's directory.
	dir string
	// shell runs what the README shows. `terraform` in it is the tool of the test.
	shell    *testenv.CLI
	sections map[string]string
	ran      map[string]bool
}

// newWalkthrough lays out examples/scenarios/NAME and the modules that it uses. The questions of
// apply and destroy are answered with yes.
func newWalkthrough(t *testing.T, name, tool string, env ...string) *walkthrough {
	t.Helper()
	root, dir := testenv.RepoRoot(t), t.TempDir()
	for _, part := range []string{"modules", filepath.Join("scenarios", name)} {
		if err := os.CopyFS(filepath.Join(dir, "examples", part), os.DirFS(filepath.Join(root, "examples", part))); err != nil {
			t.Fatal(err)
		}
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	w := &walkthrough{t: t, dir: filepath.Join(dir, "examples", "scenarios", name), ran: map[string]bool{}}
	w.sections = readme(t, filepath.Join(w.dir, "README.md"))
	w.shell = testenv.NewCLI(t, sh, w.dir, append([]string{
		"PATH=" + called(t, "terraform", tool) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"TF_CLI_ARGS=-no-color", "TF_CLI_ARGS_apply=-auto-approve", "TF_CLI_ARGS_destroy=-auto-approve",
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_SYSTEM=" + os.DevNull,
	}, env...)...)
	t.Cleanup(func() {
		for section := range w.sections {
			if !w.ran[section] && !t.Failed() {
				t.Errorf("the README's section %q was not run", section)
			}
		}
	})
	return w
}

// called returns a directory in which a program goes by another name.
func called(t testing.TB, name, program string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// readme returns what is to be run, by the heading that it stands under.
func readme(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		for _, block := range shellBlock.FindAllStringSubmatch(body, -1) {
			sections[heading] += block[1]
		}
	}
	return sections
}

// run follows a section, and fails the test where one of its commands fails.
func (w *walkthrough) run(section string) tfcli.Result {
	w.t.Helper()
	commands, ok := w.sections[section]
	if !ok {
		w.t.Fatalf("the README has no section %q with anything to run; it has %q", section, slices.Sorted(maps.Keys(w.sections)))
	}
	w.ran[section] = true
	return w.sh(commands)
}

// sh runs commands as somebody does who reads the README.
func (w *walkthrough) sh(commands string) tfcli.Result {
	w.t.Helper()
	return w.shell.Must("-euc", commands)
}

// refused runs commands that must fail, and returns what they said.
func (w *walkthrough) refused(commands string) string {
	w.t.Helper()
	result := w.shell.Run("-euc", commands)
	if result.ExitCode == 0 {
		w.t.Fatalf("%s is to be refused, and was not:\n%s", commands, result.Output())
	}
	return result.Output()
}

func (w *walkthrough) exists(parts ...string) bool {
	w.t.Helper()
	_, err := os.Stat(filepath.Join(append([]string{w.dir}, parts...)...))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return err == nil
}

// resources are the IDs of everything that the states of configurations manage, by address.
func (w *walkthrough) resources(configurations ...string) map[string]string {
	w.t.Helper()
	found := map[string]string{}
	for _, configuration := range configurations {
		var state struct {
			Resources []struct {
				Mode, Type, Name, Module string
				Instances                []struct {
					Attributes struct{ ID string }
				}
			}
		}
		text := w.sh("terraform -chdir=" + configuration + " state pull").Stdout
		if err := json.Unmarshal([]byte(text), &state); err != nil {
			w.t.Fatalf("the state of %s: %v\n%s", configuration, err, text)
		}
		for _, r := range state.Resources {
			if r.Mode == "managed" {
				found[r.Type+"."+r.Name] = r.Instances[0].Attributes.ID
			}
		}
	}
	return found
}

// bucketPrefix is short enough for what scenarios add to it, and nobody else's.
func bucketPrefix() string { return "tfacc-" + strings.ToLower(rand.Text()[:14]) }

// objectsIn lists the keys of a bucket, nil when there is no such bucket.
func objectsIn(t testing.TB, client *s3.Client, bucket string) []string {
	t.Helper()
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	var absent *types.NoSuchBucket
	if errors.As(err, &absent) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{}
	for _, object := range out.Contents {
		keys = append(keys, *object.Key)
	}
	return keys
}

// isGone fails the test if there is such a bucket.
func isGone(t testing.TB, client *s3.Client, buckets ...string) {
	t.Helper()
	for _, bucket := range buckets {
		if keys := objectsIn(t, client, bucket); keys != nil {
			t.Errorf("the bucket %s is still there, with %v", bucket, keys)
		}
	}
}

// minioEnv is what the shared server needs in the environment.
func minioEnv(t testing.TB) []string {
	t.Helper()
	s := testenv.MinIO(t)
	return []string{
		"GROUNDWORK_SERVICE=minio", "GROUNDWORK_ENDPOINT=" + s.Endpoint,
		"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey,
	}
}

// toolNames are what configurations call the tools.
var toolNames = map[string]string{"terraform": "terraform", "tofu": "opentofu"}

// eachTool runs a test with both.
func eachTool(t *testing.T, test func(t *testing.T, command, path string)) {
	t.Helper()
	t.Parallel()
	for command, tool := range tools {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			test(t, command, tool.path(t))
		})
	}
}

// minioStore reaches the shared server past the tools.
func minioStore(t testing.TB) *s3store.Client {
	t.Helper()
	s := testenv.MinIO(t)
	c, err := s3store.New(t.Context(), s3store.Config{
		Service: "minio", Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
