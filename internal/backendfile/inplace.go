package backendfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// inPlace is true for the formats of which a part of a file is managed, and never
// the whole.
func (f File) inPlace() bool {
	return f.Format == backendcfg.FormatPulumiProject || f.Format == backendcfg.FormatDotenv
}

// DefaultPlacement is the placement of a format where none is written down.
func DefaultPlacement(format backendcfg.Format) Placement {
	if (File{Format: format}).inPlace() {
		return Block
	}
	return WholeFile
}

// projectFiles are the names under which Pulumi looks for a project, in YAML.
var projectFiles = []string{"Pulumi.yaml", "Pulumi.yml"}

// checkInPlace refuses combinations that cannot work with these formats.
func (f File) checkInPlace() error {
	refuse := func(field, reason string) error { return &backendcfg.FieldError{Field: field, Reason: reason} }
	name := filepath.Base(f.Path)
	switch {
	case f.Placement != Block:
		return refuse("placement", fmt.Sprintf("is %q, but of a file in the format %q a part is managed only; leave it out, or use \"block\"", f.Placement, f.Format))
	case f.Path == "":
		return nil // not known yet
	case f.Format == backendcfg.FormatPulumiProject && !slices.Contains(projectFiles, name):
		return refuse("path", fmt.Sprintf("is %s, where Pulumi does not look for a project; name a Pulumi.yaml", f.Path))
	case f.Format == backendcfg.FormatDotenv:
		for _, ext := range []string{".tf", ".tofu", ".json", ".yaml", ".yml"} {
			if strings.HasSuffix(name, ext) {
				return refuse("path", fmt.Sprintf("is %s, which other programs read as something else than variables; name it like .env", f.Path))
			}
		}
	}
	return nil
}

// renderInPlace renders c.
func (f File) renderInPlace(c backendcfg.Config) (Rendered, error) {
	text, err := backendcfg.Render(f.Format, c)
	if err != nil {
		return Rendered{}, err
	}
	r := Rendered{Content: string(text)}
	if f.Format == backendcfg.FormatDotenv {
		r.variables, err = c.Variables()
		return r, err
	}
	if r.url, err = c.PulumiURL(); err == nil && c.Pulumi.Project != nil {
		r.skeleton = c.Pulumi.Project.Text()
	}
	return r, err
}

// foundInPlace is the managed part of a file's bytes, as it is.
func (f File) foundInPlace(disk []byte) (string, bool, error) {
	if f.Format == backendcfg.FormatDotenv {
		return f.foundVariables(disk)
	}
	url, found, err := backendcfg.ProjectURL(disk, f.Path)
	if err != nil || !found {
		return "", false, err
	}
	return backendcfg.ProjectFragment(url), true, nil
}

// foundVariables names the lines that set the same variables again: programs that
// read the file take the last, so that such a line is as good as a change.
func (f File) foundVariables(disk []byte) (string, bool, error) {
	text, found, err := backendcfg.DotenvBlock(disk, f.Path)
	if err != nil || !found {
		return "", false, err
	}
	again, err := backendcfg.DotenvElsewhere(disk, f.Path, text)
	for _, l := range again {
		text += fmt.Sprintf("# Line %d sets %s as well.\n", l.Line, l.Name)
	}
	return text, true, err
}

// createdInPlace is the content after Create.
func (f File) createdInPlace(disk []byte, exists bool, r Rendered) ([]byte, error) {
	found, there, err := "", false, error(nil)
	if exists {
		if found, there, err = f.foundInPlace(disk); err != nil {
			return nil, err
		}
	}
	if there && found == r.Content {
		return disk, nil
	}
	where := "the block of groundwork's in " + f.Path
	if f.Format == backendcfg.FormatPulumiProject {
		where = "backend.url in " + f.Path
		if there && sameAddress(found, r.Content) {
			found = r.Content
		}
	}
	if _, err := backendcfg.Decide(f.IfExists, where, found, there, r.Content); err != nil {
		return nil, err
	}
	return f.putInPlace(disk, exists, r)
}

