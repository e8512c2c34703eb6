package backendcfg

import (
	"fmt"

	"github.com/hashicorp/go-version"
)

// Tool is the program that reads the configuration.
type Tool string

// The tools that read a backend block. The zero Tool stands for both, where
// that makes sense, and for Terraform where one has to be chosen.
const (
	Terraform Tool = "terraform"
	OpenTofu  Tool = "opentofu"
)

// ParseTool reads a tool's name as a person writes it.
func ParseTool(name string) (Tool, error) {
	switch name {
	case "", "terraform":
		return Terraform, nil
	case "opentofu", "tofu":
		return OpenTofu, nil
	}
	return "", &FieldError{Field: "tool", Reason: fmt.Sprintf("is %q; use \"terraform\" or \"opentofu\"", name)}
}

// String is the tool's name in prose.
func (t Tool) String() string {
	if t == OpenTofu {
		return "OpenTofu"
	}
	return "Terraform"
}

// Command is the name of the tool's program.
func (t Tool) Command() string {
	if t == OpenTofu {
		return "tofu"
	}
	return "terraform"
}

// Target says what will read the rendered text. A nil Version is the newest.
type Target struct {
	Tool    Tool
	Version *version.Version
}

// ParseTarget reads a tool's name and version; an empty version is the newest.
func ParseTarget(tool, toolVersion string) (Target, error) {
	t, err := ParseTool(tool)
	if err != nil {
		return Target{}, err
	}
	if toolVersion == "" {
		return Target{Tool: t}, nil
	}
	v, err := version.NewVersion(toolVersion)
	if err != nil {
		return Target{}, &FieldError{Field: "tool_version", Reason: fmt.Sprintf("is %q, which is no version; write it like 1.11.4", toolVersion)}
	}
	return Target{Tool: t, Version: v}, nil
}

// String names the tool and, where it is known, the version.
func (t Target) String() string {
	if t.Version == nil {
		return t.Tool.String()
	}
	return t.Tool.String() + " " + t.Version.String()
}

// Releases in which the s3 backend changed. OpenTofu began at 1.6.0 with all of
// the arguments that Terraform gained in 1.6.0 to 1.6.3.
var (
	v160  = version.Must(version.NewVersion("1.6.0"))
	v161  = version.Must(version.NewVersion("1.6.1"))
	v163  = version.Must(version.NewVersion("1.6.3"))
	v1100 = version.Must(version.NewVersion("1.10.0"))
	v1110 = version.Must(version.NewVersion("1.11.0"))
)

// atLeast compares without the pre-release part: 1.10.0-rc1 has what 1.10.0 has.
func (t Target) atLeast(v *version.Version) bool {
	return t.Version == nil || t.Version.Core().GreaterThanOrEqual(v)
}

// terraformSince is true for every OpenTofu, and for Terraform from v on.
func (t Target) terraformSince(v *version.Version) bool {
	return t.Tool == OpenTofu || t.atLeast(v)
}

// nestedArguments: endpoints, use_path_style and assume_role replaced the flat
// arguments in Terraform 1.6.0, which also brought custom_ca_bundle.
func (t Target) nestedArguments() bool { return t.terraformSince(v160) }

// lockfile: both tools gained use_lockfile in their own 1.10.
func (t Target) lockfile() bool { return t.atLeast(v1100) }
