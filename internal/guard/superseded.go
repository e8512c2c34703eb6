package guard

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/statefile"
)

// markSuperseded finds the states that were moved out of the bucket. Terraform and OpenTofu leave
// the old copy behind when they migrate to a local state; by itself it would look like a state
// that still manages the bucket, and no destroy would ever be possible.
func markSuperseded(ctx context.Context, states []State, workDir, bucket string) {
	if workDir == "" || usesBucket(workDir, bucket) {
		return
	}
	local := map[string]uint64{}
	for _, pattern := range []string{"terraform.tfstate", filepath.Join("terraform.tfstate.d", "*", "terraform.tfstate")} {
		files, _ := filepath.Glob(filepath.Join(workDir, pattern)) // the pattern is ours
		for _, file := range files {
			if s := summarizeFile(ctx, file); s != nil && s.Kind == statefile.Terraform {
				local[s.Lineage] = max(local[s.Lineage], s.Serial)
			}
		}
	}
	for i, s := range states {
		if s.Err != nil || s.Summary.Lineage == "" {
			continue
		}
		serial, moved := local[s.Summary.Lineage]
		states[i].Superseded = moved && serial >= s.Summary.Serial
	}
}

func summarizeFile(ctx context.Context, file string) *statefile.Summary {
	f, err := os.Open(file) //nolint:gosec // a fixed name in the tool's own working directory
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it was only read
	s, err := statefile.Summarize(ctx, f, statefile.Options{Name: file})
	if err != nil {
		return nil
	}
	return s
}

// usesBucket reads which backend the working directory is initialised for. While it is a bucket,
// a state file beside it is no more than somebody's copy.
func usesBucket(workDir, bucket string) bool {
	dataDir := os.Getenv("TF_DATA_DIR")
	if dataDir == "" {
		dataDir = ".terraform"
	}
	if !filepath.IsAbs(dataDir) {
		dataDir = filepath.Join(workDir, dataDir)
	}
	text, err := os.ReadFile(filepath.Join(dataDir, "terraform.tfstate")) //nolint:gosec // where the tools record it
	if err != nil {
		return false
	}
	var record struct {
		Backend *struct {
			Type   string         `json:"type"`
			Config map[string]any `json:"config"`
		} `json:"backend"`
	}
	if json.Unmarshal(text, &record) != nil {
		return true // unreadable: assume the worst
	}
	return record.Backend != nil && record.Backend.Type == "s3" && record.Backend.Config["bucket"] == bucket
}
