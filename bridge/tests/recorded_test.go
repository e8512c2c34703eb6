package tests

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded is a stack as the first schema wrote it, with words for what differs from run to run. It
// stays as it is: later versions have to read it. GROUNDWORK_RECORD=1 writes it where it is missing.
const recorded = "testdata/recorded/first.json"

// A state that the first version wrote is read by this one: nothing in it is replaced or changed.
func TestStateOfTheFirstSchema(t *testing.T) {
	t.Parallel()
	s := newStage(t, everything).withPostgres()
	s.write("Pulumi.yaml", everything)
	s.up()
	words := []string{
		s.bucket, "BUCKET", s.database, "DATABASE", strings.TrimPrefix(s.server.Endpoint, "http://"), "ENDPOINT",
		s.pg.Addr(), "POSTGRES", s.role(), "ROLE",
		fmt.Sprintf("%x", sha256.Sum256([]byte(s.read("backend.tf")))), "CONTENT_SHA256", // names are in the file
	}
	if _, err := os.Stat(recorded); err != nil && os.Getenv("GROUNDWORK_RECORD") != "" {
		deployment, err := s.cli.Export(t.Context(), stack)
		s.must(err)
		s.must(os.MkdirAll(filepath.Dir(recorded), 0o755))
		s.must(os.WriteFile(recorded, []byte(strings.NewReplacer(words...).Replace(string(deployment))), 0o600))
	}
	data, err := os.ReadFile(recorded)
	s.must(err)
	for i := 0; i < len(words); i += 2 {
		words[i], words[i+1] = words[i+1], words[i]
	}
	old := strings.NewReplacer(words...).Replace(string(data))

	s.loginToFiles() // a backend that knows nothing of the stack above
	s.must(s.cli.StackInit(t.Context(), stack))
	s.must(s.cli.Import(t.Context(), stack, []byte(old)))
	s.unchanged("a preview of the recorded state", s.preview())
	s.unchanged("a refresh of the recorded state", s.refresh())
	s.unchanged("an up on the recorded state", s.up())
	s.destroy()
	s.gone()
}