// sameAddress is true if two fragments of a project lead to the same place.
func sameAddress(a, b string) bool {
	var texts [2]string
	for i, fragment := range []string{a, b} {
		url, _, err := backendcfg.ProjectURL([]byte(fragment), "")
		if err != nil {
			return false
		}
		u, err := backendcfg.ParsePulumiURL(url)
		if err != nil {
			return false
		}
		texts[i] = u.String()
	}
	return texts[0] == texts[1]
}

func (f File) putInPlace(disk []byte, exists bool, r Rendered) ([]byte, error) {
	if f.Format == backendcfg.FormatDotenv {
		return backendcfg.EditDotenv(disk, f.Path, r.variables, backendcfg.DotenvOptions{IfExists: f.IfExists})
	}
	if !exists {
		if r.skeleton == "" {
			return nil, &backendcfg.PathError{Path: f.Path, Reason: "does not exist; make the project with `pulumi new`, or let groundwork make the file with pulumi.project"}
		}
		disk = []byte(r.skeleton)
	}
	return backendcfg.EditProject(disk, f.Path, r.url)
}

// updatedInPlace is the content after Update.
func (f File) updatedInPlace(disk []byte, exists bool, r Rendered, written, seen string) ([]byte, error) {
	if f.Format == backendcfg.FormatPulumiProject && exists {
		found, there, err := f.foundInPlace(disk)
		if err != nil {
			return nil, err
		}
		if there && found != r.Content && Sum(found) != written && shown(found) != seen {
			return nil, &ChangedError{Path: f.Path}
		}
	}
	return f.putInPlace(disk, exists, r)
}

// removedInPlace is the content after Delete; empty means no file.
func (f File) removedInPlace(disk []byte, written string) ([]byte, error) {
	if f.Format == backendcfg.FormatDotenv {
		return backendcfg.RemoveDotenv(disk, f.Path)
	}
	found, there, err := f.foundInPlace(disk)
	if err != nil || !there {
		return disk, err
	}
	if Sum(found) != written {
		return nil, &ChangedError{Path: f.Path, Deleting: true}
	}
	rest, err := backendcfg.RemoveProjectURL(disk, f.Path)
	if err == nil && backendcfg.CreatedProject(rest) {
		rest = nil
	}
	return rest, err
}

// kindInPlace tells by its name whether a file is of one of these formats.
func kindInPlace(path string) (backendcfg.Format, bool) {
	name := filepath.Base(path)
	switch {
	case slices.Contains(projectFiles, name):
		return backendcfg.FormatPulumiProject, true
	case name == ".env", strings.HasPrefix(name, ".env."), strings.HasSuffix(name, ".env"):
		return backendcfg.FormatDotenv, true
	}
	return "", false
}

// importInPlace reads the settings back.
func importInPlace(f File, disk []byte) (*Imported, error) {
	content, found, err := f.foundInPlace(disk)
	if err != nil {
		return nil, err
	}
	if !found && f.Format == backendcfg.FormatDotenv {
		return nil, &MissingError{Path: f.Path, What: "groundwork wrote no variables into it; let it write them, and set if_exists = \"adopt_identical\" where they are there already"}
	}
	if !found {
		return nil, &MissingError{Path: f.Path, What: "there is no backend.url in it"}
	}
	var settings backendcfg.Config
	if f.Format == backendcfg.FormatDotenv {
		settings, err = backendcfg.ReadBackVariables(disk, f.Path)
	} else {
		settings, err = backendcfg.ReadBackProject(disk, f.Path)
	}
	if err != nil {
		return nil, err
	}
	if settings.Pulumi == nil {
		return nil, &MissingError{Path: f.Path, What: "there is no PULUMI_BACKEND_URL among the variables, and the others do not tell what they were made from"}
	}
	return &Imported{File: f, Content: shown(content), Sum: Sum(content), Settings: settings}, nil
}
