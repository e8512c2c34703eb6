// Command docschema makes the provider's schema, as `terraform providers schema -json` prints it,
// fit for tfplugindocs:
//
//	terraform providers schema -json | go run ./internal/testenv/cmd/docschema >schema.json
//
// It names the provider as tfplugindocs looks it up, whichever registry the tool believes in, and
// adds the identities of resources, which Terraform prints only from 1.12 on.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/tfcli"
	"github.com/groundwork-iac/terraform-provider-groundwork/provider"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "docschema: %v\n", err)
		os.Exit(1)
	}
}

// schemas is the part of the document that has to be understood.
type schemas struct {
	FormatVersion string                                `json:"format_version"`
	Providers     map[string]map[string]json.RawMessage `json:"provider_schemas"`
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	var doc schemas
	if err := json.NewDecoder(in).Decode(&doc); err != nil {
		return fmt.Errorf("reading the schemas: %w", err)
	}
	renamed := map[string]map[string]json.RawMessage{}
	for address, schema := range doc.Providers {
		if path.Base(path.Dir(address))+"/"+path.Base(address) == tfcli.Source() {
			renamed[path.Base(address)] = schema
		}
	}
	if len(renamed) != 1 {
		return fmt.Errorf("the provider %s is in it %d times, and must be exactly once", tfcli.Source(), len(renamed))
	}
	identities, err := identitySchemas(ctx)
	if err != nil {
		return err
	}
	for _, schema := range renamed {
		schema["resource_identity_schemas"] = identities
	}
	doc.Providers = renamed
	return json.NewEncoder(out).Encode(doc)
}

// identity is one element of resource_identity_schemas.
type identity struct {
	Version    int64                        `json:"version"`
	Attributes map[string]identityAttribute `json:"attributes"`
}

type identityAttribute struct {
	Type              json.RawMessage `json:"type"`
	Description       string          `json:"description,omitempty"`
	RequiredForImport bool            `json:"required_for_import,omitempty"`
	OptionalForImport bool            `json:"optional_for_import,omitempty"`
}

func identitySchemas(ctx context.Context) (json.RawMessage, error) {
	server, err := providerserver.NewProtocol6WithError(provider.New("docs")())()
	if err != nil {
		return nil, fmt.Errorf("starting the provider: %w", err)
	}
	resp, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking the provider for its identities: %w", err)
	}
	out := map[string]identity{}
	for name, schema := range resp.IdentitySchemas {
		i := identity{Version: schema.Version, Attributes: map[string]identityAttribute{}}
		for _, a := range schema.IdentityAttributes {
			typ, err := a.Type.MarshalJSON() //nolint:staticcheck // there is no other way to write a type
			if err != nil {
				return nil, fmt.Errorf("writing the type of %s of %s: %w", a.Name, name, err)
			}
			i.Attributes[a.Name] = identityAttribute{
				Type: typ, Description: a.Description, RequiredForImport: a.RequiredForImport, OptionalForImport: a.OptionalForImport,
			}
		}
		out[name] = i
	}
	return json.Marshal(out)
}
