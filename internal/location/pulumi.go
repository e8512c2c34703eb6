package location

import (
	"crypto/sha1" //nolint:gosec // Pulumi names its workspace files so
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// projectFiles are the names of a project's file, in the order in which Pulumi looks for them.
var projectFiles = []string{"Pulumi.json", "Pulumi.yaml", "Pulumi.yml"}

// project is what matters here of a project file.
type project struct {
	Name    string `yaml:"name"`
	Backend struct {
		URL string `yaml:"url"`
	} `yaml:"backend"`
	file string
}

// findProject looks for the project file in dir and above, as Pulumi does; empty if there is none.
func findProject(dir string) (string, error) {
	for {
		for _, name := range projectFiles {
			file := filepath.Join(dir, name)
			info, err := os.Stat(file)
			switch {
			case err == nil && info.Mode().IsRegular():
				return file, nil
			case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
				return "", &Error{Dir: dir, Problem: name + " cannot be read", Err: err}
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", nil
		}
		dir = parent
	}
}

func readProject(dir string) (project, error) {
	file, err := findProject(dir)
	if file == "" || err != nil {
		return project{}, err
	}
	text, err := os.ReadFile(file) //nolint:gosec // the project's own file
	p := project{file: file}
	if err == nil {
		err = yaml.Unmarshal(text, &p) // JSON is YAML
	}
	if err != nil {
		return project{}, &Error{Dir: dir, Problem: file + " cannot be read", Err: err}
	}
	return p, nil
}

// findPulumi finds the stack that Pulumi would use in a directory.
func findPulumi(o Options) (Location, error) {
	loc := Location{Tool: Pulumi, Dir: o.Dir}
	p, err := readProject(o.Dir)
	if err != nil {
		return loc, err
	}
	loc.Project = p.Name
	if p.file != "" {
		loc.Dir = filepath.Dir(p.file)
		loc.Sources = append(loc.Sources, "the project in "+p.file)
	}
	if o.Project != "" {
		loc.Project = o.Project
	}
	if err := loc.backendURL(o, p); err != nil {
		return loc, err
	}
	if err := loc.stack(o, p); err != nil {
		return loc, err
	}
	return loc, loc.pulumiPlace(o)
}

// backendURL is PULUMI_BACKEND_URL, or the project's, or that of the current login, in Pulumi's order.
func (l *Location) backendURL(o Options, p project) error {
	for _, candidate := range []struct{ url, source string }{
		{o.BackendURL, "the arguments"},
		{o.getenv("PULUMI_BACKEND_URL"), "PULUMI_BACKEND_URL"},
		{p.Backend.URL, "backend.url in " + p.file},
	} {
		if candidate.url != "" {
			l.URL = Secret(candidate.url)
			l.Sources = append(l.Sources, "the backend in "+candidate.source)
			return nil
		}
	}
	file := filepath.Join(pulumiHome(o, "PULUMI_CREDENTIALS_PATH"), "credentials.json")
	text, err := os.ReadFile(file) //nolint:gosec // where Pulumi keeps it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var stored struct {
		Current string `json:"current"`
	}
	if err == nil {
		err = json.Unmarshal(text, &stored)
	}
	if err != nil {
		return &Error{Dir: o.Dir, Problem: "Pulumi's login in " + file + " cannot be read; run pulumi login", Err: err}
	}
	if stored.Current != "" {
		l.URL = Secret(stored.Current)
		l.Sources = append(l.Sources, "the current login in "+file)
	}
	return nil
}

// pulumiHome is Pulumi's folder, or the one that another variable names.
func pulumiHome(o Options, variable string) string {
	if variable != "" {
		if dir := o.getenv(variable); dir != "" {
			return dir
		}
	}
	if dir := o.getenv("PULUMI_HOME"); dir != "" {
		return dir
	}
	return filepath.Join(userHome(o), ".pulumi")
}

// userHome is the user's home as Pulumi finds it: as the system knows the user, whatever HOME says. The
// two differ in container jobs of CI and under sudo.
func userHome(o Options) string {
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		return u.HomeDir
	}
	return o.getenv("HOME")
}

