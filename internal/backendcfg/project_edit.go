package backendcfg

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// plainURL is what can stand in YAML without quotes.
var plainURL = regexp.MustCompile(`^[a-z0-9]+://[A-Za-z0-9._~/?&=%+@,!*:-]*[A-Za-z0-9_/=~%-]$`)

// yamlText writes an address, in the quotes that were there before.
func yamlText(url string, style yaml.Style) string {
	switch {
	case style == yaml.SingleQuotedStyle:
		return "'" + strings.ReplaceAll(url, "'", "''") + "'"
	case style == yaml.DoubleQuotedStyle || !plainURL.MatchString(url):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(url) + `"`
	}
	return url
}

// ProjectFragment is what groundwork manages in a Pulumi.yaml, in one spelling.
func ProjectFragment(url string) string {
	return backendKey + ":\n  " + urlKey + ": " + yamlText(url, 0) + "\n"
}

// ProjectURL reads backend.url of a Pulumi.yaml, src being the content of file.
// Found is false where there is none.
func ProjectURL(src []byte, file string) (url string, found bool, err error) {
	p, err := parseProject(file, src)
	if err != nil || p.url == nil || p.url.value.Value == "" {
		return "", false, err
	}
	if p.url.value.Tag == "!!null" {
		return "", false, nil
	}
	return p.url.value.Value, true, nil
}

// EditProject sets backend.url in src, the content of a Pulumi.yaml, and leaves
// every other byte as it is. It refuses what it cannot edit safely: several
// documents, anchors, aliases and merge keys at the backend, flow style, text over
// several lines, keys that are there twice.
//
// Errors are *FieldError, *CredentialError, *SyntaxError, *AmbiguousError,
// *UnsupportedFileError and *VerifyError.
func EditProject(src []byte, file, url string) ([]byte, error) {
	if _, err := ParsePulumiURL(url); err != nil {
		return nil, err
	}
	p, err := parseProject(file, src)
	if err != nil {
		return nil, err
	}
	var out []byte
	switch {
	case p.url != nil:
		out = p.setURL(url)
	case p.backend != nil:
		out = p.addURL(url)
	default:
		if out = p.appendBackend(url); verifyProject(p, out, url) != nil {
			// After text whose end is not certain, such as a block scalar without a
			// last newline; before the first key it never is.
			out = p.prependBackend(url)
		}
	}
	return out, verifyProject(p, out, url)
}

func (p *project) setURL(url string) []byte {
	v := p.url.value
	if v.Value == url && v.Tag != "!!null" {
		return p.apply()
	}
	if isEmpty(v) {
		at := p.afterKey(p.url.key)
		return p.apply(splice{at, at, " " + yamlText(url, 0)})
	}
	start, end, _ := p.scalar(v)
	return p.apply(splice{start, end, yamlText(url, v.Style)})
}

// indent is the white space before a key.
func (p *project) indent(key *yaml.Node) string { return strings.Repeat(" ", key.Column-1) }

// addURL puts url into a backend that has none: before the other keys in it, or
// after its line.
func (p *project) addURL(url string) []byte {
	line := urlKey + ": " + yamlText(url, 0)
	if v := p.backend.value; v.Kind == yaml.MappingNode && len(v.Content) > 0 {
		first := v.Content[0]
		at := p.starts[first.Line-1]
		return p.apply(splice{at, at, p.indent(first) + line + p.newline})
	}
	line = p.indent(p.backend.key) + "  " + line
	at := p.lineEnd(p.offset(p.backend.key))
	if p.src[at-1] != '\n' {
		return p.apply(splice{at, at, p.newline + line})
	}
	return p.apply(splice{at, at, line + p.newline})
}

func (p *project) backendLines(url string) []string {
	indent := ""
	if len(p.root.Content) > 0 {
		indent = p.indent(p.root.Content[0])
	}
	return []string{indent + backendKey + ":", indent + "  " + urlKey + ": " + yamlText(url, 0)}
}

// appendBackend puts the backend at the end. A file without a newline there is left
// without one, which tells RemoveProjectURL how to restore it.
func (p *project) appendBackend(url string) []byte {
	text := strings.Join(p.backendLines(url), p.newline)
	end := len(p.src)
	if p.src[end-1] != '\n' {
		return p.apply(splice{end, end, p.newline + text})
	}
	return p.apply(splice{end, end, text + p.newline})
}

func (p *project) prependBackend(url string) []byte {
	at := 0
	if len(p.root.Content) > 0 {
		at = p.starts[p.root.Content[0].Line-1]
	}
	return p.apply(splice{at, at, strings.Join(p.backendLines(url), p.newline) + p.newline})
}

// verifyProject reads the result back: nothing but backend.url may differ, and that
// must be url.
func verifyProject(before *project, out []byte, url string) error {
	fail := func(reason string) error { return &VerifyError{File: before.file, Reason: reason, Fix: fixProject} }
	after, err := parseProject(before.file, out)
	if err != nil {
		return fail("would not parse (" + err.Error() + ")")
	}
	if after.url == nil && url != "" || after.url != nil && after.url.value.Value != url {
		return fail("would not hold the backend's address")
	}
	if !sameNode(others(before.root, backendKey), others(after.root, backendKey)) {
		return fail("would say something else in other places as well")
	}
	var a, b *yaml.Node
	if before.backend != nil && before.backend.value.Kind == yaml.MappingNode {
		a = before.backend.value
	}
	if after.backend != nil && after.backend.value.Kind == yaml.MappingNode {
		b = after.backend.value
	}
	if !sameNode(others(a, urlKey), others(b, urlKey)) {
		return fail("would say something else about the backend as well")
	}
	return nil
}

