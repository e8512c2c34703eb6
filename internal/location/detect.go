package location

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// detect tells by the files of a directory whose states are meant: those of one tool, or of both. A
// Pulumi project may also stand above it.
func detect(o Options) (tools []Tool, above bool, err error) {
	project, err := findProject(o.Dir)
	if err != nil {
		return nil, false, err
	}
	configured, err := backendcfg.HasConfiguration(o.Dir, "")
	if err != nil {
		return nil, false, &Error{Dir: o.Dir, Problem: "the directory cannot be read", Err: err}
	}
	here := project != "" && filepath.Dir(project) == o.Dir
	switch {
	case configured && here:
		return []Tool{Terraform, Pulumi}, false, nil
	case configured:
		return []Tool{Terraform}, false, nil
	case project != "":
		return []Tool{Pulumi}, !here, nil
	}
	return nil, false, &Error{Dir: o.Dir, Nothing: true, Problem: "it holds neither a Terraform configuration nor, there or above it, a Pulumi project"}
}

// FindAll finds the states of one directory, which may hold a Pulumi project beside a Terraform
// configuration. What cannot be found out is an error, joined; all others are still returned.
func FindAll(o Options) ([]Location, error) {
	if o.Tool != "" {
		return findEach(o, []Tool{o.Tool})
	}
	dir, err := realDir(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	tools, _, err := detect(o)
	if err != nil {
		return nil, err
	}
	return findEach(o, tools)
}

// FindHere is FindAll for what stands in the directory itself, which may be nothing.
func FindHere(o Options) ([]Location, error) {
	dir, err := realDir(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	tools, above, err := detect(o)
	var nothing *Error
	switch {
	case above, errors.As(err, &nothing) && nothing.Nothing:
		return nil, nil
	case err != nil:
		return nil, err
	case o.Tool != "":
		tools = slices.DeleteFunc(tools, func(t Tool) bool { return t != o.Tool })
	}
	return findEach(o, tools)
}

func findEach(o Options, tools []Tool) ([]Location, error) {
	var out []Location
	var errs []error
	for _, o.Tool = range tools {
		loc, err := Find(o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, loc)
	}
	return out, errors.Join(errs...)
}
