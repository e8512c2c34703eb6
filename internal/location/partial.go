package location

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/mattn/go-shellwords"
)

// partial reads the configuration that completes a backend block: -backend-config in TF_CLI_ARGS and
// TF_CLI_ARGS_init, and then what the caller gives.
func partial(o Options) (arguments, []string, error) {
	args := arguments{}
	var sources []string
	add := func(source string, items []string) error {
		for _, item := range items {
			values, from, err := readPartial(o.Dir, item)
			if err != nil {
				return err
			}
			args.add(values)
			sources = append(sources, from+" in "+source)
		}
		return nil
	}
	for _, variable := range []string{"TF_CLI_ARGS", "TF_CLI_ARGS_init"} {
		items, err := backendConfigFlags(o.getenv(variable))
		if err != nil {
			return nil, nil, &Error{Dir: o.Dir, Problem: variable + " cannot be read", Err: err}
		}
		if err := add(variable, items); err != nil {
			return nil, nil, err
		}
	}
	if err := add("the arguments", o.BackendConfig); err != nil {
		return nil, nil, err
	}
	return args, sources, nil
}

// backendConfigFlags finds the flags of init in a variable, which is split as a shell would, by the
// library that Terraform does it with.
func backendConfigFlags(text string) ([]string, error) {
	words, err := shellwords.Parse(text)
	if err != nil {
		return nil, err
	}
	return backendConfigArgs(words), nil
}

// backendConfigArgs finds -backend-config among arguments.
func backendConfigArgs(words []string) []string {
	var items []string
	for i := 0; i < len(words); i++ {
		name, value, given := strings.Cut(words[i], "=")
		if name != "-backend-config" && name != "--backend-config" {
			continue
		}
		if !given {
			if i++; i == len(words) {
				break
			}
			value = words[i]
		}
		items = append(items, value)
	}
	return items
}

// readPartial reads one item: NAME=VALUE, or else a file.
func readPartial(dir, item string) (arguments, string, error) {
	if name, value, ok := strings.Cut(item, "="); ok {
		return arguments{strings.TrimSpace(name): cliValue(value)}, "-backend-config " + strings.TrimSpace(name), nil
	}
	file := item
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	args, err := readPartialFile(file)
	if err != nil {
		return nil, "", &Error{Dir: dir, Problem: "the backend configuration " + item + " cannot be read", Err: err}
	}
	return args, "-backend-config " + item, nil
}

// readPartialFile reads a file of arguments, usually *.tfbackend.
func readPartialFile(file string) (arguments, error) {
	parser := hclparse.NewParser()
	var f *hcl.File
	var diags hcl.Diagnostics
	if strings.HasSuffix(file, ".json") {
		f, diags = parser.ParseJSONFile(file)
	} else {
		f, diags = parser.ParseHCLFile(file)
	}
	if diags.HasErrors() {
		return nil, plainDiagnostics(diags)
	}
	attrs, diags := f.Body.JustAttributes()
	if diags.HasErrors() {
		return nil, plainDiagnostics(diags)
	}
	args := arguments{}
	for name, attr := range attrs {
		value, diags := attr.Expr.Value(nil)
		if diags.HasErrors() {
			return nil, plainDiagnostics(diags)
		}
		if plain, ok := plainValue(value); ok {
			args[name] = plain
		}
	}
	return args, nil
}

// plainDiagnostics says what is wrong without the text of the file, which may hold credentials.
func plainDiagnostics(diags hcl.Diagnostics) error {
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		where := ""
		if d.Subject != nil {
			where = fmt.Sprintf(" (line %d)", d.Subject.Start.Line)
		}
		return fmt.Errorf("%s%s", d.Summary, where)
	}
	return diags
}

// cliValue is the value of NAME=VALUE: text, or an object or a list in HCL.
func cliValue(text string) any {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		expr, diags := hclsyntax.ParseExpression([]byte(trimmed), "", hcl.InitialPos)
		if !diags.HasErrors() {
			if value, diags := expr.Value(nil); !diags.HasErrors() {
				if plain, ok := plainValue(value); ok {
					return plain
				}
			}
		}
	}
	return text
}
