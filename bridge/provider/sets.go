package provider

import (
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// Plugin is Provider for the plugin that runs; the schema is generated without what it adds.
func Plugin() tfbridge.ProviderInfo {
	info := Provider()
	info.P = withSets(info.P)
	return info
}

// withSets completes what the bridge asks of the schema of a plugin framework provider to show what
// changes in a set: its own answer is a panic, which it shows as a warning in each preview, and with
// a set within a set it ends the plugin.
func withSets(p shim.Provider) shim.Provider {
	own, ok := p.(pf.ShimProvider)
	if !ok {
		return p
	}
	return setProvider{own}
}

type setProvider struct{ pf.ShimProvider }

// ResourcesMap is asked for the schemas of resources.
func (p setProvider) ResourcesMap() shim.ResourceMap {
	return setResources{p.ShimProvider.ResourcesMap()}
}

type setResources struct{ shim.ResourceMap }

// Get returns a resource by its Terraform name.
func (m setResources) Get(key string) shim.Resource { return setResource{m.ResourceMap.Get(key)} }

// GetOk is Get, which also tells whether there is one.
func (m setResources) GetOk(key string) (shim.Resource, bool) {
	r, ok := m.ResourceMap.GetOk(key)
	if !ok {
		return r, ok
	}
	return setResource{r}, true
}

// Range calls each for every resource until it returns false.
func (m setResources) Range(each func(string, shim.Resource) bool) {
	m.ResourceMap.Range(func(key string, r shim.Resource) bool { return each(key, setResource{r}) })
}

type setResource struct{ shim.Resource }

// Schema returns the attributes.
func (r setResource) Schema() shim.SchemaMap { return setAttributes{r.Resource.Schema()} }

type setAttributes struct{ shim.SchemaMap }

// Get returns an attribute.
func (m setAttributes) Get(key string) shim.Schema { return setSchema{m.SchemaMap.Get(key)} }

// GetOk is Get, which also tells whether there is one.
func (m setAttributes) GetOk(key string) (shim.Schema, bool) {
	s, ok := m.SchemaMap.GetOk(key)
	if !ok {
		return s, ok
	}
	return setSchema{s}, true
}

// Range calls each for every attribute until it returns false.
func (m setAttributes) Range(each func(string, shim.Schema) bool) {
	m.SchemaMap.Range(func(key string, s shim.Schema) bool { return each(key, setSchema{s}) })
}

type setSchema struct{ shim.Schema }

// Elem returns what the elements of a collection are.
func (s setSchema) Elem() any {
	switch elem := s.Schema.Elem().(type) {
	case shim.Schema:
		return setSchema{elem}
	case shim.Resource:
		return setResource{elem}
	default:
		return elem
	}
}

// NewSet returns the elements as they are: only SetElementHash reads them.
func (s setSchema) NewSet(elements []any) any { return elements }

// SetElementHash tells elements apart by all that is in them.
func (s setSchema) SetElementHash(element any) (int, error) {
	text, err := json.Marshal(element) // the keys of maps in order
	if err != nil {
		return 0, fmt.Errorf("hashing an element of a set: %w", err)
	}
	return int(crc32.ChecksumIEEE(text)), nil
}
