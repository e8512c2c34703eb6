package backendcfg

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// EditOptions change what Edit may replace.
type EditOptions struct {
	// AllowReplace lets Edit put the backend in the place of another type of
	// backend. A cloud block is never replaced.
	AllowReplace bool
	// Own lets it replace another type of backend if that carries groundwork's
	// comment, as when the configuration moves from one type to another.
	Own bool
}

// Edit places f in src, the content of file, and returns the new content. It
// replaces the backend of f's type and the remote states that f names where they stand,
// adds those that are missing, removes remote states that groundwork wrote and f
// no longer names, and leaves every other byte as it is.
//
// Errors are *SyntaxError, *AmbiguousError, *ConflictError, *UnsupportedFileError
// and *VerifyError.
func Edit(src []byte, file string, f Fragment, o EditOptions) ([]byte, error) {
	if f.Backend == "" {
		return nil, &FieldError{Field: "backend", Reason: "is missing from the fragment; render it with RenderFragment"}
	}
	kind := f.Type()
	f.RemoteStates = slices.SortedFunc(slices.Values(f.RemoteStates), func(a, b RemoteStateBlock) int {
		return strings.Compare(a.Name, b.Name)
	})
	d, err := dropStale(src, file, f.Names())
	if err != nil {
		return nil, err
	}
	out, err := d.editBackend(kind, f.Backend, o)
	if err != nil {
		return nil, err
	}
	for _, r := range f.RemoteStates {
		if out, err = editRemoteState(out, file, r); err != nil {
			return nil, err
		}
	}
	if err := verify(out, file, f); err != nil {
		return nil, err
	}
	return out, nil
}

// verify reads the result back: what does not hold exactly f must not be written.
func verify(out []byte, file string, f Fragment) error {
	got, _, err := Extract(out, file, f.Names()...)
	if err != nil {
		return &VerifyError{File: file, Reason: "would not parse (" + err.Error() + ")"}
	}
	if got.String() != f.String() {
		return &VerifyError{File: file, Reason: "would not hold the backend as rendered"}
	}
	return nil
}

func (d *document) editBackend(kind, text string, o EditOptions) ([]byte, error) {
	bs := d.blocks()
	if len(bs.clouds) > 0 {
		return nil, &ConflictError{File: d.file, Line: bs.clouds[0].TypeRange.Start.Line, Type: cloudType}
	}
	at, err := d.backend()
	switch {
	case err != nil:
		return nil, err
	case at != nil:
		_, own := markerOf(d.text(at.block))
		if t := at.block.Labels[0]; t != kind && !o.AllowReplace && (!o.Own || !own) {
			return nil, &ConflictError{File: d.file, Line: at.block.TypeRange.Start.Line, Type: t}
		}
		return d.replace(at.block, text), nil
	case len(bs.terraform) == 0:
		wrapped := "terraform {\n" + indentLines(text) + "\n}"
		return d.appendBlock(wrapped, undoCreated), nil
	case len(bs.terraform) == 1:
		return d.insert(bs.terraform[0], text), nil
	}
	e := &AmbiguousError{File: d.file, What: "terraform blocks", Fix: fmt.Sprintf("put an empty backend %q {} into the one that should hold it, or merge them", kind)}
	for _, b := range bs.terraform {
		e.Lines = append(e.Lines, b.TypeRange.Start.Line)
	}
	return nil, e
}

func indentLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = "  " + l
		}
	}
	return strings.Join(lines, "\n")
}

func editRemoteState(src []byte, file string, r RemoteStateBlock) ([]byte, error) {
	d, err := parseDocument(file, src)
	if err != nil {
		return nil, err
	}
	var found []*hclsyntax.Block
	for _, b := range d.blocks().remote {
		if b.Labels[1] == r.Name {
			found = append(found, b)
		}
	}
	switch len(found) {
	case 0:
		return d.appendBlock(r.Text, undoLines), nil
	case 1:
		return d.replace(found[0], r.Text), nil
	}
	e := &AmbiguousError{File: file, What: fmt.Sprintf("data %q %q blocks", remoteStateType, r.Name), Fix: "keep one; Terraform refuses more"}
	for _, b := range found {
		e.Lines = append(e.Lines, b.TypeRange.Start.Line)
	}
	return nil, e
}

// dropStale removes the remote states that groundwork wrote and keep leaves out.
func dropStale(src []byte, file string, keep []string) (*document, error) {
	for {
		d, err := parseDocument(file, src)
		if err != nil {
			return nil, err
		}
		stale := slices.IndexFunc(d.blocks().remote, func(b *hclsyntax.Block) bool {
			_, managed := markerOf(d.text(b))
			return managed && !slices.Contains(keep, b.Labels[1])
		})
		if stale < 0 {
			return d, nil
		}
		src = d.removeTopLevel(d.blocks().remote[stale])
	}
}

// replace puts text in the place of b, unless b says the same already.
func (d *document) replace(b *hclsyntax.Block, text string) []byte {
	old := d.text(b)
	if canonical(old) == text {
		return d.apply()
	}
	kind, _ := markerOf(old)
	start, end := span(b)
	indent, _ := d.indentAt(start)
	return d.apply(splice{start, end, place(text, kind, indent, d.unit(), d.newline)})
}

// appendBlock puts a block at the end of the file, after an empty line. A file
// without a newline at its end is left without one, which tells Remove how to
// restore it.
func (d *document) appendBlock(text string, kind undo) []byte {
	nl := d.newline
	block := place(text, kind, "", d.unit(), nl)
	end := len(d.src)
	switch {
	case end == 0:
		return d.apply(splice{0, 0, block + nl})
	case d.src[end-1] == '\n':
		return d.apply(splice{end, end, nl + block + nl})
	}
	return d.apply(splice{end, end, nl + nl + block})
}

// insert puts the backend at the end of the terraform block tb.
func (d *document) insert(tb *hclsyntax.Block, text string) []byte {
	open, end := tb.OpenBraceRange.Start.Byte, tb.CloseBraceRange.Start.Byte
	base, _ := d.indentAt(tb.TypeRange.Start.Byte)
	unit, nl := d.unit(), d.newline
	indent, ok := d.innerIndent(tb)
	if !ok {
		indent = base + unit
	}
	block := func(kind undo) string { return indent + place(text, kind, indent, unit, nl) + nl }

	first, hasItem := firstItem(tb.Body)
	if hasItem && d.opensOnLine(tb, first) {
		return d.apply(splice{first, first, nl + indent}, splice{end, end, nl + nl + block(undoUnfold) + base})
	}
	ls := d.lineStart(end)
	if _, alone := d.indentAt(end); !alone || ls <= open {
		return d.apply(splice{end, end, nl + block(undoInline) + base})
	}
	sep := nl
	if d.lineStart(ls-1) <= open {
		sep = ""
	}
	return d.apply(splice{ls, ls, sep + block(undoLines)})
}

// opensOnLine is true for the form that may hold one argument only: no newline
// between the opening brace and the first item. A comment may hold newlines
// without being one.
func (d *document) opensOnLine(b *hclsyntax.Block, first int) bool {
	tokens, _ := hclsyntax.LexConfig(d.src[b.OpenBraceRange.End.Byte:first], d.file, hcl.InitialPos)
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n")) {
			return false
		}
	}
	return true
}
