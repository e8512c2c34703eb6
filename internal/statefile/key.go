package statefile

import (
	"regexp"
	"strings"
)

// KeyKind says what a tool keeps under a key.
type KeyKind uint8

// The kinds of key.
const (
	// KeyOther is any key that is not recognised. Terraform lets users name
	// states as they like, so such a key may still hold one.
	KeyOther KeyKind = iota
	// KeyTerraformState is a state of Terraform or OpenTofu.
	KeyTerraformState
	// KeyTerraformLock is the object that locks a state.
	KeyTerraformLock
	// KeyTerraformBackup is a copy that the tools make of a local state.
	KeyTerraformBackup
	// KeyPulumiStack is the checkpoint of a stack.
	KeyPulumiStack
	// KeyPulumiLegacyStack is the checkpoint of a stack in the layout that
	// knew no projects.
	KeyPulumiLegacyStack
	// KeyPulumiStackBackup is the copy beside a checkpoint: the one before
	// (.bak), or one of those that are retained.
	KeyPulumiStackBackup
	// KeyPulumiHistory is a record of an update, or its checkpoint.
	KeyPulumiHistory
	// KeyPulumiBackup is a checkpoint that was kept after an operation.
	KeyPulumiBackup
	// KeyPulumiLock is a lock on a stack.
	KeyPulumiLock
	// KeyPulumiTags holds the tags of a stack.
	KeyPulumiTags
	// KeyPulumiMeta says which layout the backend has.
	KeyPulumiMeta
)

var keyKindNames = [...]string{
	"other", "Terraform state", "Terraform lock", "Terraform backup", "Pulumi stack", "Pulumi legacy stack",
	"Pulumi stack backup", "Pulumi history", "Pulumi backup", "Pulumi lock", "Pulumi tags", "Pulumi meta",
}

// String names the kind.
func (k KeyKind) String() string {
	if int(k) < len(keyKindNames) {
		return keyKindNames[k]
	}
	return keyKindNames[KeyOther]
}

// State reports whether the key holds the current state of something, as
// opposed to a copy, a lock or a note.
func (k KeyKind) State() bool {
	return k == KeyTerraformState || k == KeyPulumiStack || k == KeyPulumiLegacyStack
}

// Key is what an object's key says.
type Key struct {
	Kind KeyKind
	// Workspace is the workspace that a key under the workspace prefix is of,
	// empty for the default one.
	Workspace string
	// StateKey is, for Terraform's keys, the `key` of the backend that the
	// object belongs to: without the workspace, and of a lock without .tflock.
	StateKey string
	// Prefix is, for Pulumi's keys, the path in the backend URL, with its
	// closing slash.
	Prefix string
	// Project and Stack are Pulumi's. The legacy layout has no project.
	Project string
	Stack   string
}

// DefaultWorkspacePrefix is what the S3 backend puts before the keys of
// workspaces unless told otherwise.
const DefaultWorkspacePrefix = "env:"

// ClassifyKey says what a tool keeps under a key of a bucket.
func ClassifyKey(key string) Key { return ClassifyKeyIn(key, DefaultWorkspacePrefix) }

// ClassifyKeyIn is ClassifyKey for a backend with its own workspace_key_prefix.
func ClassifyKeyIn(key, workspacePrefix string) Key {
	// A prefix, a project and a stack may all hold the name of the directory:
	// the first place where the rest makes sense is the one.
	for at := 0; ; {
		i := strings.Index(key[at:], pulumiDir)
		if i < 0 {
			return classifyTerraform(key, workspacePrefix)
		}
		i += at
		at = i + len(pulumiDir)
		if i > 0 && key[i-1] != '/' {
			continue
		}
		if k := classifyPulumi(key[at:]); k.Kind != KeyOther {
			k.Prefix = key[:i]
			return k
		}
	}
}

const (
	stateSuffix = ".tfstate"
	lockSuffix  = ".tflock"
)

// localBackup is how the tools name copies of a local state.
var localBackup = regexp.MustCompile(`\.tfstate(\.[0-9]+)?\.backup$`)

func classifyTerraform(key, workspacePrefix string) Key {
	out := Key{StateKey: key}
	if rest, ok := strings.CutPrefix(key, strings.TrimSuffix(workspacePrefix, "/")+"/"); ok {
		workspace, inner, found := strings.Cut(rest, "/")
		if found && workspace != "" && inner != "" {
			out.Workspace, out.StateKey = workspace, inner
		}
	}
	switch {
	case strings.HasSuffix(key, lockSuffix):
		out.Kind = KeyTerraformLock
		out.StateKey = strings.TrimSuffix(out.StateKey, lockSuffix)
	case strings.HasSuffix(key, stateSuffix):
		out.Kind = KeyTerraformState
	case localBackup.MatchString(key):
		out.Kind = KeyTerraformBackup
	case out.Workspace == "":
		out.StateKey = ""
	}
	return out
}

// pulumiDir is the directory that Pulumi keeps everything in.
const pulumiDir = ".pulumi/"

// pulumiName is what names of projects and stacks consist of.
var pulumiName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

const maxStackName = 100

func isProject(name string) bool { return pulumiName.MatchString(name) }

func isStack(name string) bool { return len(name) <= maxStackName && pulumiName.MatchString(name) }

func classifyPulumi(rest string) Key {
	dir, path, _ := strings.Cut(rest, "/")
	parts := strings.Split(path, "/")
	switch dir {
	case "meta.yaml":
		if path == "" {
			return Key{Kind: KeyPulumiMeta}
		}
	case "stacks":
		return classifyStack(parts)
	case "history":
		return inStackDir(KeyPulumiHistory, parts)
	case "backups":
		return inStackDir(KeyPulumiBackup, parts)
	case "locks":
		if len(parts) == 4 && parts[0] == "organization" {
			parts = parts[1:]
		}
		return inStackDir(KeyPulumiLock, parts)
	}
	return Key{}
}

// inStackDir classifies project/stack/file, or stack/file in the legacy layout.
func inStackDir(kind KeyKind, parts []string) Key {
	n := len(parts)
	if n < 2 || n > 3 || parts[n-1] == "" || !isStack(parts[n-2]) {
		return Key{}
	}
	out := Key{Kind: kind, Stack: parts[n-2]}
	if n == 3 {
		if !isProject(parts[0]) {
			return Key{}
		}
		out.Project = parts[0]
	}
	return out
}

// stackFile takes apart the name of a file beside the checkpoints: the stack,
// the compression, and what makes it a copy.
var stackFile = regexp.MustCompile(`^(.+?)\.json(?:\.gz|\.zst)?((?:\.[0-9]+)?(?:\.bak)*)$`)

const tagsSuffix = ".pulumi-tags"

func classifyStack(parts []string) Key {
	n := len(parts)
	if n > 2 || n == 2 && !isProject(parts[0]) {
		return Key{}
	}
	out := Key{}
	if n == 2 {
		out.Project = parts[0]
	}
	file := parts[n-1]
	stack, tags := strings.CutSuffix(file, tagsSuffix)
	match := stackFile.FindStringSubmatch(file)
	switch {
	case tags:
		out.Kind = KeyPulumiTags
	case match == nil:
		return Key{}
	default:
		stack = match[1]
		out.Kind = KeyPulumiStack
		if n == 1 {
			out.Kind = KeyPulumiLegacyStack
		}
		if match[2] != "" {
			out.Kind = KeyPulumiStackBackup
		}
	}
	if !isStack(stack) {
		return Key{}
	}
	out.Stack = stack
	return out
}
