package location

import (
	"path/filepath"
	"slices"
	"strings"
)

// Command is what could be told of a command line without running it.
type Command struct {
	// Tool is empty for a program that is none of the tools, or does not show which one it runs.
	Tool Tool
	// Operation says in two words what is done, such as "pulumi up". It holds no arguments, which may
	// be secret.
	Operation string
	// Options are those given to ParseCommand, with what the command line says on top.
	Options Options
}

// ParseCommand reads from a command line which state it works on: the directory, the stack, and the
// partial configuration. The tool may stand behind a program that is known to run it here, such as env
// or uv run; what a shell is given as text is not looked into, nor what make or a script make of their
// arguments.
func ParseCommand(args []string, o Options) Command {
	at := slices.IndexFunc(args, func(arg string) bool { _, ok := toolOf(arg); return ok })
	if at < 0 || !leads(args[:at]) {
		c := Command{Options: o}
		if len(args) > 0 {
			c.Operation = programName(args[0])
		}
		return c
	}
	tool, _ := toolOf(args[at])
	o.Tool = tool
	o = o.withAssignments(args[:at])
	if tool == Pulumi {
		return parsePulumi(args[at+1:], o)
	}
	return parseTerraform(programName(args[at]), args[at+1:], o)
}

// programName is the name of a program without folder and, on Windows, ending.
func programName(arg string) string {
	name := filepath.Base(filepath.FromSlash(arg))
	return strings.TrimSuffix(strings.ToLower(name), ".exe")
}

func toolOf(arg string) (Tool, bool) {
	switch programName(arg) {
	case "pulumi":
		return Pulumi, true
	case "terraform", "tofu":
		return Terraform, true
	}
	return "", false
}

// withAssignments takes the variables that env or sudo sets for the tool.
func (o Options) withAssignments(before []string) Options {
	set := map[string]string{}
	for _, word := range before {
		if name, value, ok := strings.Cut(word, "="); ok && !strings.HasPrefix(name, "-") {
			set[name] = value
		}
	}
	outer := o.getenv
	o.Getenv = func(name string) string {
		if value, ok := set[name]; ok {
			return value
		}
		return outer(name)
	}
	return o
}

// pulumiBooleans are the short flags of Pulumi that may stand before another one in a cluster, as in
// -ys dev.
const pulumiBooleans = "yfjredai"

// parsePulumi reads --stack and --cwd, and the stack that some commands take by position.
func parsePulumi(args []string, o Options) Command {
	stack, dir := "", ""
	var words []string
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		next := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		arg := args[i]
		name, value, given := strings.Cut(arg, "=")
		switch {
		case name == "--stack" || name == "--cwd":
			if !given {
				value = next()
			}
			if name == "--stack" {
				stack = value
			} else {
				dir = value
			}
		case strings.HasPrefix(arg, "--"):
			if !given && slices.Contains(pulumiValues, name) {
				next()
			}
		case strings.HasPrefix(arg, "-") && len(arg) > 1:
			flag, value := shortFlag(arg[1:])
			if flag == 0 {
				continue
			}
			if value == "" {
				value = next()
			}
			switch flag {
			case 's':
				stack = value
			case 'C':
				dir = value
			}
		default:
			words = append(words, arg)
		}
	}
	c := Command{Tool: Pulumi, Operation: "pulumi", Options: o}
	if len(words) > 0 {
		c.Operation += " " + words[0]
	}
	if len(words) > 2 && stack == "" && words[0] == "stack" && slices.Contains([]string{"rm", "init", "select"}, words[1]) {
		stack = words[2]
	}
	if stack != "" {
		c.Options.Stack = stack
	}
	c.Options.Dir = inDir(o.Dir, dir)
	return c
}

// pulumiValues are long flags of Pulumi whose value is the next argument.
var pulumiValues = []string{
	"--color", "--config", "--config-file", "--exec-kind", "--logging", "--message", "--memprofilerate", "--parallel",
	"--profiling", "--replace", "--secrets-provider", "--target", "--target-replace", "--tracing", "--verbose",
}

// shortFlag finds the flag with a value at the end of a cluster: 0 if there is none. The value may
// follow at once, or stand in the next argument.
func shortFlag(cluster string) (flag byte, value string) {
	for i := range len(cluster) {
		switch {
		case cluster[i] == '=':
			return 0, ""
		case strings.IndexByte("sCmctpv", cluster[i]) >= 0:
			return cluster[i], strings.TrimPrefix(cluster[i+1:], "=")
		case strings.IndexByte(pulumiBooleans, cluster[i]) < 0:
			return 0, ""
		}
	}
	return 0, ""
}

// parseTerraform reads -chdir, and -backend-config of init.
func parseTerraform(program string, args []string, o Options) Command {
	c := Command{Tool: Terraform, Operation: program, Options: o}
	dir := ""
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "-chdir="); ok {
			dir = value
			continue
		}
		if strings.HasPrefix(arg, "-") {
			continue
		}
		c.Operation += " " + arg
		if arg == "init" {
			c.Options.BackendConfig = append(slices.Clone(o.BackendConfig), backendConfigArgs(args[i+1:])...)
		}
		break
	}
	c.Options.Dir = inDir(o.Dir, dir)
	return c
}

func inDir(base, dir string) string {
	switch {
	case dir == "":
		return base
	case filepath.IsAbs(dir):
		return dir
	}
	return filepath.Join(base, dir)
}

// here is an absolute path where there is one.
func here(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// LockName finds the name of the lock for what the command works on. For one that does not show
// what that is, only the whole backend of the directory can be told.
func (c Command) LockName(scope Scope) (string, error) {
	o := c.Options
	o.NeedStack = scope == ScopeStack
	if c.Tool == "" {
		if scope == ScopeStack {
			return "", &Error{Dir: here(o.Dir), Problem: "it cannot be told what " + c.Operation + " works on"}
		}
		if o.getenv("PULUMI_BACKEND_URL") != "" {
			o.Tool = Pulumi
		}
	}
	loc, err := Find(o)
	if err != nil {
		return "", err
	}
	return loc.LockName(scope)
}
