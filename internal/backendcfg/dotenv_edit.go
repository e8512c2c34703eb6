package backendcfg

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// DotenvOptions change what EditDotenv may take over.
type DotenvOptions struct {
	// IfExists is about variables of the same names outside of groundwork's block.
	IfExists IfExists
}

// DotenvBlock reads groundwork's variables out of src, the content of a .env file.
func DotenvBlock(src []byte, file string) (text string, found bool, err error) {
	d, err := parseDotenv(file, src)
	if err != nil {
		return "", false, err
	}
	return d.block(), d.begin >= 0, nil
}

// DotenvElsewhere lists the lines outside of groundwork's block that set one of the
// variables in block, which is the block's text.
func DotenvElsewhere(src []byte, file, block string) ([]LineChange, error) {
	d, err := parseDotenv(file, src)
	if err != nil {
		return nil, err
	}
	in, err := parseDotenv(file, []byte(block))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range in.lines {
		names = append(names, l.name)
	}
	var out []LineChange
	for _, l := range d.outside(names) {
		out = append(out, LineChange{Line: l.line, Name: l.name})
	}
	return out, nil
}

func variableNames(variables []Variable) []string {
	out := make([]string, len(variables))
	for i, v := range variables {
		out[i] = v.Name
	}
	return out
}

// EditDotenv puts variables into src, the content of a .env file, between two
// comments: in the place of those that are there, or at the end. Every other line
// stays as it is. A line elsewhere that sets one of the variables is an
// *ExistsError, or taken out where o allows it; a comment on it stays.
//
// Further errors are *FieldError, *CredentialError, *SyntaxError, *AmbiguousError,
// *UnsupportedFileError and *VerifyError.
func EditDotenv(src []byte, file string, variables []Variable, o DotenvOptions) ([]byte, error) {
	text, err := RenderVariables(variables)
	if err != nil {
		return nil, err
	}
	d, err := parseDotenv(file, src)
	if err != nil {
		return nil, err
	}
	if err := d.checkElsewhere(variables, o.IfExists); err != nil {
		return nil, err
	}
	splices := d.takeOut(d.outside(variableNames(variables)))
	lines := strings.ReplaceAll(text, "\n", d.newline)
	if d.begin >= 0 {
		if d.block() != text {
			splices = append(splices, splice{d.lines[d.begin].end, d.lines[d.end].start, lines})
		}
		slices.SortFunc(splices, func(a, b splice) int { return a.start - b.start })
	}
	out := (&document{src: src}).apply(splices...)
	if d.begin < 0 {
		out = appendLines(out, dotenvBegin+d.newline+lines+dotenvEnd, d.newline)
	}
	return out, d.verify(out, text, variables)
}

// appendLines puts text at the end, after an empty line. A file without a newline
// at its end is left without one, which tells RemoveDotenv how to restore it.
func appendLines(src []byte, text, nl string) []byte {
	switch {
	case len(src) == 0 || bytes.Equal(src, utf8BOM):
		text += nl
	case src[len(src)-1] == '\n':
		text = nl + text + nl
	default:
		text = nl + nl + text
	}
	return append(bytes.Clone(src), text...)
}

// checkElsewhere says whether variables that stand elsewhere may be taken out.
func (d *dotenvFile) checkElsewhere(variables []Variable, mode IfExists) error {
	elsewhere := d.outside(variableNames(variables))
	switch mode {
	case "", IfExistsError, IfExistsAdoptIdentical, IfExistsOverwrite:
	default:
		return &FieldError{Field: "if_exists", Reason: fmt.Sprintf("is %q; use \"error\", \"adopt_identical\" or \"overwrite\"", string(mode))}
	}
	if len(elsewhere) == 0 || mode == IfExistsOverwrite {
		return nil
	}
	e := &ExistsError{Where: "a variable in " + d.file, Identical: true}
	for _, l := range elsewhere {
		i := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == l.name })
		if l.value != variables[i].Value {
			e.Identical = false
			e.Changes = append(e.Changes, LineChange{Line: l.line, Name: l.name})
		}
	}
	if e.Identical && mode == IfExistsAdoptIdentical {
		return nil
	}
	return e
}

// takeOut removes lines; their comments stay.
func (d *dotenvFile) takeOut(lines []dotenvLine) []splice {
	var out []splice
	for _, l := range lines {
		text := ""
		if l.comment != "" {
			text = l.comment
			for _, nl := range []string{"\r\n", "\n"} {
				if bytes.HasSuffix(d.src[l.start:l.end], []byte(nl)) {
					text += nl
					break
				}
			}
		}
		out = append(out, splice{l.start, l.end, text})
	}
	return out
}

// verify reads the result back: groundwork's block holds what was meant, and of the
// other lines only those that set the same variables are gone.
func (d *dotenvFile) verify(out []byte, text string, variables []Variable) error {
	fail := func(reason string) error { return &VerifyError{File: d.file, Reason: reason, Fix: fixDotenv} }
	after, err := parseDotenv(d.file, out)
	switch {
	case err != nil:
		return fail("would not parse (" + err.Error() + ")")
	case after.block() != text:
		return fail("would not hold the variables as rendered")
	case len(after.outside(variableNames(variables))) > 0:
		return fail("would set a variable twice")
	}
	if !slices.Equal(d.foreign(variables), after.foreign(variables)) {
		return fail("would change other variables")
	}
	return nil
}

const fixDotenv = "use a file of its own"

// foreign are the variables of other names that stand outside of the block.
func (d *dotenvFile) foreign(without []Variable) []Variable {
	names := variableNames(without)
	var out []Variable
	for i, l := range d.lines {
		if l.name != "" && (d.begin < 0 || i < d.begin || i > d.end) && !slices.Contains(names, l.name) {
			out = append(out, Variable{l.name, l.value})
		}
	}
	return out
}

// RemoveDotenv takes groundwork's block out of src, the content of a .env file. On a
// file that had none of the variables it is EditDotenv's exact inverse. A file
// without the block stays as it is.
func RemoveDotenv(src []byte, file string) ([]byte, error) {
	d, err := parseDotenv(file, src)
	if err != nil || d.begin < 0 {
		return src, err
	}
	start, end := d.lines[d.begin].start, d.lines[d.end].end
	nl := []byte(d.newline)
	switch rest, ok := bytes.CutSuffix(src[:start], nl); {
	case !ok:
	case end == len(src) && src[end-1] != '\n':
		start = len(bytes.TrimSuffix(rest, nl))
	case len(rest) == 0 || rest[len(rest)-1] == '\n':
		start = len(rest)
	}
	return (&document{src: src}).apply(splice{start, end, ""}), nil
}
