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
