package sdkgen

import (
	"context"
	"fmt"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// offline refuses to load other packages: the schema refers to none, and a loader of Pulumi's own
// would start plugins.
type offline struct{}

var _ schema.ReferenceLoader = offline{}

func refuse(name string) error {
	return fmt.Errorf("the schema refers to the package %q, and it must refer to none", name)
}

// LoadPackage implements schema.Loader.
func (offline) LoadPackage(name string, _ *semver.Version) (*schema.Package, error) {
	return nil, refuse(name)
}

// LoadPackageV2 implements schema.Loader.
func (offline) LoadPackageV2(_ context.Context, d *schema.PackageDescriptor) (*schema.Package, error) {
	return nil, refuse(d.Name)
}

// LoadPackageReference implements schema.ReferenceLoader.
func (offline) LoadPackageReference(name string, _ *semver.Version) (schema.PackageReference, error) {
	return nil, refuse(name)
}

// LoadPackageReferenceV2 implements schema.ReferenceLoader.
func (offline) LoadPackageReferenceV2(_ context.Context, d *schema.PackageDescriptor) (schema.PackageReference, error) {
	return nil, refuse(d.Name)
}
