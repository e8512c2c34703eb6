// Package location finds out where states are, the way the tools themselves do: from the backend
// block that Terraform or OpenTofu would use in a directory, with the partial configuration that
// completes it, what init recorded, and the workspace; or from Pulumi's environment, project, login
// and selected stack. It reads files and the environment, and asks no service anything.
package location

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Tool is whose state it is. Terraform stands for OpenTofu as well: they keep states in the same way.
type Tool string

// The tools.
const (
	Terraform Tool = "terraform"
	Pulumi    Tool = "pulumi"
)

// Secret is text that is not shown. It prints as "(secret)" with every verb and in JSON.
type Secret string

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		_, _ = io.WriteString(f, "(secret)")
	}
}

// MarshalJSON implements json.Marshaler.
func (s Secret) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte(`""`), nil
	}
	return []byte(`"(secret)"`), nil
}

// Reveal gives the text.
func (s Secret) Reveal() string { return string(s) }

// Location is where one state is.
type Location struct {
	Tool Tool
	// Dir is the absolute path of the directory with the configuration or the project.
	Dir string
	// Environment and Phase are set by Environments only.
	Environment, Phase string
	// Backend is the backend's type: s3, pg, http, local, cloud and so on for Terraform; s3, postgres,
	// file, gs, azblob and cloud (Pulumi's own service) for Pulumi.
	Backend string
	// Workspace of Terraform, "default" if none is selected.
	Workspace string
	// S3 is set for a state in S3, PG for Terraform's pg backend, HTTP for its http backend, File for a
	// state in a file or a folder.
	S3   *S3
	PG   *PG
	HTTP *HTTP
	File string
	// DefaultFile is the state file of the default workspace, and WorkspaceDir the folder that holds
	// one folder for each other workspace, in Terraform's local backend.
	DefaultFile, WorkspaceDir string
	// Project and Stack are Pulumi's. URL is the backend's address, which may hold a password.
	Project, Stack string
	URL            Secret
	// Sources say, in words, what each part was read from.
	Sources []string
	// Warnings are about what may not be what was meant.
	Warnings []string
}

// S3 is a place in an S3-compatible service.
type S3 struct {
	Bucket string
	// Key is that of this workspace's state object, for Terraform. Prefix is the folder that holds
	// .pulumi, without slashes at the ends, for Pulumi.
	Key, Prefix string
	// DefaultKey is the key of the default workspace's state, and WorkspacePrefix what the keys of all
	// others start with, for Terraform.
	DefaultKey, WorkspacePrefix string
	// Region, Endpoint, Profile and CABundle are empty where they are left to the environment.
	Region, Endpoint, Profile, CABundle string
	// PathStyle is nil where the configuration does not say.
	PathStyle *bool
	// Lockfile tells that the backend locks with an object beside the state.
	Lockfile bool
	// DynamoDBTable is the table that the backend locks in, if it does.
	DynamoDBTable, DynamoDBEndpoint string
	// Credentials that stand in the configuration, where they should not be. Usually empty.
	AccessKey, SecretKey, Token Secret
}

// PG is a place in Terraform's pg backend: the row of one workspace.
type PG struct {
	ConnStr Secret
	Schema  string
	// Table is "states", unless OpenTofu was told otherwise.
	Table string
}

// HTTP is a state behind Terraform's http backend.
type HTTP struct {
	// Address and LockAddress may hold credentials.
	Address, LockAddress Secret
}

// Options say where to look. The zero value is the current directory and nothing known ahead.
type Options struct {
	// Dir is the working directory of the tool, "." if empty.
	Dir string
	// Getenv reads the environment, os.Getenv if nil.
	Getenv func(string) string
	// Tool is whose state is meant; if empty, the one whose configuration the directory holds.
	Tool Tool
	// BackendConfig completes a partial backend block, each as `init -backend-config` takes it: a file
	// or NAME=VALUE.
	BackendConfig []string
	// Workspace overrides the selected one.
	Workspace string
	// BackendURL, Project and Stack override what Pulumi has.
	BackendURL, Project, Stack string
	// NeedStack makes it an error that no stack is selected.
	NeedStack bool
}

func (o Options) getenv(name string) string {
	if o.Getenv == nil {
		return os.Getenv(name)
	}
	return o.Getenv(name)
}

