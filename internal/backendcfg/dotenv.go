package backendcfg

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Variable is one line of a .env file; one without a name is a comment.
type Variable struct{ Name, Value string }

// The lines around what groundwork manages in a .env file.
const (
	dotenvBegin = "# Managed by groundwork, up to the line that says so: changes in between are overwritten."
	dotenvEnd   = "# End of what groundwork manages."
)

var (
	// variableLine is an assignment as shells and the dotenv libraries read it.
	variableLine = regexp.MustCompile(`^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*`)
	// bareValue needs no quotes anywhere, not even in a shell.
	bareValue = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)
)

// dotenvLine is one line, or an assignment over several.
type dotenvLine struct {
	start, end int
	// line counts from 1.
	line int
	// name is empty for comments, empty lines, and what is none of them.
	name string
	// value is without its quotes, unescaped.
	value string
	// comment is what follows the value, or the whole comment.
	comment string
}

// dotenvFile is a parsed .env file. Offsets are into src.
type dotenvFile struct {
	file    string
	src     []byte
	newline string
	lines   []dotenvLine
	// begin and end are the indexes of the lines around groundwork's block, or -1.
	begin, end int
}

// parseDotenv parses a .env file. The error is an *UnsupportedFileError, a
// *SyntaxError or an *AmbiguousError.
func parseDotenv(file string, src []byte) (*dotenvFile, error) {
	d := &dotenvFile{file: file, src: src, newline: "\n", begin: -1, end: -1}
	switch {
	case len(src) > maxSourceBytes:
		return nil, &UnsupportedFileError{File: file, Reason: fmt.Sprintf("is %d bytes long, more than any file of variables should be (%d)", len(src), maxSourceBytes)}
	case !utf8.Valid(src):
		return nil, &UnsupportedFileError{File: file, Reason: "is not UTF-8; save it as UTF-8 first"}
	case bytes.IndexByte(src, 0) >= 0:
		return nil, &UnsupportedFileError{File: file, Reason: "holds a zero byte, so it is no file of variables"}
	}
	if crlf := bytes.Count(src, []byte("\r\n")); crlf > bytes.Count(src, []byte("\n"))-crlf {
		d.newline = "\r\n"
	}
	at, line := 0, 1
	if bytes.HasPrefix(src, utf8BOM) {
		at = len(utf8BOM)
	}
	for at < len(src) {
		l, err := d.parseLine(at, line)
		if err != nil {
			return nil, err
		}
		d.lines = append(d.lines, l)
		line += bytes.Count(src[l.start:l.end], []byte("\n"))
		at = l.end
	}
	return d, d.findBlock()
}

func (d *dotenvFile) lineEnd(at int) int {
	if i := bytes.IndexByte(d.src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(d.src)
}

func (d *dotenvFile) parseLine(at, line int) (dotenvLine, error) {
	l := dotenvLine{start: at, end: d.lineEnd(at), line: line}
	text := string(d.src[at:l.end])
	m := variableLine.FindStringSubmatchIndex(strings.TrimRight(text, "\r\n"))
	if m == nil {
		if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "#") {
			l.comment = trimmed
		}
		return l, nil
	}
	l.name = text[m[2]:m[3]]
	start := at + m[1]
	if start < len(d.src) && strings.IndexByte("'\"`", d.src[start]) >= 0 {
		return d.parseQuoted(l, start)
	}
	value := strings.TrimRight(string(d.src[start:l.end]), "\r\n")
	if strings.HasPrefix(value, "#") {
		l.comment, value = value, ""
	} else if i := strings.Index(value, " #"); i >= 0 {
		l.comment, value = value[i+1:], value[:i]
	}
	l.value = strings.TrimRight(value, " \t")
	return l, nil
}

