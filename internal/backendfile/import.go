package backendfile

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// Imported is a file as it was found, and what it says.
type Imported struct {
	File File
	// Content is what Read gives, and Sum is of the same part as it is on disk.
	Content, Sum string
	// Settings are what the content says; it may say less than it needs.
	Settings backendcfg.Config
}

// MissingError is a file in which there is nothing to import.
type MissingError struct {
	Path string
	// What is missing: the file, or a backend in it that groundwork knows.
	What string
}

// Error says what is missing.
func (e *MissingError) Error() string {
	return e.Path + " cannot be imported: " + e.What
}

// Import reads the file at path, and finds out how much of it is a backend
// configuration. The root is the working directory, or for a file elsewhere the
// directory that it is in.
func Import(path string) (*Imported, error) {
	f := File{Path: path, Root: "."}
	disk, exists, err := backendcfg.ReadFile(path, f.options())
	var outside *backendcfg.OutsideRootError
	if errors.As(err, &outside) && path != "" {
		f.Root = filepath.Dir(path)
		disk, exists, err = backendcfg.ReadFile(path, f.options())
	}
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, &MissingError{Path: path, What: "there is no such file"}
	}
	if format, ok := kindInPlace(path); ok {
		f.Format, f.Placement = format, Block
		return importInPlace(f, disk)
	}
	if f.Format, f.Placement, err = kindOf(disk, path); err != nil {
		return nil, err
	}
	content, found, err := f.found(disk, nil)
	if err != nil {
		return nil, err
	}
	settings, isBackend, err := backendcfg.ReadBack(content)
	if err != nil {
		return nil, err
	}
	if !found || !isBackend {
		return nil, &MissingError{Path: path, What: "there is no backend \"s3\", \"pg\" or \"http\" in it"}
	}
	return &Imported{File: f, Content: shown(content), Sum: Sum(content), Settings: settings}, nil
}

// kindOf tells the forms apart. In a file that groundwork did not write, a backend
// with nothing beside it counts as a whole file.
func kindOf(disk []byte, path string) (backendcfg.Format, Placement, error) {
	fragment, _, err := backendcfg.Extract(disk, path)
	if err != nil {
		return "", "", err
	}
	text := strings.TrimPrefix(string(disk), "\ufeff")
	parsed, diags := hclsyntax.ParseConfig([]byte(text), path, hcl.InitialPos)
	body, ok := parsed.Body.(*hclsyntax.Body)
	switch {
	case diags.HasErrors() || !ok:
		return "", "", &MissingError{Path: path, What: "it is not in HCL's native syntax"}
	case len(body.Blocks) == 0 && len(body.Attributes) > 0:
		return backendcfg.FormatTFBackend, WholeFile, nil
	case backendcfg.WholeFile(text):
		return backendcfg.FormatTerraform, WholeFile, nil
	case fragment.Managed(), !onlyBackend(body):
		return backendcfg.FormatTerraform, Block, nil
	}
	return backendcfg.FormatTerraform, WholeFile, nil
}

func onlyBackend(body *hclsyntax.Body) bool {
	for _, b := range body.Blocks {
		remote := b.Type == "data" && len(b.Labels) > 0 && b.Labels[0] == "terraform_remote_state"
		settings := b.Type == "terraform" && len(b.Body.Attributes) == 0 && len(b.Body.Blocks) == 1
		if !remote && !settings {
			return false
		}
	}
	return true
}