// Error is a location that cannot be found out.
type Error struct {
	Dir string
	// Problem is what is missing and what to do.
	Problem string
	Err     error
	// Nothing tells that the directory holds no configuration, rather than one that cannot be read.
	Nothing bool
}

// Error implements error.
func (e *Error) Error() string {
	text := "find the state of " + e.Dir + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Find finds the state of one directory.
func Find(o Options) (Location, error) {
	dir, err := realDir(o.Dir)
	if err != nil {
		return Location{}, err
	}
	o.Dir = dir
	switch o.Tool {
	case Terraform:
		return findTerraform(o)
	case Pulumi:
		return findPulumi(o)
	}
	tools, _, err := detect(o)
	if err != nil {
		return Location{}, err
	}
	if len(tools) > 1 {
		return Location{}, &Error{Dir: o.Dir, Problem: "it holds both a Pulumi project and a Terraform configuration: say which one is meant, by a stack or a workspace"}
	}
	o.Tool = tools[0]
	return Find(o)
}

// realDir is the path by which the tools name a directory, and which stands in what they record.
func realDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", &Error{Dir: dir, Problem: "the directory has no absolute path", Err: err}
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", &Error{Dir: abs, Problem: "the directory cannot be read", Err: err}
	}
	return resolved, nil
}

// Scope is how much a lock covers.
type Scope string

// The scopes.
const (
	// ScopeStack is one state: a stack, or a workspace.
	ScopeStack Scope = "stack"
	// ScopeBackend is all states of a backend: a bucket, a database.
	ScopeBackend Scope = "backend"
)

// LockName is the name of the lease for this state, or for its whole backend. What is not needed to
// tell states apart is left out, so that those who spell an address in different ways (with or
// without a region, by another name of the host) still meet at the same lock.
func (l Location) LockName(scope Scope) (string, error) {
	if scope == ScopeBackend {
		name, ok := l.backendName()
		if !ok {
			return "", l.unnamed()
		}
		return string(l.Tool) + ":" + name, nil
	}
	if l.Tool == Pulumi {
		if l.Project == "" || l.Stack == "" {
			return "", l.unnamed()
		}
		return "pulumi:" + l.qualifiedStack(), nil
	}
	switch {
	case l.S3 != nil:
		return "terraform:" + l.S3.Bucket + "/" + l.S3.Key, nil
	case l.PG != nil, l.HTTP != nil:
		name, ok := l.backendName()
		if !ok {
			return "", l.unnamed()
		}
		if l.PG != nil {
			name += "/" + l.Workspace
		}
		return "terraform:" + name, nil
	case l.File != "":
		return "terraform:" + filepath.ToSlash(l.File), nil
	}
	return "", l.unnamed()
}

func (l Location) unnamed() error {
	if l.Tool == Pulumi && l.URL == "" {
		return &Error{Dir: l.Dir, Problem: "Pulumi is logged in to no backend here: set PULUMI_BACKEND_URL, or run pulumi login"}
	}
	return &Error{Dir: l.Dir, Problem: fmt.Sprintf("no name for the lock follows from a %s backend of type %q: give it one with --lock NAME", l.Tool, l.Backend)}
}

// backendName names what all states of a backend have in common.
func (l Location) backendName() (string, bool) {
	switch {
	case l.S3 != nil && l.Tool == Pulumi:
		return strings.TrimSuffix("s3://"+l.S3.Bucket+"/"+l.S3.Prefix, "/"), true
	case l.S3 != nil:
		return l.S3.Bucket, true
	case l.PG != nil:
		database := databaseOf(l.PG.ConnStr.Reveal())
		return "pg:" + database + "/" + l.PG.Schema, database != ""
	case l.HTTP != nil:
		address := withoutCredentials(l.HTTP.Address.Reveal())
		return address, address != ""
	case l.File != "" && l.Tool == Terraform:
		return filepath.ToSlash(filepath.Dir(l.File)), true
	case l.File != "":
		return "file://" + filepath.ToSlash(l.File), true
	case l.Tool == Pulumi && l.URL != "":
		address := withoutCredentials(l.URL.Reveal())
		return address, address != ""
	}
	return "", false
}
