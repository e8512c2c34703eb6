package backendcfg

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits on what is parsed. The parser recurses, and a stack that overflows ends
// the whole process: no configuration written by a person comes near these.
const (
	maxSourceBytes  = 4 << 20
	maxNesting      = 1000
	maxConditionals = 10000
)

const cloudType = "cloud"

var utf8BOM = []byte("\xef\xbb\xbf")

// document is a parsed file. Offsets are into src, which has no byte order mark.
type document struct {
	file    string
	bom     []byte
	src     []byte
	body    *hclsyntax.Body
	newline string
}

// parseDocument parses native syntax. The error is a *SyntaxError or an
// *UnsupportedFileError.
func parseDocument(file string, src []byte) (*document, error) {
	if strings.HasSuffix(file, ".json") {
		return nil, &UnsupportedFileError{File: file, Reason: "is JSON, which cannot be edited in place; write the backend to a file of its own (placement = \"file\")"}
	}
	d := &document{file: file, src: src}
	if bytes.HasPrefix(src, utf8BOM) {
		d.bom, d.src = src[:len(utf8BOM)], src[len(utf8BOM):]
	}
	body, err := parseNative(file, d.src)
	if err != nil {
		return nil, err
	}
	d.body = body
	d.newline = "\n"
	if crlf := bytes.Count(src, []byte("\r\n")); crlf > bytes.Count(src, []byte("\n"))-crlf {
		d.newline = "\r\n"
	}
	return d, nil
}

func parseNative(file string, src []byte) (*hclsyntax.Body, error) {
	if err := checkSource(file, src); err != nil {
		return nil, err
	}
	f, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, syntaxError(file, diags)
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return nil, &SyntaxError{File: file, Summary: "is not in HCL native syntax"}
	}
	return body, nil
}

// checkSource refuses what could overflow the parser's stack.
func checkSource(file string, src []byte) error {
	if len(src) > maxSourceBytes {
		return &UnsupportedFileError{File: file, Reason: fmt.Sprintf("is %d bytes long, more than any configuration file should be (%d); split it", len(src), maxSourceBytes)}
	}
	if !couldNest(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	depth, unary, conditionals := 0, 0, 0
	for _, t := range tokens {
		run := false
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth = max(depth-1, 0)
		case hclsyntax.TokenBang, hclsyntax.TokenMinus:
			unary, run = unary+1, true
		case hclsyntax.TokenQuestion:
			conditionals++
		}
		if !run {
			unary = 0
		}
		if depth > maxNesting || unary > maxNesting || conditionals > maxConditionals {
			return &UnsupportedFileError{File: file, Reason: fmt.Sprintf("nests expressions too deeply at line %d to be read safely", t.Range.Start.Line)}
		}
	}
	return nil
}

// couldNest tells whether there are bytes enough to nest too deeply: to find the tokens costs nearly
// as much as to parse them.
func couldNest(src []byte) bool {
	count := func(marks ...string) (n int) {
		for _, mark := range marks {
			n += bytes.Count(src, []byte(mark))
		}
		return n
	}
	return count("{", "[", "(") > maxNesting || count("!", "-") > maxNesting || count("?") > maxConditionals
}

// blocks of a document that this package cares about.
type blocks struct {
	terraform []*hclsyntax.Block
	backends  []nested
	clouds    []*hclsyntax.Block
	remote    []*hclsyntax.Block
}

// nested is a block inside a terraform block.
type nested struct {
	outer, block *hclsyntax.Block
}

func (d *document) blocks() blocks {
	var out blocks
	for _, b := range d.body.Blocks {
		switch {
		case b.Type == "terraform" && len(b.Labels) == 0:
			out.terraform = append(out.terraform, b)
			for _, in := range b.Body.Blocks {
				switch {
				case in.Type == "backend" && len(in.Labels) == 1:
					out.backends = append(out.backends, nested{b, in})
				case in.Type == cloudType:
					out.clouds = append(out.clouds, in)
				}
			}
		case b.Type == "data" && len(b.Labels) == 2 && b.Labels[0] == remoteStateType:
			out.remote = append(out.remote, b)
		}
	}
	return out
}

// backend is the one backend of any type, or nil. Several backends are an error, since the
// tools refuse them too.
func (d *document) backend() (*nested, error) {
	bs := d.blocks().backends
	if len(bs) > 1 {
		e := &AmbiguousError{File: d.file, What: "backend blocks", Fix: "keep one; Terraform refuses more"}
		for _, b := range bs {
			e.Lines = append(e.Lines, b.block.TypeRange.Start.Line)
		}
		return nil, e
	}
	if len(bs) == 0 {
		return nil, nil
	}
	return &bs[0], nil
}

// span is a block's bytes: from its type to its closing brace.
func span(b *hclsyntax.Block) (start, end int) {
	return b.TypeRange.Start.Byte, b.CloseBraceRange.End.Byte
}

func (d *document) text(b *hclsyntax.Block) string {
	start, end := span(b)
	return string(d.src[start:end])
}

// lineStart is the offset at which off's line begins.
func (d *document) lineStart(off int) int {
	return bytes.LastIndexByte(d.src[:off], '\n') + 1
}

// indentAt is the white space that off's line starts with, and whether there is
// nothing else before off.
func (d *document) indentAt(off int) (string, bool) {
	ls := d.lineStart(off)
	lead := d.src[ls:off]
	rest := bytes.TrimLeft(lead, " \t")
	return string(lead[:len(lead)-len(rest)]), len(rest) == 0
}

// lineAfter is the offset after the newline that ends off's line, if nothing but
// white space stands before it. At the end of the file it is the file's length.
func (d *document) lineAfter(off int) (int, bool) {
	rest := d.src[off:]
	line := rest
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		line = rest[:i+1]
	}
	return off + len(line), len(bytes.TrimSpace(line)) == 0
}

// unit is the white space of one level of indentation: that of the first indented
// line inside a block.
func (d *document) unit() string {
	for _, b := range d.body.Blocks {
		base, _ := d.indentAt(b.TypeRange.Start.Byte)
		if in, ok := d.innerIndent(b); ok {
			if u, ok := strings.CutPrefix(in, base); ok && u != "" {
				return u
			}
		}
	}
	return "  "
}

// innerIndent is the indentation of the first item in b that has a line to itself.
func (d *document) innerIndent(b *hclsyntax.Block) (string, bool) {
	off, ok := firstItem(b.Body)
	if !ok || d.lineStart(off) <= b.OpenBraceRange.Start.Byte {
		return "", false
	}
	return d.indentAt(off)
}

// firstItem is the offset of the first argument or block in body.
func firstItem(body *hclsyntax.Body) (int, bool) {
	first := -1
	for _, a := range body.Attributes {
		if off := a.NameRange.Start.Byte; first < 0 || off < first {
			first = off
		}
	}
	for _, b := range body.Blocks {
		if off := b.TypeRange.Start.Byte; first < 0 || off < first {
			first = off
		}
	}
	return first, first >= 0
}

// splice is one replacement of bytes.
type splice struct {
	start, end int
	text       string
}

// apply makes the replacements, which are in order and do not overlap, and puts
// the byte order mark back.
func (d *document) apply(splices ...splice) []byte {
	out := append([]byte(nil), d.bom...)
	at := 0
	for _, s := range splices {
		out = append(out, d.src[at:s.start]...)
		out = append(out, s.text...)
		at = s.end
	}
	return append(out, d.src[at:]...)
}
