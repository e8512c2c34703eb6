package location

import (
	"errors"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/layout"
)

// Environments finds the states of all environments below root, which holds one directory for each.
// What cannot be found out is an error, joined; all others are still returned.
func Environments(root string, lo layout.Options, o Options) ([]Location, error) {
	envs, err := layout.Detect(root, lo)
	errs := []error{err}
	var out []Location
	for _, env := range envs {
		for _, phase := range env.Configurations() {
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
	return out, errors.Join(errs...)
}
