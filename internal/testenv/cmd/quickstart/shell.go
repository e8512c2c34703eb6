package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
)

// printer writes for a person: headings, commands and the lines of their output that matter.
type printer struct {
	w    io.Writer
	bold bool
}

func newPrinter(w io.Writer, getenv func(string) string) *printer {
	p := &printer{w: w}
	if f, ok := w.(*os.File); ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" {
		info, err := f.Stat()
		p.bold = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *printer) line(text string) { _, _ = fmt.Fprintln(p.w, text) }

func (p *printer) title(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	p.line("\n" + text)
}

func (p *printer) text(format string, args ...any) { p.line("   " + fmt.Sprintf(format, args...)) }

func (p *printer) item(format string, args ...any) { p.line("   - " + fmt.Sprintf(format, args...)) }

func (p *printer) command(where, program string, args ...string) {
	p.line("\n   " + where + " $ " + program + " " + strings.Join(args, " "))
}

// quote shows what a program said or wrote.
func (p *printer) quote(text string) {
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		p.line(strings.TrimRight("   | "+strings.TrimRight(line, "\r\n"), " "))
	}
}

// begin starts the next step.
func (q *quickstart) begin(title string, lines ...string) {
	q.step++
	q.out.title("%d. %s", q.step, title)
	for _, line := range lines {
		q.out.text("%s", line)
	}
}

func (q *quickstart) in(workspace string) tfcli.CLI {
	cli := q.cli
	cli.Dir = filepath.Join(q.project, filepath.FromSlash(workspace))
	return cli
}

// succeed shows a command and runs it; it must exit with 0.
func (q *quickstart) succeed(ctx context.Context, workspace string, args ...string) (string, error) {
	return q.command(ctx, "", workspace, args...)
}

// command is succeed for one of several clients.
func (q *quickstart) command(ctx context.Context, who, workspace string, args ...string) (string, error) {
	q.out.command(who+workspace, q.tool, args...)
	return q.succeedQuietly(ctx, workspace, args...)
}

func (q *quickstart) succeedQuietly(ctx context.Context, workspace string, args ...string) (string, error) {
	result, err := q.in(workspace).Run(ctx, args...)
	if err != nil || result.ExitCode != 0 {
		return "", unexpected(fmt.Sprintf("%s %s in %s was to succeed, and ended with %d", q.tool, strings.Join(args, " "), workspace, result.ExitCode),
			result.Output(), err)
	}
	return result.Output(), nil
}

// refuse shows a command and runs it; it must fail with an error message.
func (q *quickstart) refuse(ctx context.Context, who, workspace string, args ...string) (string, error) {
	q.out.command(who+workspace, q.tool, args...)
	result, err := q.in(workspace).Run(ctx, args...)
	if err != nil || result.ExitCode != 1 {
		return "", unexpected(fmt.Sprintf("%s %s in %s was to be refused, and ended with %d", q.tool, strings.Join(args, " "), workspace, result.ExitCode),
			result.Output(), err)
	}
	return result.Output(), nil
}

// show prints the lines that begin with each of the texts, in the order of the texts.
func (q *quickstart) show(output string, starts ...string) error {
	for _, start := range starts {
		found := ""
		for line := range strings.Lines(output) {
			if trimmed := plain(line); strings.HasPrefix(trimmed, start) || strings.HasPrefix(trimmed, "Error: "+start) {
				found = trimmed
				break
			}
		}
		if found == "" {
			return unexpected(fmt.Sprintf("the output was to have a line %q", start), output)
		}
		// A sentence that goes on in the next line would end in the middle.
		if whole, _, ok := strings.Cut(found, "! "); ok && !strings.HasSuffix(found, ".") {
			found = whole + "!"
		}
		q.out.quote(found)
	}
	return nil
}

// showError prints the message of an error, without the place in the configuration. It must hold a
// piece of text.
func (q *quickstart) showError(output, piece string) error {
	var lines []string
	inside, blank := false, false
	for line := range strings.Lines(output) {
		line = strings.TrimRight(bare(line), " \r\n")
		text := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(text, "Error: "):
			inside = true
		case !inside, strings.HasPrefix(text, "with groundwork_"), strings.HasPrefix(text, "on main.tf line"), isSource(text):
			continue
		}
		if text == "" {
			blank = true
			continue
		}
		if blank && len(lines) > 0 {
			lines = append(lines, "")
		}
		blank = false
		lines = append(lines, line)
	}
	message := strings.Join(lines, "\n")
	if !strings.Contains(strings.Join(strings.Fields(message), " "), piece) {
		return unexpected(fmt.Sprintf("it was to say %q", piece), output)
	}
	q.out.quote(message)
	return nil
}

// isSource tells the line of the configuration that a message repeats, such as `27: resource …`.
func isSource(text string) bool {
	number, rest, ok := strings.Cut(text, ": ")
	return ok && strings.Trim(number, "0123456789") == "" && number != "" && strings.HasSuffix(rest, "{")
}

// bare takes away the bar that the tools put beside a message.
func bare(line string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "│"), "╷"), "╵")
}

func plain(line string) string { return strings.TrimSpace(bare(line)) }

// between returns the text from the first marker on and up to the second, both included, without
// the indentation of its first line.
func between(text, first, last string) string {
	_, text, _ = strings.Cut(text, first)
	text, _, _ = strings.Cut(text, last)
	text = first + text + last
	indent := len(first) - len(strings.TrimLeft(first, " "))
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(indent, len(line)):], " ")
	}
	return strings.Join(lines, "\n")
}

// unexpected is a step that did not behave as told, with everything that was said.
func unexpected(what, output string, causes ...error) error {
	err := fmt.Errorf("%s; this is all that it said:\n%s", what, strings.TrimSpace(output))
	return errors.Join(append([]error{err}, causes...)...)
}
