package guard

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

const localStateName = "terraform.tfstate"

// markSuperseded finds the states that were moved out of the bucket. Terraform and OpenTofu leave
// the old copy behind when they migrate to a local state; by itself it would look like a state
// that still manages the bucket, and no destroy would ever be possible.
func markSuperseded(ctx context.Context, states []State, workDir, bucket string) {
	if workDir == "" {
		return
	}
	backend, known := readBackend(workDir)
	if !known || (backend.Type == "s3" && backend.Config["bucket"] == bucket) {
		return // while the bucket is in use, a state file beside it is no more than somebody's copy
	}
	local := map[string]uint64{}
	for _, file := range localStates(workDir, backend) {
		if s := summarizeFile(ctx, file); s != nil && s.Lineage != "" {
			local[s.Lineage] = max(local[s.Lineage], s.Serial)
		}
	}
	for i, s := range states {
		// Only the state that manages the bucket has to be let go: any other that somebody has a copy
		// of stays live.
		if s.Err != nil || s.Summary.Lineage == "" || !s.ManagesBucket {
			continue
		}
		serial, moved := local[s.Summary.Lineage]
		states[i].Superseded = moved && serial >= s.Summary.Serial
	}
}

// A tool that destroys rewrites its local state after every resource, by truncating it first. A file
// that reads as no state is looked at again for that long.
const (
	rewriteTime  = 3 * time.Second
	rewritePause = 50 * time.Millisecond
)

func summarizeFile(ctx context.Context, file string) *statefile.Summary {
	for end := time.Now().Add(rewriteTime); ; {
		s, there := summarizeOnce(ctx, file)
		if s != nil || !there || time.Now().After(end) {
			return s
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rewritePause):
		}
	}
}

func summarizeOnce(ctx context.Context, file string) (s *statefile.Summary, there bool) {
	f, err := os.Open(file) //nolint:gosec // where the tool keeps its state in its own directory
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }() // it was only read
	if s, err = statefile.Summarize(ctx, f, statefile.Options{Name: file}); err != nil {
		return nil, true
	}
	return s, true
}

// localStates are the files that a local backend keeps states in: one of the default workspace,
// and one of each other.
func localStates(workDir string, b backend) []string {
	at := func(name, byDefault string) string {
		path, _ := b.Config[name].(string)
		if b.Type != "local" || path == "" {
			path = byDefault
		}
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(workDir, path)
	}
	files := []string{at("path", localStateName)}
	workspaces := at("workspace_dir", localStateName+".d")
	entries, err := os.ReadDir(workspaces)
	if err != nil {
		return files // there are none
	}
	for _, e := range entries {
		files = append(files, filepath.Join(workspaces, e.Name(), localStateName))
	}
	return files
}

// backend is what a working directory is initialised for; without a type it is a local one.
type backend struct {
	Type   string         `json:"type"`
	Config map[string]any `json:"config"`
}

// readBackend reads where the tool keeps its state. It is not known when that cannot be read.
func readBackend(workDir string) (b backend, known bool) {
	dataDir := os.Getenv("TF_DATA_DIR")
	if dataDir == "" {
		dataDir = ".terraform"
	}
	if !filepath.IsAbs(dataDir) {
		dataDir = filepath.Join(workDir, dataDir)
	}
	text, err := os.ReadFile(filepath.Join(dataDir, localStateName)) //nolint:gosec // where the tools record it
	if errors.Is(err, fs.ErrNotExist) {
		return backend{}, true
	}
	var record struct {
		Backend *backend `json:"backend"`
	}
	if err != nil || json.Unmarshal(text, &record) != nil {
		return backend{}, false
	}
	if record.Backend == nil {
		return backend{}, true
	}
	return *record.Backend, true
}
