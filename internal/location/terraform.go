package location

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/backendcfg"
)

// findTerraform finds the state that Terraform or OpenTofu would use in a directory.
func findTerraform(o Options) (Location, error) {
	loc := Location{Tool: Terraform, Dir: o.Dir}
	declared, err := backendcfg.ParseDir(o.Dir, "")
	if err != nil {
		return loc, &Error{Dir: o.Dir, Problem: "the configuration cannot be read", Err: err}
	}
	dataDir := dataDir(o)
	recorded, err := readRecord(dataDir)
	if err != nil {
		return loc, err
	}
	if loc.Workspace, err = workspace(o, dataDir); err != nil {
		return loc, err
	}
	args := arguments{}
	block := declared.Effective()
	switch {
	case block == nil && recorded.Type != "":
		loc.Warnings = append(loc.Warnings, fmt.Sprintf("the configuration declares no backend, but the directory is initialised for %q: run init -migrate-state to move the state", recorded.Type))
		fallthrough
	case block == nil:
		loc.Backend = "local"
		loc.Sources = append(loc.Sources, "no backend block in "+o.Dir)
	default:
		loc.Backend = block.Type
		if args, err = merge(o, block, recorded, &loc); err != nil {
			return loc, err
		}
	}
	loc.place(o, args)
	return loc, nil
}

// merge joins what init recorded, the block and the partial configuration, each overriding the one
// before, and requires what the block leaves to init.
func merge(o Options, block *backendcfg.Block, recorded record, loc *Location) (arguments, error) {
	args := arguments{}
	initialised := recorded.Type == block.Type
	if initialised {
		args.add(recorded.Config)
		loc.Sources = append(loc.Sources, "what init recorded in "+recorded.file)
	}
	said := arguments{}
	for name, value := range block.Attributes {
		if plain, ok := plainValue(value); ok {
			said[name] = plain
		}
	}
	loc.Sources = append(loc.Sources, fmt.Sprintf("the backend block in %s, line %d", block.File, block.Line()))
	given, from, err := partial(o)
	if err != nil {
		return nil, err
	}
	said.add(given)
	loc.Sources = append(loc.Sources, from...)
	if initialised {
		if changed := args.differences(said); len(changed) > 0 {
			loc.Warnings = append(loc.Warnings, fmt.Sprintf("the directory is initialised for another place (%s changed): the tool asks for init -reconfigure or -migrate-state", strings.Join(changed, ", ")))
		}
	}
	args.add(said)
	var missing []string
	for _, name := range slices.Concat(block.Missing, block.Dynamic) {
		if args.empty(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return nil, &Error{Dir: o.Dir, Problem: fmt.Sprintf(
			"the %s backend block in %s leaves %s to init: run terraform init (or tofu init) there first, or give what is missing as --backend-config FILE or --backend-config NAME=VALUE",
			block.Type, block.File, strings.Join(missing, ", "))}
	}
	return args, nil
}

// record is what init remembers of the backend, in .terraform/terraform.tfstate.
type record struct {
	Type   string         `json:"type"`
	Config map[string]any `json:"config"`
	file   string
}

func dataDir(o Options) string {
	dir := o.getenv("TF_DATA_DIR")
	if dir == "" {
		dir = ".terraform"
	}
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(o.Dir, dir)
}

func readRecord(dataDir string) (record, error) {
	file := filepath.Join(dataDir, "terraform.tfstate")
	text, err := os.ReadFile(file) //nolint:gosec // where the tool records it
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	var outer struct {
		Backend *record `json:"backend"`
	}
	if err == nil {
		err = json.Unmarshal(text, &outer)
	}
	if err != nil {
		return record{}, &Error{Dir: filepath.Dir(dataDir), Problem: "what init recorded in " + file + " cannot be read; run init -reconfigure", Err: err}
	}
	if outer.Backend == nil {
		return record{}, nil
	}
	outer.Backend.file = file
	return *outer.Backend, nil
}

// workspace is the selected one: TF_WORKSPACE, or what `workspace select` wrote.
func workspace(o Options, dataDir string) (string, error) {
	if o.Workspace != "" {
		return o.Workspace, nil
	}
	if name := o.getenv("TF_WORKSPACE"); name != "" {
		return name, nil
	}
	text, err := os.ReadFile(filepath.Join(dataDir, "environment")) //nolint:gosec // where the tool records it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", &Error{Dir: o.Dir, Problem: "the selected workspace cannot be read", Err: err}
	}
	if name := strings.TrimSpace(string(text)); name != "" {
		return name, nil
	}
	return defaultWorkspace, nil
}

