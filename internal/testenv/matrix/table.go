package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome is what came of one tool on one service.
type Outcome struct {
	// Failed is the reason why the suite did not pass; empty if it did.
	Failed string
	// Lacks are the codes of the hardening that the bucket does not have.
	Lacks []string
	// Lock is how states were seen to be locked, as lock_strategy calls it.
	Lock string
	// Refused are the codes of what was demanded in spite of it, and refused.
	Refused []string
}

// Row is one service.
type Row struct {
	Service string
	// On says what stood there.
	On string
	// Outcomes are by tool.
	Outcomes map[string]Outcome
}

// Tools are the columns, in order, with what they are called.
func Tools() [][2]string { return [][2]string{{"terraform", "Terraform"}, {"tofu", "OpenTofu"}} }

// Render writes rows as a table in Markdown. It is the same for the same outcomes.
func Render(rows []Row) string {
	heading := []string{"`service`", "Run on"}
	for _, tool := range Tools() {
		heading = append(heading, tool[1])
	}
	lines := [][]string{append(heading, "States locked by", "Refused when demanded")}
	for _, row := range rows {
		line := []string{"`" + row.Service + "`", row.On}
		for _, tool := range Tools() {
			line = append(line, cellText(row.Outcomes[tool[0]]))
		}
		lines = append(lines, append(line, row.common(lockText), row.common(refusedText)))
	}
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(line)) + "\n")
		}
	}
	return b.String()
}

// common is what all tools have in common, or each tool's own where they differ.
func (r Row) common(text func(Outcome) string) string {
	var all []string
	for _, tool := range Tools() {
		all = append(all, text(r.Outcomes[tool[0]]))
	}
	if len(slices.Compact(slices.Clone(all))) == 1 {
		return all[0]
	}
	for i, tool := range Tools() {
		all[i] = tool[1] + ": " + all[i]
	}
	return strings.Join(all, "; ")
}

func cellText(o Outcome) string {
	switch {
	case o.Failed != "":
		return "**failed**: " + o.Failed
	case len(o.Lacks) > 0:
		return "degraded: " + codes(o.Lacks)
	}
	return "ok"
}

func lockText(o Outcome) string {
	switch o.Lock {
	case "lockfile":
		return "an object in the bucket"
	case "":
		return "not seen"
	}
	return o.Lock
}

func refusedText(o Outcome) string {
	if len(o.Refused) == 0 {
		return "nothing to refuse"
	}
	return codes(o.Refused)
}

// codes lists codes in one order, whatever the order in which they were found.
func codes(list []string) string {
	sorted := slices.Sorted(slices.Values(list))
	for i, code := range sorted {
		sorted[i] = "`" + code + "`"
	}
	return strings.Join(sorted, ", ")
}