const fixProject = "write backend.url into it by hand"

// others is a mapping without one key, or nil if nothing is left.
func others(m *yaml.Node, without string) *yaml.Node {
	if m == nil {
		return nil
	}
	out := yaml.Node{Kind: m.Kind, Tag: m.Tag, Anchor: m.Anchor}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Kind != yaml.ScalarNode || m.Content[i].Value != without {
			out.Content = append(out.Content, m.Content[i], m.Content[i+1])
		}
	}
	if len(out.Content) == 0 {
		return nil
	}
	return &out
}

// sameNode compares what a document says, not where or in which quotes. Aliases are
// compared by name.
func sameNode(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !sameNode(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// RemoveProjectURL takes backend.url out of src, and the backend if nothing is left
// in it, comments included. On a file that had no backend it is EditProject's exact
// inverse. A file without backend.url stays as it is.
func RemoveProjectURL(src []byte, file string) ([]byte, error) {
	p, err := parseProject(file, src)
	if err != nil {
		return nil, err
	}
	if p.url == nil {
		return src, nil
	}
	out := p.withoutURL()
	return out, verifyProject(p, out, "")
}

func (p *project) withoutURL() []byte {
	key := p.url.key
	start := p.starts[key.Line-1]
	end := p.lineEnd(start)
	if comment := p.comment(p.afterValue()); comment != "" {
		return p.apply(splice{p.offset(key), end, comment + p.src2newline(end)})
	}
	if head := p.starts[p.backend.key.Line-1]; p.onlyURL() && p.comment(p.afterKey(p.backend.key)) == "" && blank(p.src[p.lineEnd(head):start]) {
		start = head
	}
	// The last line was appended after a newline that was not there before.
	if end == len(p.src) && p.src[end-1] != '\n' {
		start = len(bytes.TrimSuffix(p.src[:start], []byte(p.newline)))
	}
	return p.apply(splice{start, end, ""})
}

// onlyURL is true if the backend says nothing else, comments included.
func (p *project) onlyURL() bool {
	v := p.backend.value
	if len(v.Content) != 2 {
		return false
	}
	// What follows, indented deeper than the backend, would be a comment in it.
	at := p.lineEnd(p.offset(p.url.key))
	line := p.src[at:p.lineEnd(at)]
	indent := len(line) - len(bytes.TrimLeft(line, " "))
	return blank(line) || indent < p.backend.key.Column
}

func (p *project) afterValue() int {
	if isEmpty(p.url.value) {
		return p.afterKey(p.url.key)
	}
	_, end, _ := p.scalar(p.url.value)
	return end
}

// comment is the one that ends at's line, or "".
func (p *project) comment(at int) string {
	rest := strings.TrimSpace(string(p.src[at:p.lineEnd(at)]))
	if strings.HasPrefix(rest, "#") {
		return rest
	}
	return ""
}

// src2newline is the newline that ends before end, or "".
func (p *project) src2newline(end int) string {
	switch {
	case bytes.HasSuffix(p.src[:end], []byte("\r\n")):
		return "\r\n"
	case bytes.HasSuffix(p.src[:end], []byte("\n")):
		return "\n"
	}
	return ""
}

// PulumiProject is what a Pulumi.yaml that groundwork creates begins with.
type PulumiProject struct {
	Name string
	// Runtime is yaml, nodejs, python, go, dotnet, java or another language host's name.
	Runtime     string
	Description string
}

var (
	projectName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,100}$`)
	runtimeName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

func (p PulumiProject) validate() error {
	refuse := func(field, reason string) error {
		return &FieldError{Field: "pulumi.project." + field, Reason: reason}
	}
	switch {
	case !projectName.MatchString(p.Name):
		return refuse("name", fmt.Sprintf("is %q; Pulumi takes 1 to 100 letters, digits, _, . and -", p.Name))
	case !runtimeName.MatchString(p.Runtime):
		return refuse("runtime", fmt.Sprintf("is %q; name a language host, such as yaml, nodejs, python, go, dotnet or java", p.Runtime))
	}
	return checkText("pulumi.project.description", p.Description)
}

// Text is a new Pulumi.yaml without a backend.
func (p PulumiProject) Text() string {
	text := "# Created by groundwork, which manages backend.url; the rest is yours.\nname: " + yamlWord(p.Name) + "\nruntime: " + yamlWord(p.Runtime) + "\n"
	if p.Description != "" {
		text += "description: " + yamlText(p.Description, yaml.DoubleQuotedStyle) + "\n"
	}
	return text
}

// yamlWord quotes words that YAML would read as a number, a boolean or nothing.
func yamlWord(s string) string {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(s), &n); err != nil || len(n.Content) != 1 || n.Content[0].Kind != yaml.ScalarNode ||
		n.Content[0].Tag != "!!str" || n.Content[0].Value != s || len(s) < 4 && strings.Contains("yYnNoOfF", s[:1]) {
		return `"` + s + `"`
	}
	return s
}