const defaultWorkspace = "default"

// place turns a backend's arguments into a place.
func (l *Location) place(o Options, args arguments) {
	switch l.Backend {
	case "s3":
		l.S3 = args.s3(l.Workspace)
		if _, ok := args["assume_role"]; ok || args.text("role_arn") != "" {
			l.Warnings = append(l.Warnings, "the backend assumes a role, which groundwork does not: give it credentials of that role in the environment")
		}
	case "pg":
		l.PG = &PG{
			ConnStr: Secret(args.textOr("conn_str", o.getenv("PG_CONN_STR"))),
			Schema:  args.textOr("schema_name", o.getenv("PG_SCHEMA_NAME")),
			Table:   args.textOr("table_name", o.getenv("PG_TABLE_NAME")),
		}
		if l.PG.Schema == "" {
			l.PG.Schema = backendcfg.DefaultPGSchema
		}
		if l.PG.Table == "" {
			l.PG.Table = "states"
		}
	case "http":
		l.HTTP = &HTTP{
			Address:     Secret(args.textOr("address", o.getenv("TF_HTTP_ADDRESS"))),
			LockAddress: Secret(args.textOr("lock_address", o.getenv("TF_HTTP_LOCK_ADDRESS"))),
		}
	case "local":
		l.File = localFile(o.Dir, args, l.Workspace)
		l.DefaultFile, l.WorkspaceDir = localFile(o.Dir, args, defaultWorkspace), absolute(o.Dir, args.textOr("workspace_dir", workspaceDir))
	}
}

// localFile is where the local backend keeps the state of a workspace.
func localFile(dir string, args arguments, workspace string) string {
	file := args.textOr("path", "terraform.tfstate")
	if workspace != defaultWorkspace {
		file = filepath.Join(args.textOr("workspace_dir", workspaceDir), workspace, "terraform.tfstate")
	}
	return absolute(dir, file)
}

// workspaceDir holds the states of workspaces, unless the local backend says otherwise.
const workspaceDir = "terraform.tfstate.d"

func absolute(dir, file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return filepath.Join(dir, file)
}

// s3 reads the arguments of the s3 backend. The key of a workspace other than the default one
// stands below a prefix.
func (a arguments) s3(workspace string) *S3 {
	s := &S3{
		Bucket: a.text("bucket"), Key: strings.TrimPrefix(a.text("key"), "/"), Region: a.text("region"),
		Endpoint: a.nested("endpoints", "s3", "endpoint"), Profile: a.text("profile"), CABundle: a.text("custom_ca_bundle"),
		DynamoDBTable: a.text("dynamodb_table"), DynamoDBEndpoint: a.nested("endpoints", "dynamodb", "dynamodb_endpoint"),
		AccessKey: Secret(a.text("access_key")), SecretKey: Secret(a.text("secret_key")), Token: Secret(a.text("token")),
	}
	s.Lockfile, _ = a.flag("use_lockfile")
	for _, name := range []string{"use_path_style", "force_path_style"} {
		if on, said := a.flag(name); said {
			s.PathStyle = &on
			break
		}
	}
	s.DefaultKey, s.WorkspacePrefix = s.Key, "env:"
	if p, ok := a["workspace_key_prefix"].(string); ok {
		s.WorkspacePrefix = p
	}
	if workspace != defaultWorkspace {
		s.Key = strings.TrimPrefix(s.WorkspacePrefix+"/"+workspace+"/"+s.Key, "/")
	}
	return s
}
