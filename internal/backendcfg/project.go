package backendcfg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	// Version 3, although there is a 4, since Pulumi reads its projects with it.
	"go.yaml.in/yaml/v3"
)

// project is a parsed Pulumi.yaml. Offsets are into src, which has no byte order mark.
type project struct {
	file    string
	bom     []byte
	src     []byte
	newline string
	// starts are the offsets at which the lines begin.
	starts []int
	root   *yaml.Node
	// backend and url are nil where there is none of them.
	backend, url *entry
}

// entry is one key of a mapping, and its value.
type entry struct{ key, value *yaml.Node }

const (
	backendKey = "backend"
	urlKey     = "url"
	mergeTag   = "!!merge"
)

func (p *project) refuse(line int, format string, a ...any) error {
	reason := fmt.Sprintf(format, a...)
	if line > 0 {
		reason = fmt.Sprintf("line %d %s", line, reason)
	}
	return &UnsupportedFileError{File: p.file, Reason: reason + "; write backend.url into it by hand, or simplify that part first"}
}

// parseProject parses a Pulumi.yaml, and refuses one in which the place of
// backend.url is not certain. The error is a *SyntaxError, an *AmbiguousError or
// an *UnsupportedFileError.
func parseProject(file string, src []byte) (*project, error) {
	p := &project{file: file, src: src, newline: "\n"}
	if bytes.HasPrefix(src, utf8BOM) {
		p.bom, p.src = src[:len(utf8BOM)], src[len(utf8BOM):]
	}
	if err := p.checkText(); err != nil {
		return nil, err
	}
	if crlf := bytes.Count(p.src, []byte("\r\n")); crlf > bytes.Count(p.src, []byte("\n"))-crlf {
		p.newline = "\r\n"
	}
	p.starts = []int{0}
	for i, b := range p.src {
		if b == '\n' {
			p.starts = append(p.starts, i+1)
		}
	}
	if err := p.decode(); err != nil {
		return nil, err
	}
	return p, p.find()
}

// checkText refuses what would make lines and columns mean something else to the parser.
func (p *project) checkText() error {
	switch {
	case strings.HasSuffix(p.file, ".json"):
		return &UnsupportedFileError{File: p.file, Reason: "is JSON, which is not edited in place; name a Pulumi.yaml"}
	case len(p.src) > maxSourceBytes:
		return &UnsupportedFileError{File: p.file, Reason: fmt.Sprintf("is %d bytes long, more than any project file should be (%d)", len(p.src), maxSourceBytes)}
	case !utf8.Valid(p.src):
		return &UnsupportedFileError{File: p.file, Reason: "is not UTF-8; save it as UTF-8 first"}
	case bytes.Contains(bytes.ReplaceAll(p.src, []byte("\r\n"), nil), []byte("\r")):
		return &UnsupportedFileError{File: p.file, Reason: "has carriage returns without line feeds; save it with the line ends of Unix or Windows first"}
	case bytes.ContainsAny(p.src, "\u0085\u2028\u2029\ufeff"):
		return &UnsupportedFileError{File: p.file, Reason: "holds a line separator of Unicode's, or a second byte order mark, which YAML and people read differently; remove it first"}
	}
	return nil
}

func (p *project) decode() (err error) {
	// The parser recovers from its own panics only.
	defer func() {
		if r := recover(); r != nil {
			err = &SyntaxError{File: p.file, Summary: "is no YAML that can be read"}
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(p.src))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return p.refuse(0, "holds no project: it is empty but for comments")
	case err != nil:
		return yamlError(p.file, err)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return yamlError(p.file, err)
		}
		return p.refuse(more.Line, "starts a second document, and Pulumi reads one")
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return p.refuse(0, "holds no project: that is a mapping with name, runtime and more")
	}
	p.root = doc.Content[0]
	return nil
}

// yamlError keeps the line of the parser's message; the rest may quote the file.
func yamlError(file string, err error) error {
	e := &SyntaxError{File: file, Summary: "is not valid YAML"}
	if _, rest, ok := strings.Cut(err.Error(), "line "); ok {
		if n, serr := fmt.Sscanf(rest, "%d", &e.Line); n == 1 && serr == nil {
			e.Column = 1
		}
	}
	return e
}

// find locates backend and backend.url.
func (p *project) find() error {
	if p.root.Style&yaml.FlowStyle != 0 {
		return p.refuse(p.root.Line, "writes the project in braces, which is not edited in place")
	}
	var err error
	if p.backend, err = p.entry(p.root, backendKey); err != nil || p.backend == nil {
		return err
	}
	v := p.backend.value
	switch {
	case isEmpty(v):
		return p.checkKey(p.backend.key)
	case v.Kind == yaml.AliasNode || v.Anchor != "" || p.backend.key.Anchor != "":
		return p.refuse(p.backend.key.Line, "has an anchor or an alias at backend")
	case v.Kind != yaml.MappingNode || v.Tag != "!!map" || v.Style&yaml.TaggedStyle != 0:
		return p.refuse(p.backend.key.Line, "has a backend that is no mapping with url in it")
	case v.Style&yaml.FlowStyle != 0:
		return p.refuse(p.backend.key.Line, "writes the backend in braces, which is not edited in place")
	}
	if err := p.checkKey(p.backend.key); err != nil {
		return err
	}
	if p.url, err = p.entry(v, urlKey); err != nil || p.url == nil {
		return err
	}
	return p.checkURL()
}

