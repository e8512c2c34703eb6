// Package layout finds out how environments are laid out on disk: as one
// configuration each (legacy), in phases such as infra and coder, or part-way
// from the one to the other.
package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// Kind is how an environment is laid out.
type Kind string

// The kinds of layout.
const (
	// Empty holds no configuration.
	Empty Kind = "empty"
	// Legacy is one configuration in the environment's own directory.
	Legacy Kind = "legacy"
	// Phased is a configuration in a subdirectory for each phase.
	Phased Kind = "phased"
	// Mixed is both: an environment on its way from legacy to phases.
	Mixed Kind = "mixed"
)

// DefaultPhases are the phases, in the order in which they are applied.
func DefaultPhases() []string { return []string{"infra", "coder"} }

// Options change what is looked for.
type Options struct {
	// Phases are the names of the subdirectories, in the order in which they are
	// applied; empty means DefaultPhases.
	Phases []string
	// Tool decides which files count; the zero Tool counts those of both.
	Tool backendcfg.Tool
}

// Environment is one environment as it is on disk.
type Environment struct {
	Name string
	Dir  string
	Kind Kind
	// Legacy is the configuration in Dir itself, if there is one.
	Legacy *Phase
	// Phases are those that hold configuration, in the configured order.
	Phases []Phase
}

// Configurations are all that hold a state: the legacy one first, then the phases.
func (e Environment) Configurations() []Phase {
	var out []Phase
	if e.Legacy != nil {
		out = append(out, *e.Legacy)
	}
	return append(out, e.Phases...)
}

// Phase is one configuration, with one state.
type Phase struct {
	// Name is empty for a legacy environment.
	Name string
	Dir  string
	// StateKey is where the state belongs by convention.
	StateKey string
	// Backend is the backend or cloud block that the tool would use; nil is none,
	// which means a local state.
	Backend *backendcfg.Block
}

// Detect finds the environments in root, the directory that holds one directory
// for each, sorted by name. Hidden directories are passed over. What cannot be
// read or is named oddly is an error, joined and each a *NameError, *DirError or
// one of backendcfg's; all that could be found out is still returned.
func Detect(root string, o Options) ([]Environment, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, &DirError{Dir: root, Reason: "cannot be read", Err: err}
	}
	var out []Environment
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if name[0] == '.' {
			continue
		}
		dir := filepath.Join(root, name)
		info, err := os.Stat(dir)
		switch {
		case err != nil && e.Type()&os.ModeSymlink != 0:
			errs = append(errs, &DirError{Dir: dir, Reason: "is a symbolic link that leads nowhere", Err: err})
			continue
		case err != nil:
			errs = append(errs, &DirError{Dir: dir, Reason: "cannot be read", Err: err})
			continue
		case !info.IsDir():
			continue
		}
		env, err := DetectOne(root, name, o)
		errs = append(errs, err)
		if env.Kind != "" {
			out = append(out, env)
		}
	}
	return out, errors.Join(append(errs, aliases(root, out))...)
}

// DetectOne finds out about one environment in root. A directory that does not
// exist is an error that errors.Is(err, fs.ErrNotExist) recognises.
func DetectOne(root, name string, o Options) (Environment, error) {
	if err := o.check(); err != nil {
		return Environment{}, err
	}
	if err := checkName("environment", name); err != nil {
		return Environment{}, err
	}
	env := Environment{Name: name, Dir: filepath.Join(root, name), Kind: Empty}
	info, err := os.Stat(env.Dir)
	if err != nil {
		return Environment{}, &DirError{Dir: env.Dir, Reason: "cannot be read", Err: err}
	}
	if !info.IsDir() {
		return Environment{}, &DirError{Dir: env.Dir, Reason: "is no directory"}
	}
	legacy, err := configuration(env.Dir, name, "", o.Tool)
	if legacy == nil && err != nil {
		return Environment{}, err
	}
	env.Legacy = legacy
	errs := []error{err}
	seen := map[string]os.FileInfo{env.Dir: info}
	for _, phase := range o.phases() {
		p, err := env.phase(phase, o.Tool, seen)
		errs = append(errs, err)
		if p != nil {
			env.Phases = append(env.Phases, *p)
		}
	}
	env.Kind = kindOf(env)
	return env, errors.Join(errs...)
}

func kindOf(e Environment) Kind {
	switch {
	case e.Legacy != nil && len(e.Phases) > 0:
		return Mixed
	case e.Legacy != nil:
		return Legacy
	case len(e.Phases) > 0:
		return Phased
	}
	return Empty
}

// phase is nil if there is no such directory, or no configuration in it.
func (e Environment) phase(name string, tool backendcfg.Tool, seen map[string]os.FileInfo) (*Phase, error) {
	dir := filepath.Join(e.Dir, name)
	entry, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &DirError{Dir: dir, Reason: "cannot be read", Err: err}
	}
	info, err := os.Stat(dir)
	if err != nil {
		reason := "cannot be read"
		if entry.Mode()&os.ModeSymlink != 0 {
			reason = "is a symbolic link that leads nowhere"
		}
		return nil, &DirError{Dir: dir, Reason: reason, Err: err}
	}
	if !info.IsDir() {
		return nil, nil
	}
	for other, i := range seen {
		if os.SameFile(i, info) {
			return nil, &DirError{Dir: dir, Reason: fmt.Sprintf("is the same directory as %s, so that two states would be kept for one configuration; remove the link", other)}
		}
	}
	seen[dir] = info
	return configuration(dir, e.Name, name, tool)
}

// configuration reads what is configured in dir; nil without an error is nothing.
func configuration(dir, environment, phase string, tool backendcfg.Tool) (*Phase, error) {
	has, err := backendcfg.HasConfiguration(dir, tool)
	if err != nil {
		return nil, &DirError{Dir: dir, Reason: "cannot be read", Err: err}
	}
	if !has {
		return nil, nil
	}
	key, err := StateKey(environment, phase)
	if err != nil {
		return nil, err
	}
	p := &Phase{Name: phase, Dir: dir, StateKey: key}
	d, err := backendcfg.ParseDir(dir, tool)
	if d != nil {
		p.Backend = d.Effective()
	}
	return p, err
}

// aliases finds environments that are one directory under two names: each would
// be given a bucket of its own, and the other's state.
func aliases(root string, envs []Environment) error {
	var errs []error
	var dirs []string
	var infos []os.FileInfo
	for _, dir := range append([]string{root}, dirsOf(envs)...) {
		info, err := os.Stat(dir)
		if err != nil {
			errs = append(errs, &DirError{Dir: dir, Reason: "cannot be read", Err: err})
			continue
		}
		same := slices.IndexFunc(infos, func(other os.FileInfo) bool { return os.SameFile(other, info) })
		if same >= 0 {
			errs = append(errs, &DirError{Dir: dir, Reason: fmt.Sprintf("is the same directory as %s; remove the link", dirs[same])})
		}
		dirs, infos = append(dirs, dir), append(infos, info)
	}
	return errors.Join(errs...)
}

func dirsOf(envs []Environment) []string {
	dirs := make([]string, len(envs))
	for i, e := range envs {
		dirs[i] = e.Dir
	}
	return dirs
}

func (o Options) phases() []string {
	if len(o.Phases) == 0 {
		return DefaultPhases()
	}
	return o.Phases
}

func (o Options) check() error {
	for i, p := range o.phases() {
		if err := checkName("phase", p); err != nil {
			return err
		}
		if slices.Contains(o.phases()[:i], p) {
			return &NameError{What: "phase", Name: p, Reason: "is given twice"}
		}
	}
	return nil
}