// stack is the given one, PULUMI_STACK, or the one that `pulumi stack select` chose for the project.
func (l *Location) stack(o Options, p project) error {
	l.Stack = o.Stack
	if l.Stack == "" {
		l.Stack = o.getenv("PULUMI_STACK")
	}
	if l.Stack == "" && p.file != "" {
		selected, err := selectedStack(o, p, l.URL.Reveal())
		if err != nil {
			return err
		}
		l.Stack = selected
	}
	// A qualified name says organisation and project as well: organization/project/stack.
	switch parts := strings.Split(l.Stack, "/"); len(parts) {
	case 3:
		l.Project = parts[1]
	case 1, 2:
	default:
		return &Error{Dir: o.Dir, Problem: fmt.Sprintf("the stack's name %q has more than three parts", l.Stack)}
	}
	if o.NeedStack && l.Stack == "" {
		return &Error{Dir: o.Dir, Problem: "no stack is selected: give one with --stack, or run pulumi stack select"}
	}
	if o.NeedStack && l.Project == "" {
		return &Error{Dir: o.Dir, Problem: "there is no Pulumi project, here or above: go to the project or give its directory with -C"}
	}
	return nil
}

// selectedStack reads Pulumi's workspace file. Newer releases keep one stack for each backend.
func selectedStack(o Options, p project, backend string) (string, error) {
	sum := sha1.Sum([]byte(p.file)) //nolint:gosec // Pulumi's choice
	file := filepath.Join(pulumiHome(o, ""), "workspaces", p.Name+"-"+hex.EncodeToString(sum[:])+"-workspace.json")
	text, err := os.ReadFile(file) //nolint:gosec // where Pulumi keeps it
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var settings struct {
		Stack  string            `json:"stack"`
		Stacks map[string]string `json:"stacks"`
	}
	if err == nil {
		err = json.Unmarshal(text, &settings)
	}
	if err != nil {
		return "", &Error{Dir: o.Dir, Problem: "the selected stack in " + file + " cannot be read; run pulumi stack select", Err: err}
	}
	for url, name := range settings.Stacks {
		if strings.TrimSuffix(url, "/") == strings.TrimSuffix(backend, "/") {
			return name, nil
		}
	}
	return settings.Stack, nil
}

// qualifiedStack is project/stack, with the organisation before it on Pulumi's own service only:
// elsewhere it is always "organization".
func (l Location) qualifiedStack() string {
	parts := strings.Split(l.Stack, "/")
	name := l.Project + "/" + parts[len(parts)-1]
	if len(parts) > 1 && parts[0] != "organization" {
		return parts[0] + "/" + name
	}
	return name
}

// StackName is the stack without organisation and project.
func (l Location) StackName() string {
	return l.Stack[strings.LastIndex(l.Stack, "/")+1:]
}

// pulumiPlace takes the backend's address apart. An address that cannot be read is left to Pulumi.
func (l *Location) pulumiPlace(o Options) error {
	address := l.URL.Reveal()
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		l.Backend = "cloud"
		return nil
	}
	l.Backend = scheme
	switch scheme {
	case "http", "https":
		l.Backend = "cloud"
	case "file":
		path, _, _ := strings.Cut(rest, "?")
		l.File = l.filePath(o, path)
	case "s3":
		u, err := url.Parse(address)
		if err != nil {
			return &Error{Dir: l.Dir, Problem: "the address of Pulumi's backend is no URL; write it like s3://bucket?region=eu-west-1"}
		}
		l.S3 = pulumiS3(u)
	}
	return nil
}

// filePath resolves what stands behind file://, which Pulumi reads as a path and not as a URL.
func (l *Location) filePath(o Options, path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		path = filepath.Join(userHome(o), rest)
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.Dir, path)
}

func pulumiS3(u *url.URL) *S3 {
	q := u.Query()
	s := &S3{
		Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Region: q.Get("region"),
		Endpoint: q.Get("endpoint"), Profile: q.Get("profile"),
	}
	for _, name := range []string{"use_path_style", "s3ForcePathStyle"} {
		if on, err := strconv.ParseBool(q.Get(name)); err == nil {
			s.PathStyle = &on
		}
	}
	if s.Endpoint != "" && !strings.Contains(s.Endpoint, "://") {
		plain := false
		for _, name := range []string{"disable_https", "disableSSL"} {
			on, err := strconv.ParseBool(q.Get(name))
			plain = plain || (err == nil && on)
		}
		s.Endpoint = map[bool]string{true: "http://", false: "https://"}[plain] + s.Endpoint
	}
	return s
}
