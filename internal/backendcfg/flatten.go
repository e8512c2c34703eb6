package backendcfg

import (
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Arguments are those of the backend block by name, as init -backend-config=NAME=VALUE
// takes them: text as it is, and all else as JSON, which HCL reads as well.
func (c Config) Arguments() (map[string]string, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, group := range backendArguments(c) {
		for _, a := range group {
			if a.value.Type() == cty.String {
				out[a.name] = a.value.AsString()
				continue
			}
			text, err := ctyjson.Marshal(a.value, a.value.Type())
			if err != nil {
				return nil, fmt.Errorf("%s cannot be written as JSON: %w", a.name, err)
			}
			out[a.name] = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(text))
		}
	}
	return out, nil
}

// ArgumentsFor are what a format says, by name: the arguments of the backend, the
// variables of a .env file, or the url of a Pulumi project.
func (c Config) ArgumentsFor(f Format) (map[string]string, error) {
	switch f {
	case FormatDotenv:
		variables, err := c.Variables()
		out := map[string]string{}
		for _, v := range variables {
			if v.Name != "" {
				out[v.Name] = v.Value
			}
		}
		return out, err
	case FormatPulumiProject:
		address, err := c.PulumiURL()
		return map[string]string{urlKey: address}, err
	}
	return c.Arguments()
}
