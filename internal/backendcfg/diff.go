package backendcfg

import (
	"fmt"
	"regexp"
	"strings"
)

// LineChange is one line that a text has and another does not.
type LineChange struct {
	// Added is true for a line of the new text, false for one of the old.
	Added bool
	// Line counts from 1 in the text that has it.
	Line int
	// Name is the argument or block on the line, or "".
	Name string
}

const (
	maxDiffLines   = 400
	maxDiffEntries = 6
)

var leadingName = regexp.MustCompile(`^\s*"?([A-Za-z_][A-Za-z0-9_-]*)"?\s*(?:=|\{|"|:)`)

// Diff lists the lines by which two texts differ. It holds no values.
func Diff(found, want string) []LineChange {
	a, b := splitLines(found), splitLines(want)
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	return diffMiddle(a[start:endA], b[start:endB], start)
}

// splitLines splits, without line ends and white space around the lines: a change
// of indentation is none.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	return lines
}

// diffMiddle is the longest common subsequence's complement; what is very long is
// taken to differ as a whole.
func diffMiddle(a, b []string, offset int) []LineChange {
	var out []LineChange
	remove := func(i int) { out = append(out, LineChange{false, offset + i + 1, lineName(a[i])}) }
	add := func(j int) { out = append(out, LineChange{true, offset + j + 1, lineName(b[j])}) }
	i, j := 0, 0
	if len(a) <= maxDiffLines && len(b) <= maxDiffLines {
		common := commonLengths(a, b)
		for i < len(a) && j < len(b) {
			switch {
			case a[i] == b[j]:
				i, j = i+1, j+1
			case common[i+1][j] >= common[i][j+1]:
				remove(i)
				i++
			default:
				add(j)
				j++
			}
		}
	}
	for ; i < len(a); i++ {
		remove(i)
	}
	for ; j < len(b); j++ {
		add(j)
	}
	return out
}

// commonLengths holds, for each pair of suffixes, how many lines they share.
func commonLengths(a, b []string) [][]int {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	return n
}

func lineName(line string) string {
	if m := leadingName.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return ""
}

// summarise writes changes for one line of an error.
func summarise(changes []LineChange) string {
	var parts []string
	for i, c := range changes {
		if i == maxDiffEntries {
			parts = append(parts, fmt.Sprintf("and %d more", len(changes)-i))
			break
		}
		p := fmt.Sprintf("line %d", c.Line)
		if c.Added {
			p = "missing: new line " + fmt.Sprint(c.Line)
		}
		if c.Name != "" {
			p += " " + c.Name
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return "in white space only"
	}
	return strings.Join(parts, "; ")
}