// parseQuoted reads a value that may go on over several lines.
func (d *dotenvFile) parseQuoted(l dotenvLine, start int) (dotenvLine, error) {
	quote := d.src[start]
	var value []byte
	i := start + 1
	for ; i < len(d.src) && d.src[i] != quote; i++ {
		if d.src[i] == '\\' && quote == '"' && i+1 < len(d.src) {
			i++
			if c := d.src[i]; c == 'n' {
				value = append(value, '\n')
				continue
			} else if c != quote && c != '\\' && c != '$' && c != '`' {
				value = append(value, '\\')
			}
		}
		value = append(value, d.src[i])
	}
	if i >= len(d.src) {
		return l, &SyntaxError{File: d.file, Line: l.line, Column: start - l.start + 1, Summary: "this quote is never closed, and programs disagree on what that means"}
	}
	l.value, l.end = string(value), d.lineEnd(i)
	rest := strings.TrimSpace(string(d.src[i+1 : l.end]))
	switch {
	case strings.HasPrefix(rest, "#"):
		l.comment = rest
	case rest != "":
		return l, &SyntaxError{File: d.file, Line: l.line, Column: start - l.start + 1, Summary: "more follows after the closing quote, and programs disagree on what that means"}
	}
	return l, nil
}

// findBlock finds groundwork's block.
func (d *dotenvFile) findBlock() error {
	var begins, ends []int
	for i, l := range d.lines {
		switch {
		case l.name != "":
		case l.comment == dotenvBegin:
			begins = append(begins, i)
		case l.comment == dotenvEnd:
			ends = append(ends, i)
		}
	}
	if len(begins) == 0 && len(ends) == 0 {
		return nil
	}
	if len(begins) != 1 || len(ends) != 1 || begins[0] > ends[0] {
		e := &AmbiguousError{File: d.file, What: "or unpaired lines around what groundwork manages", Fix: "keep one pair, or remove them all together with what is between them"}
		for _, i := range slices.Sorted(slices.Values(append(begins, ends...))) {
			e.Lines = append(e.Lines, d.lines[i].line)
		}
		return e
	}
	d.begin, d.end = begins[0], ends[0]
	return nil
}

// block is groundwork's variables as they stand.
func (d *dotenvFile) block() string {
	if d.begin < 0 {
		return ""
	}
	from, to := d.lines[d.begin].end, d.lines[d.end].start
	return strings.ReplaceAll(string(d.src[from:to]), "\r\n", "\n")
}

// outside are the assignments that are not groundwork's, of the names given.
func (d *dotenvFile) outside(names []string) []dotenvLine {
	var out []dotenvLine
	for i, l := range d.lines {
		if l.name != "" && (d.begin < 0 || i < d.begin || i > d.end) && slices.Contains(names, l.name) {
			out = append(out, l)
		}
	}
	return out
}

// RenderVariables writes variables as lines that shells, Docker Compose, and the
// dotenv libraries of Node.js, Python, Ruby and Go read alike. The error is a
// *FieldError or a *CredentialError.
func RenderVariables(variables []Variable) (string, error) {
	var b strings.Builder
	for _, v := range variables {
		if err := checkVariable(v); err != nil {
			return "", err
		}
		if v.Name == "" {
			b.WriteString("# " + v.Value + "\n")
			continue
		}
		value := v.Value
		if !bareValue.MatchString(value) {
			value = "'" + value + "'"
		}
		b.WriteString(v.Name + "=" + value + "\n")
	}
	return b.String(), nil
}

func checkVariable(v Variable) error {
	if secretName(v.Name) {
		return &CredentialError{Field: v.Name, Kind: "a secret, by its name"}
	}
	if err := checkText(v.Name, v.Value); err != nil {
		return err
	}
	if v.Name != "" && strings.ContainsAny(v.Value, "'\\$`") {
		return &FieldError{Field: v.Name, Reason: "would hold a quote, a backslash, a dollar sign or a backtick, which programs that read .env files do not read alike; choose a value without them"}
	}
	return nil
}
