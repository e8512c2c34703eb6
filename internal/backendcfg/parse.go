package backendcfg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

// Block is a backend block, or a cloud block, in a configuration.
type Block struct {
	// Type is the backend's type, or "cloud".
	Type string
	// File is the file's name without the directory.
	File string
	// Range is where the block's header is; it names the file with its directory.
	Range hcl.Range
	// Override is true for a block in an override file.
	Override bool
	// Attributes are the arguments whose values are literal. They may hold
	// credentials that somebody wrote there: do not print them.
	Attributes map[string]cty.Value
	// Dynamic are the names of arguments that need evaluation, such as OpenTofu's
	// early variables.
	Dynamic []string
	// Missing are required arguments that must come from -backend-config.
	Missing []string
}

// Cloud is true for a cloud block.
func (b *Block) Cloud() bool { return b.Type == cloudType }

// Line is the line on which the block starts.
func (b *Block) Line() int { return b.Range.Start.Line }

// Partial is true if -backend-config has to complete the block.
func (b *Block) Partial() bool { return len(b.Missing) > 0 }

// Text is the literal string value of an argument.
func (b *Block) Text(name string) (string, bool) {
	v, ok := b.Attributes[name]
	if !ok || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// Directory is what a tool would load from a directory.
type Directory struct {
	Path string
	// Primary and Override are the names of the files, in the order of loading.
	Primary  []string
	Override []string
	// Hidden maps files that the tool ignores to the .tofu twins that hide them.
	Hidden map[string]string
	// Blocks are all backend and cloud blocks, in the order of loading.
	Blocks []Block
}

// Effective is the block that the tool uses: the last one of an override file, or
// else the first one. Nil means the local backend, by default.
func (d *Directory) Effective() *Block {
	var out *Block
	for i := range d.Blocks {
		if b := &d.Blocks[i]; out == nil || b.Override {
			out = b
		}
	}
	return out
}

// required are the arguments without which a backend has no place. Those that an
// environment variable commonly gives are left out.
var required = map[string][]string{
	"s3":      {"bucket", "key"},
	"gcs":     {"bucket"},
	"azurerm": {"storage_account_name", "container_name", "key"},
	"oss":     {"bucket"},
	"cos":     {"bucket"},
	"consul":  {"path"},
}

var terraformSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "terraform"}}}

var backendSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
	{Type: "backend", LabelNames: []string{"type"}},
	{Type: cloudType},
}}

// ParseDir reads which backend the configuration in dir declares, by tool's rules
// for what it loads. The zero Tool loads what OpenTofu does, which is the same as
// long as there are no .tofu files. Files that do not parse are errors, joined
// and each a *SyntaxError or *UnsupportedFileError; the rest is still returned.
func ParseDir(dir string, tool Tool) (*Directory, error) {
	out, err := listDir(dir, tool)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range out.Primary {
		found, err := parseFile(dir, name, tool)
		out.Blocks, errs = append(out.Blocks, found...), append(errs, err)
	}
	for _, name := range out.Override {
		found, err := parseFile(dir, name, tool)
		for i := range found {
			found[i].Override = true
		}
		out.Blocks, errs = append(out.Blocks, found...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// HasConfiguration is true if tool would load anything from dir.
func HasConfiguration(dir string, tool Tool) (bool, error) {
	d, err := listDir(dir, tool)
	if err != nil {
		return false, err
	}
	return len(d.Primary)+len(d.Override) > 0, nil
}

// listDir sorts the files of dir as the tools do.
func listDir(dir string, tool Tool) (*Directory, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read configuration directory: %w", err)
	}
	out := &Directory{Path: dir, Hidden: map[string]string{}}
	for _, e := range entries {
		name := e.Name()
		ext := configExt(name, tool)
		if e.IsDir() || ext == "" || ignored(name) {
			continue
		}
		if isOverride(name, ext) {
			out.Override = append(out.Override, name)
		} else {
			out.Primary = append(out.Primary, name)
		}
	}
	if tool != Terraform {
		out.Primary = out.hideTwins(out.Primary)
		out.Override = out.hideTwins(out.Override)
	}
	return out, nil
}

// hideTwins drops x.tf where there is x.tofu, and the same for JSON.
func (d *Directory) hideTwins(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		twin := tofuTwin(name)
		if twin == "" || !slices.Contains(names, twin) {
			return false
		}
		d.Hidden[name] = twin
		return true
	})
}

// tofuTwin is the name that hides name from OpenTofu, or "".
func tofuTwin(name string) string {
	switch {
	case strings.HasSuffix(name, ".tf"):
		return strings.TrimSuffix(name, ".tf") + ".tofu"
	case strings.HasSuffix(name, ".tf.json"):
		return strings.TrimSuffix(name, ".tf.json") + ".tofu.json"
	}
	return ""
}