// isEmpty is true for a value that is not written at all.
func isEmpty(v *yaml.Node) bool {
	return v.Kind == yaml.ScalarNode && v.Tag == "!!null" && v.Value == "" && v.Anchor == "" && v.Style == 0
}

// entry finds a key, and refuses mappings in which it may be there twice.
func (p *project) entry(m *yaml.Node, name string) (*entry, error) {
	var out *entry
	seen := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		if key.Tag == mergeTag {
			return nil, p.refuse(key.Line, "merges another mapping in (<<), which may set %s as well", name)
		}
		if key.Kind != yaml.ScalarNode {
			continue
		}
		if first := seen[key.Value]; first > 0 {
			return nil, &AmbiguousError{File: p.file, What: fmt.Sprintf("keys %q", key.Value), Lines: []int{first, key.Line}, Fix: "keep one; Pulumi refuses more"}
		}
		seen[key.Value] = key.Line
		if key.Value == name {
			out = &entry{key, value}
		}
	}
	return out, nil
}

// checkKey makes sure that the key has a line to begin with, and nothing fancy.
func (p *project) checkKey(key *yaml.Node) error {
	if key.Anchor != "" || key.Style != 0 && key.Style != yaml.DoubleQuotedStyle && key.Style != yaml.SingleQuotedStyle {
		return p.refuse(key.Line, "has an anchor or a tag at %s", key.Value)
	}
	if strings.Trim(string(p.src[p.starts[key.Line-1]:p.offset(key)]), " ") != "" {
		return p.refuse(key.Line, "has more than spaces before %s", key.Value)
	}
	if p.afterKey(key) < 0 {
		return p.refuse(key.Line, "does not have the colon right after %s", key.Value)
	}
	return nil
}

func (p *project) checkURL() error {
	key, v := p.url.key, p.url.value
	if err := p.checkKey(key); err != nil {
		return err
	}
	if key.Line == p.backend.key.Line {
		return p.refuse(key.Line, "has backend and url on one line")
	}
	switch {
	case isEmpty(v):
		return nil
	case v.Kind == yaml.AliasNode || v.Anchor != "":
		return p.refuse(key.Line, "has an anchor or an alias at backend.url")
	case v.Kind != yaml.ScalarNode || v.Tag != "!!str" && v.Tag != "!!null":
		return p.refuse(key.Line, "has a backend.url that is no text")
	case v.Line != key.Line:
		return p.refuse(key.Line, "has backend.url on another line than its value")
	}
	if _, _, ok := p.scalar(v); !ok {
		return p.refuse(key.Line, "has a backend.url that goes over several lines, or has a tag")
	}
	return nil
}

// offset is where a node begins. Columns count characters.
func (p *project) offset(n *yaml.Node) int {
	at := p.starts[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(p.src[at:])
		at += size
	}
	return at
}

// afterKey is the offset after the key's colon, or -1.
func (p *project) afterKey(key *yaml.Node) int {
	at := p.offset(key)
	if key.Style == 0 {
		at += len(key.Value)
	} else {
		end := p.quoted(at)
		if end < 0 {
			return -1
		}
		at = end
	}
	for at < len(p.src) && p.src[at] == ' ' {
		at++
	}
	if at >= len(p.src) || p.src[at] != ':' {
		return -1
	}
	return at + 1
}

// quoted is the offset after the quoted scalar at start, if that ends on its line, or -1.
func (p *project) quoted(start int) int {
	quote := p.src[start]
	if quote != '"' && quote != '\'' {
		return -1
	}
	for i := start + 1; i < len(p.src) && p.src[i] != '\n'; i++ {
		switch {
		case quote == '"' && p.src[i] == '\\':
			i++
		case p.src[i] == quote && quote == '\'' && i+1 < len(p.src) && p.src[i+1] == quote:
			i++
		case p.src[i] == quote:
			return i + 1
		}
	}
	return -1
}

// scalar is the extent of a value on one line.
func (p *project) scalar(v *yaml.Node) (start, end int, ok bool) {
	start = p.offset(v)
	switch v.Style {
	case 0:
		end = start + len(v.Value)
		return start, end, v.Value != "" && bytes.HasPrefix(p.src[start:], []byte(v.Value)) && p.restIsBlank(end)
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		if start < len(p.src) {
			end = p.quoted(start)
		}
		return start, end, end > start && p.restIsBlank(end)
	}
	return 0, 0, false
}

// restIsBlank is true if nothing follows on the line but a comment.
func (p *project) restIsBlank(at int) bool {
	rest := p.src[at:p.lineEnd(at)]
	trimmed := bytes.TrimLeft(rest, " \t\r\n")
	return len(trimmed) == 0 || trimmed[0] == '#' && len(trimmed) < len(rest)
}

// lineEnd is the offset after the newline that ends at's line.
func (p *project) lineEnd(at int) int {
	if i := bytes.IndexByte(p.src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(p.src)
}

func (p *project) apply(splices ...splice) []byte {
	d := document{bom: p.bom, src: p.src}
	return d.apply(splices...)
}
