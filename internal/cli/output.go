package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/creack/pty"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"go.yaml.in/yaml/v3"
)

// FormatVersion stands as format_version in every document that groundwork prints. The number
// before the dot changes when a program that reads the documents has to.
const FormatVersion = "1.0"

// Format is how results are shown. It implements pflag.Value.
type Format string

// The formats.
const (
	FormatTable Format = "table"
	FormatJSON  Format = "json"
	FormatYAML  Format = "yaml"
)

// String is the format's name.
func (f *Format) String() string { return string(*f) }

// Set takes one of the names.
func (f *Format) Set(text string) error {
	switch Format(text) {
	case FormatTable, FormatJSON, FormatYAML:
		*f = Format(text)
		return nil
	}
	return fmt.Errorf("%q is none of table, json and yaml", text)
}

// Type is what the help calls the value.
func (f *Format) Type() string { return "format" }

// formatAhead looks for --format before the flags are parsed, so that an error in them is shown in
// the right format, too. What follows "--" belongs to another program.
func formatAhead(args []string) Format {
	found := FormatTable
	for i, arg := range args {
		text, given := strings.CutPrefix(arg, "--format=")
		switch {
		case arg == "--":
			return found
		case arg == "--format" && i+1 < len(args):
			text = args[i+1]
		case !given:
			continue
		}
		if f := Format(text); f == FormatJSON || f == FormatYAML || f == FormatTable {
			found = f
		}
	}
	return found
}

// show prints a result: document, which has a format_version, to programs; and to people what human
// writes.
func (a *App) show(document any, human func(w io.Writer) error) error {
	if a.format == FormatTable {
		return human(a.Stdout)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("show the result: %w", err)
	}
	text := escaped(b.Bytes())
	if a.format == FormatYAML {
		var err error
		if text, err = toYAML(text); err != nil {
			return fmt.Errorf("show the result: %w", err)
		}
	}
	_, err := a.Stdout.Write(text)
	return err
}

// escaped writes what the JSON encoder leaves as it is, and what YAML does not know or a terminal obeys,
// as an escape. It can only stand in strings.
func escaped(text []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(text) {
		if r == '\n' || unicode.IsPrint(r) || r > 0xffff {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return b.Bytes()
}

// toYAML rewrites JSON, which is YAML, in YAML's block style: names and order stay.
func toYAML(text []byte) ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, err
	}
	plain(&node)
	return yaml.Marshal(&node)
}

func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}

// table writes rows below headers, for people; where the terminal is too narrow for that, a block of
// lines for each row. A width of 0 is no terminal.
func table(w io.Writer, width int, headers []string, rows [][]string) error {
	text, err := aligned(headers, rows)
	if err != nil {
		return err
	}
	if width > 0 && twwidth.Width(longest(text)) > width {
		text = blocks(headers, rows)
	}
	_, err = io.WriteString(w, text)
	return err
}

func longest(text string) string {
	var found string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); twwidth.Width(line) > twwidth.Width(found) {
			found = line
		}
	}
	return found
}

// blocks has a line for each cell that is not empty, and an empty one between rows.
func blocks(headers []string, rows [][]string) string {
	var b strings.Builder
	name := 0
	for _, h := range headers {
		name = max(name, len(h))
	}
	for i, row := range rows {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, cell := range row {
			if cell != "" {
				fmt.Fprintf(&b, "%-*s  %s\n", name, headers[j], cell)
			}
		}
	}
	return b.String()
}

// width is that of the terminal that results are shown on, 0 where it is none.
func (a *App) width() int {
	file, ok := a.Stdout.(*os.File)
	if !ok {
		return 0
	}
	_, columns, err := pty.Getsize(file)
	if err != nil {
		return 0
	}
	return columns
}

func aligned(headers []string, rows [][]string) (string, error) {
	var b bytes.Buffer
	t := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{Alignment: tw.CellAlignment{Global: tw.AlignLeft}, Padding: tw.CellPadding{Global: tw.Padding{Right: "  "}}, Formatting: tw.CellFormatting{AutoFormat: tw.Off}},
			Row:    tw.CellConfig{Alignment: tw.CellAlignment{Global: tw.AlignLeft}, Padding: tw.CellPadding{Global: tw.Padding{Right: "  "}}, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}},
		}))
	t.Header(headers)
	if err := t.Bulk(rows); err != nil {
		return "", err
	}
	if err := t.Render(); err != nil {
		return "", err
	}
	// The last column is padded, too: spaces at the ends of lines are in the way of copying.
	var trimmed strings.Builder
	for line := range strings.Lines(b.String()) {
		trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return trimmed.String(), nil
}

func quote(s string) string { return strconv.Quote(s) }

// logf says what is done, with --verbose only.
func (a *App) logf(format string, args ...any) {
	if a.verbose {
		_, _ = fmt.Fprintf(a.Stderr, "groundwork: "+format+"\n", args...)
	}
}