// configExt is the part of name that makes tool load it, or "".
func configExt(name string, tool Tool) string {
	exts := []string{".tf", ".tf.json"}
	if tool != Terraform {
		exts = append(exts, ".tofu", ".tofu.json")
	}
	for _, ext := range exts {
		if strings.HasSuffix(name, ext) {
			return ext
		}
	}
	return ""
}

// ignored names are those of hidden files and of editors' backups.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") ||
		strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

func isOverride(name, ext string) bool {
	base := strings.TrimSuffix(name, ext)
	return base == "override" || strings.HasSuffix(base, "_override")
}

// parseFile finds the backend and cloud blocks of one file.
func parseFile(dir, name string, tool Tool) ([]Block, error) {
	path := filepath.Join(dir, name)
	src, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	body, err := parseAny(path, src)
	if err != nil {
		return nil, err
	}
	var out []Block
	content, _, _ := body.PartialContent(terraformSchema)
	for _, tb := range content.Blocks {
		inner, _, _ := tb.Body.PartialContent(backendSchema)
		for _, b := range inner.Blocks {
			out = append(out, newBlock(b, name, tool))
		}
	}
	return out, nil
}

// readRegular reads a file, and refuses what would block or never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	case !info.Mode().IsRegular():
		return nil, &UnsupportedFileError{File: path, Reason: "is no regular file; remove it or rename it"}
	case info.Size() > maxSourceBytes:
		return nil, &UnsupportedFileError{File: path, Reason: fmt.Sprintf("is %d bytes long, more than any configuration file should be (%d)", info.Size(), maxSourceBytes)}
	}
	src, err := os.ReadFile(path) //nolint:gosec // the directory is the caller's choice
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return src, nil
}

func parseAny(path string, src []byte) (hcl.Body, error) {
	if !strings.HasSuffix(path, ".json") {
		d, err := parseDocument(path, src)
		if err != nil {
			return nil, err
		}
		return d.body, nil
	}
	if err := checkJSON(path, src); err != nil {
		return nil, err
	}
	f, diags := json.Parse(src, path)
	if diags.HasErrors() {
		return nil, syntaxError(path, diags)
	}
	return f.Body, nil
}

// checkJSON refuses nesting that could overflow the parser's stack.
func checkJSON(file string, src []byte) error {
	depth, inString, escaped := 0, false, false
	for _, c := range src {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return &UnsupportedFileError{File: file, Reason: "nests too deeply to be read safely"}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func newBlock(b *hcl.Block, name string, tool Tool) Block {
	out := Block{Type: cloudType, File: name, Range: b.DefRange, Attributes: map[string]cty.Value{}}
	if b.Type != cloudType {
		out.Type = b.Labels[0]
	}
	attrs, _ := b.Body.JustAttributes()
	for n, a := range attrs {
		if v, ok := literal(a.Expr, tool); ok {
			out.Attributes[n] = v
		} else {
			out.Dynamic = append(out.Dynamic, n)
		}
	}
	sort.Strings(out.Dynamic)
	for _, n := range required[out.Type] {
		if v, ok := out.Attributes[n]; ok && !v.IsNull() || slices.Contains(out.Dynamic, n) {
			continue
		}
		out.Missing = append(out.Missing, n)
	}
	return out
}

// literal is the value of an expression that is written out. Anything that has to
// be evaluated is not: a hostile file could make that take for ever.
func literal(e hcl.Expression, tool Tool) (cty.Value, bool) {
	if native, ok := e.(hclsyntax.Expression); ok {
		return nativeLiteral(native)
	}
	// Without a context, JSON strings are taken as they are, as Terraform does here.
	v, diags := e.Value(nil)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	return v, tool == Terraform || !holdsTemplate(v)
}

func nativeLiteral(e hclsyntax.Expression) (cty.Value, bool) {
	static := true
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TemplateWrapExpr,
			*hclsyntax.TupleConsExpr, *hclsyntax.ObjectConsExpr, *hclsyntax.ObjectConsKeyExpr,
			*hclsyntax.ParenthesesExpr, *hclsyntax.UnaryOpExpr:
		case *hclsyntax.ScopeTraversalExpr:
			// A key of an object that is a bare word; elsewhere it has no value
			// without a context.
		default:
			static = false
		}
		return nil
	})
	if !static {
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}

// holdsTemplate is true if a string in v is what OpenTofu would evaluate.
func holdsTemplate(v cty.Value) bool {
	found := false
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if !v.IsNull() && v.Type() == cty.String {
			s := v.AsString()
			found = found || strings.Contains(s, "${") || strings.Contains(s, "%{")
		}
		return !found, nil
	})
	return found
}
