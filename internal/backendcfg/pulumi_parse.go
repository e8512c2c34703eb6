package backendcfg

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// PulumiURL is the address of a Pulumi backend, taken apart.
type PulumiURL struct {
	// Scheme is s3, postgres, gs, azblob or file.
	Scheme string
	// Bucket and Prefix are set for s3, gs and azblob; Prefix has no slash at either end.
	Bucket, Prefix string
	// Path is set for file, as it stands: ~ and relative paths are Pulumi's to resolve.
	Path string
	// Region, Endpoint, Profile and PathStyle are set for s3. The endpoint has its scheme.
	Region, Endpoint, Profile string
	PathStyle                 bool
	// Host, Port, Database and Table are set for postgres. Table is never empty there.
	Host     string
	Port     int
	Database string
	Table    string
	// Parameters are all of the query that has no field of its own.
	Parameters map[string]string
}

const (
	fileScheme         = "file"
	defaultPulumiTable = "pulumi_state"
)

// PulumiSchemes are those of the backends that keep states without Pulumi's service.
var PulumiSchemes = []string{s3Type, postgresScheme, "gs", "azblob", fileScheme}

// pulumiURLField is what errors call the address.
const pulumiURLField = "url"

// ParsePulumiURL reads an address as `pulumi login` does, refuses what the CLI
// would refuse, and refuses credentials. Errors are *FieldError and
// *CredentialError, and quote nothing that may be secret.
func ParsePulumiURL(raw string) (PulumiURL, error) {
	refuse := func(format string, a ...any) (PulumiURL, error) {
		return PulumiURL{}, &FieldError{Field: pulumiURLField, Reason: fmt.Sprintf(format, a...)}
	}
	if err := checkText(pulumiURLField, raw); err != nil {
		return PulumiURL{}, err
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	switch {
	case !ok:
		return refuse("is no URL; write it like s3://acme-states?region=eu-west-1")
	case scheme == "https" || scheme == "http":
		return refuse("is the address of a Pulumi service, which locks and keeps states by itself; groundwork writes those of %s", strings.Join(PulumiSchemes, ", "))
	case scheme == "postgresql":
		return refuse("starts with postgresql://, which Pulumi does not know; write postgres://")
	case !slices.Contains(PulumiSchemes, scheme):
		return refuse("starts with a scheme that Pulumi keeps no states under; it knows %s", strings.Join(PulumiSchemes, ", "))
	case scheme == fileScheme:
		return parseFileURL(rest)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return refuse("is no URL; write it like s3://acme-states?region=eu-west-1")
	}
	if u.User != nil {
		return PulumiURL{}, &CredentialError{Field: pulumiURLField, Kind: "a URL with a user name or password"}
	}
	if u.Fragment != "" || strings.Contains(raw, "#") {
		return refuse("holds #, after which nothing is read; write it as %%23 where it is meant")
	}
	parameters, err := parseQuery(u.RawQuery)
	if err != nil {
		return PulumiURL{}, err
	}
	switch scheme {
	case s3Type:
		return parseS3URL(u, parameters)
	case postgresScheme:
		return parsePostgresURL(u, parameters)
	}
	out := PulumiURL{Scheme: scheme, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Parameters: parameters}
	if out.Bucket == "" {
		return refuse("names no bucket or container")
	}
	return out, out.checkPrefix()
}

// parseQuery refuses what would be read in more than one way.
func parseQuery(raw string) (map[string]string, error) {
	refuse := func(format string, a ...any) (map[string]string, error) {
		return nil, &FieldError{Field: pulumiURLField, Reason: fmt.Sprintf(format, a...)}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return refuse("has a query that cannot be read; parameters are separated by &, and special characters written as %%XX")
	}
	out := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if secretName(name) || slices.Contains(postgresSecrets, strings.ToLower(name)) {
			return nil, &CredentialError{Field: pulumiURLField, Kind: "a parameter that is a credential by its name"}
		}
		if len(values[name]) > 1 {
			return refuse("has the parameter %s several times; keep one", name)
		}
		// Decoded, they may show what the address hid.
		for _, text := range []string{name, values[name][0]} {
			if err := checkText(pulumiURLField, text); err != nil {
				return nil, err
			}
		}
		if values[name][0] == "" || name == "" {
			return refuse("has a parameter without a name or a value; remove it")
		}
		out[name] = values[name][0]
	}
	return out, nil
}

