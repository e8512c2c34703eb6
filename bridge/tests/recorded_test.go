package tests

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/pulumicli"
)

// record names a program in testdata/recorded whose stack is to be recorded. One that is recorded
// already stays as it is: later versions have to read it.
var record = flag.String("record", "", "record the stack of testdata/recorded/`NAME`.yaml as NAME.json, which must not be there yet")

const recordings = "testdata/recorded"

// States that earlier versions wrote are read by this one: the engine finds nothing to change or to
// replace, a refresh finds what is there, a change of the program is a change in place, and a destroy
// takes everything away.
func TestRecordedStates(t *testing.T) {
	t.Parallel()
	programs, err := filepath.Glob(filepath.Join(recordings, "*.yaml"))
	if err != nil || len(programs) < 2 {
		t.Fatalf("%d programs, %v", len(programs), err)
	}
	for _, file := range programs {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			readRecorded(t, name, string(text))
		})
	}
}

func readRecorded(t *testing.T, name, program string) {
	s := newStage(t, program).withPostgres()
	moto := testenv.Moto(t)
	// What differs from run to run, and the words for it in the recording.
	words := []string{
		"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_S3", // holds one of the words
		s.bucket, "BUCKET", s.database, "DATABASE", strings.TrimPrefix(s.server.Endpoint, "http://"), "ENDPOINT",
		strings.TrimPrefix(moto.Endpoint, "http://"), "MOTO",
		s.pg.Addr(), "POSTGRES", s.role(), "ROLE", testenv.PostgresRole(t, s.pg, "").Name, "LOCKER",
	}
	program = putIn(words).Replace(program)
	s.write("Pulumi.yaml", program)
	s.up() // what the recording is about
	made, _ := s.exported()
	for resource, r := range made {
		// Names are in the files, and so their checksums differ. Their content is compared.
		if sum, ok := r.Outputs["contentSha256"].(string); ok {
			word := "SHA256_OF_" + resource
			if resource == "backend" {
				word = "CONTENT_SHA256"
			}
			words = append(words, sum, word)
		}
	}
	path := filepath.Join(recordings, name+".json")
	if *record == name {
		s.record(path, strings.NewReplacer(words...))
	}
	recorded, err := os.ReadFile(path)
	s.must(err)

	s.loginToFiles() // a backend that knows nothing of the stack above
	s.must(s.cli.StackInit(t.Context(), stack))
	s.must(s.cli.Import(t.Context(), stack, []byte(putIn(words).Replace(string(recorded)))))
	old, _ := s.exported()
	for resource, r := range made {
		if old[resource].Type != r.Type || (!strings.HasPrefix(r.Type, "pulumi:") && old[resource].ID != r.ID) {
			t.Errorf("%s is a %s with the ID %q, and was a %s with the ID %q", resource, r.Type, r.ID, old[resource].Type, old[resource].ID)
		}
	}
	s.unchanged("a preview of the recorded state", s.preview())
	s.write("Pulumi.yaml", strings.ReplaceAll(program, "team: platform", "team: ops"))
	changed := s.preview().Changed()
	if len(changed) != strings.Count(program, "team: platform") || slices.ContainsFunc(changed, func(step pulumicli.Step) bool { return step.Op != "update" }) {
		t.Errorf("a change of tags: %+v", changed)
	}
	s.write("Pulumi.yaml", program)
	s.unchanged("a refresh of the recorded state", s.refresh())
	s.unchanged("an up on the recorded state", s.up())
	s.destroy()
	s.gone()
}

// putIn puts what is true of this run in the place of the words.
func putIn(words []string) *strings.Replacer {
	words = slices.Clone(words)
	for i := 0; i < len(words); i += 2 {
		words[i], words[i+1] = words[i+1], words[i]
	}
	return strings.NewReplacer(words...)
}

func (s *stage) record(path string, words *strings.Replacer) {
	s.t.Helper()
	deployment, err := s.cli.Export(s.t.Context(), stack)
	s.must(err)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	s.must(err)
	_, err = file.WriteString(words.Replace(string(deployment)))
	s.must(err)
	s.must(file.Close())
}
