package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	in := `{"format_version":"1.0","provider_schemas":{"registry.opentofu.org/groundwork-iac/groundwork":{"provider":{"version":0}},` +
		`"registry.opentofu.org/hashicorp/other":{}}}`
	var out bytes.Buffer
	if err := run(t.Context(), strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Providers map[string]struct {
			Provider   json.RawMessage     `json:"provider"`
			Identities map[string]identity `json:"resource_identity_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	schema, ok := doc.Providers["groundwork"]
	if !ok || len(doc.Providers) != 1 || len(schema.Provider) == 0 {
		t.Fatalf("got %s", out.String())
	}
	name := schema.Identities["groundwork_state_bucket"].Attributes["name"]
	if string(name.Type) != `"string"` || !name.RequiredForImport || name.Description == "" {
		t.Errorf("got %+v", name)
	}
}

func TestRunRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"no JSON": "Error: no", "another provider": `{"provider_schemas":{"registry.terraform.io/hashicorp/null":{}}}`, "nothing": `{}`,
	} {
		if err := run(t.Context(), strings.NewReader(in), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
