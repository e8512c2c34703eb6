package location

import (
	"path/filepath"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// detect tells by the files of a directory whose state is meant.
func detect(o Options) (Tool, error) {
	project, err := findProject(o.Dir)
	if err != nil {
		return "", err
	}
	configured, err := backendcfg.HasConfiguration(o.Dir, "")
	if err != nil {
		return "", &Error{Dir: o.Dir, Problem: "the directory cannot be read", Err: err}
	}
	here := project != "" && filepath.Dir(project) == o.Dir
	switch {
	case configured && here:
		return "", &Error{Dir: o.Dir, Problem: "it holds both a Pulumi project and a Terraform configuration: say which one is meant"}
	case configured:
		return Terraform, nil
	case project != "":
		return Pulumi, nil
	}
	return "", &Error{Dir: o.Dir, Problem: "it holds neither a Terraform configuration nor, there or above it, a Pulumi project"}
}
