package location

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/layout"
)

// Filter keeps to one environment, to one phase, or to both; what is empty keeps to none. The phase may
// be one of another name than layout knows by itself.
type Filter struct{ Environment, Phase string }

// Environments finds the states of the environments below root, which holds one directory for each.
// What cannot be found out is an error, joined; all others are still returned. Nothing is said about
// an environment that is not wanted.
func Environments(root string, only Filter, o Options) ([]Location, error) {
	envs, err := only.detect(root)
	errs := []error{err}
	var out []Location
	for _, env := range envs {
		for _, phase := range env.Configurations() {
			if only.Phase != "" && phase.Name != only.Phase {
				continue
			}
			o.Dir, o.Tool = phase.Dir, Terraform
			loc, err := Find(o)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			loc.Environment, loc.Phase = env.Name, phase.Name
			out = append(out, loc)
		}
	}
	if err := errors.Join(errs...); err != nil || len(out) > 0 {
		return out, err
	}
	return nil, only.nothing(root, nil)
}

func (f Filter) detect(root string) ([]layout.Environment, error) {
	var lo layout.Options
	if f.Phase != "" {
		lo.Phases = []string{f.Phase}
	}
	if f.Environment == "" {
		return layout.Detect(root, lo)
	}
	env, err := layout.DetectOne(root, f.Environment, lo)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, f.nothing(root, err)
	case env.Kind == "":
		return nil, err
	}
	return []layout.Environment{env}, err
}

// nothing tells that there is no configuration of what is wanted.
func (f Filter) nothing(root string, err error) error {
	what := "an environment"
	switch {
	case f.Environment != "" && f.Phase != "":
		what = fmt.Sprintf("environment %q and phase %q", f.Environment, f.Phase)
	case f.Environment != "":
		what = fmt.Sprintf("environment %q", f.Environment)
	case f.Phase != "":
		what = fmt.Sprintf("phase %q", f.Phase)
	}
	return &Error{Dir: root, Problem: "there is no configuration of " + what + " in it", Err: err, Nothing: f == Filter{}}
}
