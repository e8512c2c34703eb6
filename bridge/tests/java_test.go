package tests

import (
	"archive/zip"
	"path"
	"slices"
	"testing"
)

// Maven compiles the SDK for Java against Pulumi's own, and packs a class for every resource.
func TestJavaCompiles(t *testing.T) {
	t.Parallel()
	jar, err := zip.OpenReader(pack(t, 2, "java", "*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = jar.Close() }()
	var names []string
	for _, f := range jar.File {
		names = append(names, f.Name)
	}
	for _, resource := range []string{"StateBucket", "BackendConfigFile", "LockDatabase", "StateLockTable", "Provider"} {
		if !slices.ContainsFunc(names, func(name string) bool { return path.Base(name) == resource+".class" }) {
			t.Errorf("no class %s in %v", resource, names)
		}
	}
}
