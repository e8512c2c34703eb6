package tests

import (
	"archive/zip"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/internal/sdkgen"
	"github.com/groundwork-iac/terraform-provider-groundwork/bridge/provider"
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

// Every function returns what it has, those of a single value as well.
func TestJavaFunctionsReturn(t *testing.T) {
	t.Parallel()
	files, err := sdkgen.Generate("java", provider.Schema())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if path.Base(name) != "GroundworkFunctions.java" {
			continue
		}
		if !strings.Contains(string(text), "Output<StateKeyResult> stateKey(") || strings.Contains(string(text), "<Void>") {
			t.Errorf("a function returns nothing in\n%s", text)
		}
		return
	}
	t.Error("there are no functions")
}
