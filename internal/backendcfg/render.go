package backendcfg

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format is a kind of generated file.
type Format string

// The formats that Render knows.
const (
	// FormatTerraform is a whole file with a terraform block.
	FormatTerraform Format = "terraform"
	// FormatTFBackend is a partial configuration for init -backend-config=FILE.
	FormatTFBackend Format = "tfbackend"
)

func unknownFormat(f Format) error {
	return &FieldError{Field: "format", Reason: fmt.Sprintf("is %q; use %q, %q, %q or %q", string(f),
		string(FormatTerraform), string(FormatTFBackend), string(FormatPulumiProject), string(FormatDotenv))}
}

const remoteStateType = "terraform_remote_state"

// Render renders c in format f.
func Render(f Format, c Config) ([]byte, error) {
	switch f {
	case FormatTerraform:
		return RenderTerraform(c)
	case FormatTFBackend:
		return RenderTFBackend(c)
	case FormatPulumiProject:
		return RenderProject(c)
	case FormatDotenv:
		return RenderDotenv(c)
	}
	return nil, unknownFormat(f)
}

// RenderTerraform renders a whole file: a terraform block with the backend, and
// a data source for each remote state.
func RenderTerraform(c Config) ([]byte, error) {
	if err := c.CheckFormat(FormatTerraform); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	writeHeader(&b, c, "Managed by groundwork: change the configuration that generates this file, not the file.")
	b.WriteString("\nterraform {\n")
	writeBackend(&b, c, "")
	b.WriteString("}\n")
	for _, r := range sortedRemoteStates(c) {
		b.WriteString("\n")
		if err := writeRemoteState(&b, c, r, ""); err != nil {
			return nil, err
		}
	}
	return finish(b.Bytes())
}

// RenderTFBackend renders a partial configuration: key = value lines for
// terraform init -backend-config=FILE.
func RenderTFBackend(c Config) ([]byte, error) {
	if err := c.CheckFormat(FormatTFBackend); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	writeHeader(&b, c, "Managed by groundwork: change the configuration that generates this file, not the file.",
		fmt.Sprintf("Use it with: %s init -backend-config=FILE, beside a backend %q {} block.", c.Target.Tool.Command(), c.Type()))
	b.WriteString("\n")
	writeGroups(&b, backendArguments(c))
	return finish(b.Bytes())
}

// RenderFragment renders the blocks that Edit places inside an existing file.
func RenderFragment(c Config) (Fragment, error) {
	if err := c.CheckFormat(FormatTerraform); err != nil {
		return Fragment{}, err
	}
	if err := c.Validate(); err != nil {
		return Fragment{}, err
	}
	var b bytes.Buffer
	writeBackend(&b, c, marker)
	text, err := finish(b.Bytes())
	if err != nil {
		return Fragment{}, err
	}
	f := Fragment{Backend: trimBlock(text)}
	for _, r := range sortedRemoteStates(c) {
		b.Reset()
		if err := writeRemoteState(&b, c, r, marker); err != nil {
			return Fragment{}, err
		}
		if text, err = finish(b.Bytes()); err != nil {
			return Fragment{}, err
		}
		f.RemoteStates = append(f.RemoteStates, RemoteStateBlock{Name: r.Name, Text: trimBlock(text)})
	}
	return f, nil
}

func trimBlock(text []byte) string { return strings.TrimRight(string(text), "\n") }

func sortedRemoteStates(c Config) []RemoteState {
	out := append([]RemoteState(nil), c.RemoteStates...)
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func writeHeader(b *bytes.Buffer, c Config, lines ...string) {
	switch {
	case c.PG != nil:
		lines = append(lines, pgHeader(c.Target)...)
	case c.HTTP != nil:
		lines = append(lines, httpHeader...)
	default:
		lines = append(lines,
			"Commit it: it holds no credentials. Those come from the environment, as",
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from an AWS profile.")
	}
	if needsChecksumEnvironment(c) {
		lines = append(lines, "This service also needs "+requestChecksum+" and",
			responseChecksum+" in the environment.")
	}
	for _, l := range lines {
		b.WriteString("# " + l + "\n")
	}
}

func writeBackend(b *bytes.Buffer, c Config, comment string) {
	fmt.Fprintf(b, "backend %q {\n", c.Type())
	writeComment(b, comment)
	writeGroups(b, backendArguments(c))
	b.WriteString("}\n")
}

func writeRemoteState(b *bytes.Buffer, c Config, r RemoteState, comment string) error {
	defaults, err := defaultsValue(fmt.Sprintf("remote_states[%q].defaults", r.Name), r.Defaults)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "data %q %q {\n", remoteStateType, r.Name)
	writeComment(b, comment)
	writeArgument(b, text("backend", c.Type()))
	if r.Workspace != "" {
		writeArgument(b, text("workspace", r.Workspace))
	}
	b.WriteString("\nconfig = {\n")
	switch {
	case c.PG != nil:
		writeGroups(b, pgArguments(r.pgSettings(*c.PG)))
	case c.HTTP != nil:
		writeGroups(b, httpReadArguments(r.httpSettings(*c.HTTP)))
	default:
		writeGroups(b, readArguments(r.settings(c.S3), c.Target))
	}
	b.WriteString("}\n")
	if len(r.Defaults) > 0 {
		b.WriteString("\n")
		writeArgument(b, argument{"defaults", defaults})
	}
	b.WriteString("}\n")
	return nil
}

func writeComment(b *bytes.Buffer, comment string) {
	if comment != "" {
		b.WriteString(comment + "\n")
	}
}

func writeGroups(b *bytes.Buffer, groups [][]argument) {
	first := true
	for _, g := range groups {
		if len(g) == 0 {
			continue
		}
		if !first {
			b.WriteString("\n")
		}
		first = false
		for _, a := range g {
			writeArgument(b, a)
		}
	}
}

func writeArgument(b *bytes.Buffer, a argument) {
	b.WriteString(a.name + " = ")
	b.Write(hclwrite.TokensForValue(a.value).Bytes())
	b.WriteString("\n")
}

// finish formats the text, and looks at the result once more: it must parse, and
// it must hold nothing that looks like a credential.
func finish(text []byte) ([]byte, error) {
	out := hclwrite.Format(text)
	if _, diags := hclsyntax.ParseConfig(out, "rendered", hcl.InitialPos); diags.HasErrors() {
		return nil, syntaxError("the rendered configuration", diags)
	}
	for _, s := range credentialShapes {
		if s.re.Match(out) {
			return nil, &CredentialError{Field: "the rendered configuration", Kind: s.kind}
		}
	}
	return out, nil
}
