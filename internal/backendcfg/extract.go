package backendcfg

import (
	"bytes"
	"slices"
	"sort"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Extract reads back what Edit placed in src, the content of file: the s3
// or pg backend, whoever wrote it, the remote states that groundwork wrote, and those
// in names. The text is in the form of a rendered Fragment, so that a difference
// is drift. Found is false when there is none of them.
func Extract(src []byte, file string, names ...string) (f Fragment, found bool, err error) {
	d, err := parseDocument(file, src)
	if err != nil {
		return Fragment{}, false, err
	}
	at, err := d.backend()
	if err != nil {
		return Fragment{}, false, err
	}
	if at != nil && editable(at.block.Labels[0]) {
		f.Backend = canonical(d.text(at.block))
	}
	for _, b := range d.blocks().remote {
		text := d.text(b)
		if _, managed := markerOf(text); managed || slices.Contains(names, b.Labels[1]) {
			f.RemoteStates = append(f.RemoteStates, RemoteStateBlock{Name: b.Labels[1], Text: canonical(text)})
		}
	}
	sort.SliceStable(f.RemoteStates, func(i, j int) bool { return f.RemoteStates[i].Name < f.RemoteStates[j].Name })
	return f, f.Backend != "" || len(f.RemoteStates) > 0, nil
}

// Remove takes out of src, the content of file, what Edit added: the backend, the
// remote states, and the terraform block if Edit had to create it and nothing
// else is in it. On a file that had no backend it is Edit's exact inverse. A
// backend without groundwork's comment is a *NotManagedError.
func Remove(src []byte, file string) ([]byte, error) {
	d, err := parseDocument(file, src)
	if err != nil {
		return nil, err
	}
	at, err := d.backend()
	if err != nil {
		return nil, err
	}
	if at != nil && editable(at.block.Labels[0]) {
		if _, managed := markerOf(d.text(at.block)); !managed {
			return nil, &NotManagedError{File: file, Line: at.block.TypeRange.Start.Line}
		}
	}
	// From the end to the start, the reverse of how Edit appends.
	for {
		last := lastManaged(d)
		if last == nil {
			break
		}
		if d, err = parseDocument(file, d.removeTopLevel(last)); err != nil {
			return nil, &VerifyError{File: file, Reason: "would not parse (" + err.Error() + ")"}
		}
	}
	out := d.apply()
	if at, _ = d.backend(); at != nil && editable(at.block.Labels[0]) {
		out = d.removeBackend(*at)
	}
	if _, err := parseDocument(file, out); err != nil {
		return nil, &VerifyError{File: file, Reason: "would not parse (" + err.Error() + ")"}
	}
	return out, nil
}

func lastManaged(d *document) *hclsyntax.Block {
	remote := d.blocks().remote
	for i := len(remote) - 1; i >= 0; i-- {
		if _, managed := markerOf(d.text(remote[i])); managed {
			return remote[i]
		}
	}
	return nil
}

// newlineIn is the newline that b was written with.
func (d *document) newlineIn(b *hclsyntax.Block) string {
	text := d.text(b)
	if i := bytes.IndexByte([]byte(text), '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// removeTopLevel undoes appendBlock.
func (d *document) removeTopLevel(b *hclsyntax.Block) []byte {
	start, end := span(b)
	_, before := d.indentAt(start)
	next, after := d.lineAfter(end)
	if !before || !after {
		return d.apply(splice{start, end, ""})
	}
	ls, nl := d.lineStart(start), []byte(d.newlineIn(b))
	strip := func() {
		if bytes.HasSuffix(d.src[:ls], nl) {
			ls -= len(nl)
		}
	}
	switch {
	case ls == 0:
		if bytes.HasPrefix(d.src[next:], nl) {
			next += len(nl)
		}
	case next == len(d.src) && d.src[next-1] != '\n':
		strip()
		strip()
	case d.emptyLineBefore(ls, nl):
		strip()
	}
	return d.apply(splice{ls, next, ""})
}

// emptyLineBefore is true if the line that ends at ls is nothing but nl.
func (d *document) emptyLineBefore(ls int, nl []byte) bool {
	rest, ok := bytes.CutSuffix(d.src[:ls], nl)
	return ok && (len(rest) == 0 || rest[len(rest)-1] == '\n')
}

// removeBackend undoes what insert, or the creation of the terraform block, did.
// A block that was changed since is taken out by its lines.
func (d *document) removeBackend(at nested) []byte {
	kind, _ := markerOf(d.text(at.block))
	start, end := span(at.block)
	open, closing := at.outer.OpenBraceRange.End.Byte, at.outer.CloseBraceRange.Start.Byte
	nl := []byte(d.newlineIn(at.block))
	indent, alone := d.indentAt(start)
	switch {
	case kind == undoCreated && blank(d.src[open:start]) && blank(d.src[end:closing]):
		return d.removeTopLevel(at.outer)
	case (kind == undoInline || kind == undoUnfold) && alone && blank(d.src[end:closing]):
		ls := d.lineStart(start)
		if rest, ok := bytes.CutSuffix(d.src[:ls], nl); ok {
			ls = len(rest)
		}
		if kind == undoInline {
			return d.apply(splice{ls, closing, ""})
		}
		if first, ok := d.foldable(at, string(nl)+indent); ok && bytes.HasSuffix(d.src[:ls], nl) {
			return d.apply(splice{first - len(nl) - len(indent), first, ""}, splice{ls - len(nl), closing, ""})
		}
	}
	next, after := d.lineAfter(end)
	if !alone || !after {
		return d.apply(splice{start, end, ""})
	}
	ls := d.lineStart(start)
	if d.emptyLineBefore(ls, nl) {
		ls -= len(nl)
	}
	return d.apply(splice{ls, next, ""})
}

// foldable finds the one argument beside the backend, if it still stands where
// insert moved it: after the line break and indentation in moved.
func (d *document) foldable(at nested, moved string) (int, bool) {
	first, ok := firstItem(at.outer.Body)
	if !ok || len(at.outer.Body.Attributes) != 1 || len(at.outer.Body.Blocks) != 1 {
		return 0, false
	}
	return first, first < at.block.TypeRange.Start.Byte && bytes.HasSuffix(d.src[:first], []byte(moved))
}

func blank(b []byte) bool { return len(bytes.TrimSpace(b)) == 0 }
