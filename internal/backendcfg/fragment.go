package backendcfg

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

// marker is the first line inside every block that Edit writes. Remove and
// Extract know their own by it.
const marker = "# Managed by groundwork: changes inside this block are overwritten."

// undo is what Remove has to know beyond the block itself. It follows the marker
// in the backend block, so that it travels with the text it is about.
type undo string

const (
	// undoLines: the block stands on lines of its own.
	undoLines undo = ""
	// undoInline: the closing brace was not on a line of its own.
	undoInline undo = " (So are the line breaks around it.)"
	// undoUnfold: as undoInline, with one argument, which moved to its own line.
	undoUnfold undo = " (The terraform block was on one line.)"
	// undoCreated: there was no terraform block.
	undoCreated undo = " (So is the terraform block.)"
)

// Fragment is what groundwork manages inside a file: blocks without indentation,
// with \n, and without a newline at the end.
type Fragment struct {
	Backend      string
	RemoteStates []RemoteStateBlock
}

// RemoteStateBlock is one terraform_remote_state data source.
type RemoteStateBlock struct {
	Name string
	Text string
}

// String is the fragment as one text, for plans and for comparison.
func (f Fragment) String() string {
	var parts []string
	if f.Backend != "" {
		parts = append(parts, f.Backend)
	}
	for _, r := range f.RemoteStates {
		parts = append(parts, r.Text)
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// Type is the backend's type, or "" without a backend.
func (f Fragment) Type() string {
	d, err := parseDocument("", []byte(f.Backend))
	if err != nil || len(d.body.Blocks) != 1 || len(d.body.Blocks[0].Labels) != 1 {
		return ""
	}
	return d.body.Blocks[0].Labels[0]
}

// Names are those of the remote states.
func (f Fragment) Names() []string {
	names := make([]string, len(f.RemoteStates))
	for i, r := range f.RemoteStates {
		names[i] = r.Name
	}
	return names
}

// canonical brings a block as it stands in a file to the form of a Fragment.
func canonical(block string) string {
	block = strings.ReplaceAll(block, "\r\n", "\n")
	if kind, ok := markerOf(block); ok {
		block = strings.Replace(block, marker+string(kind), marker, 1)
	}
	return trimBlock(hclwrite.Format([]byte(block)))
}

// markerOf finds the marker in a block's second line.
func markerOf(block string) (undo, bool) {
	_, rest, ok := strings.Cut(block, "\n")
	if !ok {
		return "", false
	}
	line, _, _ := strings.Cut(rest, "\n")
	suffix, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), marker)
	if !ok {
		return "", false
	}
	switch kind := undo(strings.TrimRight(suffix, " \t\r")); kind {
	case undoInline, undoUnfold, undoCreated:
		return kind, true
	default:
		return undoLines, true
	}
}

// place lays a fragment's block out for a file: indent before every line but the
// first, the file's own unit for each level, and its newline.
func place(block string, kind undo, indent, unit, newline string) string {
	lines := strings.Split(block, "\n")
	for i, line := range lines {
		body := strings.TrimLeft(line, " ")
		if body == "" {
			lines[i] = ""
			continue
		}
		if body == marker {
			body += string(kind)
		}
		lead := strings.Repeat(unit, (len(line)-len(strings.TrimLeft(line, " ")))/2)
		if i > 0 {
			lead = indent + lead
		}
		lines[i] = lead + body
	}
	return strings.Join(lines, newline)
}