func parseS3URL(u *url.URL, parameters map[string]string) (PulumiURL, error) {
	out := PulumiURL{Scheme: s3Type, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Parameters: map[string]string{}}
	plain := false
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		value := parameters[name]
		p, known := pulumiParameters[name]
		refuse := func(reason string) (PulumiURL, error) {
			return PulumiURL{}, &FieldError{Field: pulumiURLField, Reason: "has the parameter " + name + ", which " + reason}
		}
		if !known {
			return refuse("Pulumi does not know and refuses; remove it")
		}
		if p.check != nil {
			if err := p.check(value); err != nil {
				return refuse(err.Error())
			}
		}
		on, _ := strconv.ParseBool(value)
		switch name {
		case "region":
			out.Region = value
		case "endpoint":
			out.Endpoint = value
		case "profile":
			out.Profile = value
		case "s3ForcePathStyle", "use_path_style":
			out.PathStyle = out.PathStyle || on
		case "disableSSL", "disable_https":
			plain = plain || on
		case "awssdk":
		default:
			out.Parameters[name] = value
		}
	}
	if out.Endpoint != "" && !strings.Contains(out.Endpoint, "://") && plain {
		out.Endpoint = "http://" + out.Endpoint
	}
	out.Endpoint = withScheme(out.Endpoint)
	if err := ValidateBucket(pulumiURLField, out.Bucket, out.Endpoint == ""); err != nil {
		return PulumiURL{}, err
	}
	if err := ValidateEndpoint(pulumiURLField, out.Endpoint); err != nil {
		return PulumiURL{}, err
	}
	out.Endpoint = strings.TrimSuffix(out.Endpoint, "/")
	return out, out.checkPrefix()
}

func (p PulumiURL) checkPrefix() error {
	if p.Prefix == "" {
		return nil
	}
	return ValidateKey(pulumiURLField, p.Prefix)
}

func parsePostgresURL(u *url.URL, parameters map[string]string) (PulumiURL, error) {
	refuse := func(reason string) (PulumiURL, error) {
		return PulumiURL{}, &FieldError{Field: pulumiURLField, Reason: reason}
	}
	out := PulumiURL{Scheme: postgresScheme, Host: u.Hostname(), Database: strings.TrimPrefix(u.Path, "/"), Table: defaultPulumiTable, Parameters: parameters}
	if port := u.Port(); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return refuse("has a port that is no number from 1 to 65535")
		}
		out.Port = n
	}
	if table, ok := parameters["table"]; ok {
		if out.Table = table; !plainTable(table) {
			return refuse("has the parameter table, which Pulumi writes into SQL as it is: use lower-case letters, digits and _ only, and search_path for another schema")
		}
		delete(parameters, "table")
	}
	if out.Database == "" {
		return refuse("names no database; write it like postgres://db.example.org:5432/pulumi_state")
	}
	check := PulumiPostgres{Host: out.Host, Port: out.Port, Database: out.Database, Parameters: parameters}
	return out, check.validate()
}

// parseFileURL: the rest is no URL to Pulumi, which knows ~ and relative paths.
func parseFileURL(rest string) (PulumiURL, error) {
	path, raw, _ := strings.Cut(rest, "?")
	if path == "" {
		return PulumiURL{}, &FieldError{Field: pulumiURLField, Reason: "names no directory; write it like file:///var/lib/pulumi, file://~ or file://./state"}
	}
	parameters, err := parseQuery(raw)
	if err != nil {
		return PulumiURL{}, err
	}
	return PulumiURL{Scheme: fileScheme, Path: path, Parameters: parameters}, nil
}

// String writes the address again, in groundwork's order and spelling.
func (p PulumiURL) String() string {
	switch p.Scheme {
	case s3Type:
		return PulumiS3{Bucket: p.Bucket, Prefix: p.Prefix, Region: p.Region, Endpoint: p.Endpoint, Profile: p.Profile,
			PathStyle: p.PathStyle, Parameters: p.Parameters}.text()
	case postgresScheme:
		text, err := PulumiPostgres{Host: p.Host, Port: p.Port, Database: p.Database, Table: p.Table, Parameters: p.Parameters}.URL()
		if err != nil {
			return ""
		}
		return text
	}
	var q query
	q.all(p.Parameters)
	u := url.URL{Scheme: p.Scheme, Host: p.Bucket, RawQuery: q.String()}
	if p.Scheme == fileScheme {
		if len(q) > 0 {
			return "file://" + p.Path + "?" + q.String()
		}
		return "file://" + p.Path
	}
	if p.Prefix != "" {
		u.Path = "/" + p.Prefix
	}
	return u.String()
}
