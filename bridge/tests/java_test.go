package tests

import (
	"archive/zip"
	"context"
	"path"
	"path/filepath"
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

var javaClasses once[string]

// javaClasspath lists the built SDK and what it needs.
func javaClasspath(t *testing.T) string {
	t.Helper()
	jar := pack(t, 2, "java", "*.jar")
	return javaClasses.get(t, func() (string, error) {
		source := filepath.Join(filepath.Dir(filepath.Dir(jar)), "source") // as pack has it
		return sdkgen.JavaClasspath(context.WithoutCancel(t.Context()), source)
	})
}

// compileJava compiles programs, each a folder with App.java, in one run of the compiler.
func compileJava(t *testing.T, programs ...string) error {
	t.Helper()
	driver, err := filepath.Abs("drivers/Compile.java")
	if err != nil {
		return err
	}
	return output(t.Context(), ".", "java", append([]string{driver, javaClasspath(t)}, programs...)...)
}
