package pulumicli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Step is what an operation did, or would do, to one resource.
type Step struct {
	// Op is the engine's word: same, create, update, delete, replace, create-replacement,
	// delete-replaced, refresh, import, read.
	Op string
	// URN and Type name the resource.
	URN, Type string
	// Diff holds the paths of what differs, sorted.
	Diff []string
}

// Report is what an operation did, or what a preview would do.
type Report struct {
	Result
	// Steps has what was done to each resource; of an operation that was applied, only what
	// succeeded.
	Steps []Step
	// Changes counts resources by Op.
	Changes map[string]int
	// Diagnostics are the warnings and errors, each as SEVERITY: MESSAGE.
	Diagnostics []string
}

// Changed returns the steps that are not "same", "read" or a refresh that found nothing new, without
// the stack and the providers.
func (r Report) Changed() []Step {
	return slices.DeleteFunc(slices.Clone(r.Steps), func(s Step) bool {
		unchanged := s.Op == "same" || s.Op == "read" || (s.Op == "refresh" && len(s.Diff) == 0)
		return unchanged || strings.HasPrefix(s.Type, "pulumi:")
	})
}

// Step returns what was done to the resource whose URN ends with "::name"; ok is false if nothing was.
func (r Report) Step(name string) (step Step, ok bool) {
	i := slices.IndexFunc(r.Steps, func(s Step) bool { return strings.HasSuffix(s.URN, "::"+name) })
	if i < 0 {
		return Step{}, false
	}
	return r.Steps[i], true
}

// Preview says what Up would do. It takes no lock and writes nothing to the backend.
func (c CLI) Preview(ctx context.Context, stack string, args ...string) (Report, error) {
	return c.operate(ctx, append([]string{"preview", "--stack", stack}, args...))
}

// Up runs the program of Dir and applies what it wants, without a preview.
func (c CLI) Up(ctx context.Context, stack string, args ...string) (Report, error) {
	return c.operate(ctx, append([]string{"up", "--yes", "--skip-preview", "--stack", stack}, args...))
}

// Refresh reads every resource into the state, without running the program.
func (c CLI) Refresh(ctx context.Context, stack string, args ...string) (Report, error) {
	return c.operate(ctx, append([]string{"refresh", "--yes", "--skip-preview", "--stack", stack}, args...))
}

// Destroy deletes every resource of the stack, without a preview.
func (c CLI) Destroy(ctx context.Context, stack string, args ...string) (Report, error) {
	return c.operate(ctx, append([]string{"destroy", "--yes", "--skip-preview", "--stack", stack}, args...))
}

// ImportResource takes an existing resource into the stack, protected from deletion.
func (c CLI) ImportResource(ctx context.Context, stack, token, name, id string, args ...string) (Report, error) {
	return c.operate(ctx, append([]string{"import", "--yes", "--skip-preview", "--stack", stack, token, name, id}, args...))
}

func (c CLI) operate(ctx context.Context, args []string) (Report, error) {
	dir, err := os.MkdirTemp("", "groundwork-pulumi-")
	if err != nil {
		return Report{}, fmt.Errorf("making a folder for the event log: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the folder for temporary files harms nobody
	log := filepath.Join(dir, "events.json")

	args = append(args, "--non-interactive", "--event-log", log)
	result, runErr := c.Must(ctx, args...)
	data, err := os.ReadFile(log) // #nosec G304 -- in a folder of this call
	if errors.Is(err, fs.ErrNotExist) && runErr != nil {
		err = nil // it failed before the engine began
	}
	report, parseErr := parseEvents(data)
	report.Result = result
	return report, errors.Join(runErr, err, parseErr)
}

// event is the part of an engine event that is read here.
type event struct {
	Diagnostic *struct {
		Severity, Message string
		Ephemeral         bool
	} `json:"diagnosticEvent"`
	// Before is the plan of a step, and the only word of it in a preview; After says that it is done.
	Before *stepEvent `json:"resourcePreEvent"`
	After  *stepEvent `json:"resOutputsEvent"`
	// Summary comes last.
	Summary *struct {
		ResourceChanges map[string]int
	} `json:"summaryEvent"`
}

type stepEvent struct {
	Planning bool
	Metadata struct {
		Op, URN, Type string
		Diffs         []string
		DetailedDiff  map[string]json.RawMessage
	}
}

func (e *stepEvent) step() Step {
	m := e.Metadata
	diff := slices.AppendSeq(slices.Clone(m.Diffs), maps.Keys(m.DetailedDiff))
	slices.Sort(diff)
	return Step{Op: m.Op, URN: m.URN, Type: m.Type, Diff: slices.Compact(diff)}
}

// parseEvents reads an event log, one JSON object a line.
func parseEvents(data []byte) (Report, error) {
	var report Report
	lines := bufio.NewReader(bytes.NewReader(data))
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0 {
			return report, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return report, fmt.Errorf("reading the event log: %w", err)
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			return report, fmt.Errorf("line %d of the event log: %w", number, err)
		}
		report.add(e)
	}
}

func (r *Report) add(e event) {
	switch {
	case e.Diagnostic != nil && !e.Diagnostic.Ephemeral:
		if d := e.Diagnostic; d.Severity == "warning" || d.Severity == "error" {
			r.Diagnostics = append(r.Diagnostics, d.Severity+": "+strings.TrimSpace(d.Message))
		}
	case e.Before != nil && e.Before.Planning:
		r.Steps = append(r.Steps, e.Before.step())
	case e.After != nil && !e.After.Planning:
		r.Steps = append(r.Steps, e.After.step())
	case e.Summary != nil:
		r.Changes = e.Summary.ResourceChanges
	}
}
