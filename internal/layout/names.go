package layout

import (
	"fmt"
	"regexp"
	"strings"
)

// stateFile is the last part of every state's key.
const stateFile = "terraform.tfstate"

// maxName leaves a key well within what S3 allows.
const maxName = 100

var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// NameError is an environment or phase whose name cannot become part of a path
// and of a state's key.
type NameError struct {
	// What is "environment" or "phase".
	What string
	Name string
	// Reason follows the name.
	Reason string
}

// Error names what is wrong with the name.
func (e *NameError) Error() string { return fmt.Sprintf("%s %q %s", e.What, e.Name, e.Reason) }

// DirError is a directory that cannot be used.
type DirError struct {
	Dir    string
	Reason string
	// Err is the operating system's error, if there is one.
	Err error
}

// Error names the directory and the reason.
func (e *DirError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Dir, e.Reason, e.Err)
	}
	return e.Dir + ": " + e.Reason
}

// Unwrap gives the operating system's error.
func (e *DirError) Unwrap() error { return e.Err }

// StateKey is the key of a state in its environment's bucket: that of a phase, or
// with an empty phase that of a legacy environment.
func StateKey(environment, phase string) (string, error) {
	if err := checkName("environment", environment); err != nil {
		return "", err
	}
	if phase == "" {
		return environment + "/" + stateFile, nil
	}
	if err := checkName("phase", phase); err != nil {
		return "", err
	}
	return phase + "/" + stateFile, nil
}

func checkName(what, name string) error {
	refuse := func(reason string) error { return &NameError{What: what, Name: name, Reason: reason} }
	switch {
	case name == "":
		return refuse("is empty; name the " + what)
	case len(name) > maxName:
		return refuse(fmt.Sprintf("is longer than %d characters", maxName))
	case !nameShape.MatchString(name):
		return refuse("has characters that cannot be in a state's key; use letters, digits, dots, hyphens and underscores, and start with a letter or digit")
	case strings.Contains(name, "..") || strings.HasSuffix(name, "."):
		return refuse("has two dots in a row or ends with a dot, which paths do not keep; rename it")
	}
	return nil
}
