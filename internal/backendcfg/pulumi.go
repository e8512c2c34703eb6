package backendcfg

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"
)

// Releases of the Pulumi CLI in which the addresses that it accepts changed.
var (
	// pulumi3245 moved to version 2 of AWS's SDK: new parameters, and no translation of old ones yet.
	pulumi3245 = version.Must(version.NewVersion("3.245.0"))
	// pulumi3246 translates disableSSL and an endpoint without a scheme.
	pulumi3246 = version.Must(version.NewVersion("3.246.0"))
	// pulumi3256 means to send checksums to an endpoint only when they are required.
	pulumi3256 = version.Must(version.NewVersion("3.256.0"))
	// pulumi3258 does so.
	pulumi3258 = version.Must(version.NewVersion("3.258.0"))
	// pulumiPostgres is the oldest release that was found to have the PostgreSQL backend.
	pulumiPostgres = version.Must(version.NewVersion("3.176.0"))
)

// PulumiS3 is a state of Pulumi's in a bucket.
type PulumiS3 struct {
	Bucket string
	// Prefix is the folder in the bucket; empty is the bucket itself.
	Prefix string
	Region string
	// Endpoint is empty on AWS; without a scheme it is taken to be https.
	Endpoint  string
	Profile   string
	PathStyle bool
	// Parameters are further ones by Pulumi's names, such as kmskeyid.
	Parameters map[string]string
	// Version is that of the CLI that reads the address; nil is any from 3.246 on.
	Version *version.Version
}

// PulumiPostgres is a state of Pulumi's in PostgreSQL. It has no room for a user
// or a password: PGUSER and PGPASSWORD are honoured.
type PulumiPostgres struct {
	// Host may be empty, for PGHOST; Port may be 0, for PGPORT.
	Host     string
	Port     int
	Database string
	// Table is pulumi_state when empty.
	Table string
	// Parameters are further ones of the driver's, such as sslmode.
	Parameters map[string]string
	Version    *version.Version
}

// PulumiS3URL is the address that `pulumi login` and PULUMI_BACKEND_URL take for
// a state in S3. The parameters are in a fixed order, so that the address does
// not change between runs. Only scheme, host and path of endpoint are kept, which
// are all that an endpoint is made of; one without a scheme is taken to be https.
// Every version of the CLI accepts it: disableSSL, which 3.245 refuses, is not
// needed beside an endpoint with a scheme.
func PulumiS3URL(bucket, prefix, region, endpoint string, pathStyle bool) string {
	return PulumiS3{Bucket: bucket, Prefix: prefix, Region: region, Endpoint: endpoint, PathStyle: pathStyle}.text()
}

// URL is the address, after all of it was checked against what the CLI of
// p.Version accepts. Errors are *FieldError and *CredentialError.
func (p PulumiS3) URL() (string, error) {
	if err := p.validate(); err != nil {
		return "", err
	}
	return p.text(), nil
}

func (p PulumiS3) validate() error {
	if err := ValidateBucket("bucket", p.Bucket, p.Endpoint == ""); err != nil {
		return err
	}
	if prefix := strings.Trim(p.Prefix, "/"); prefix != "" {
		if err := ValidateKey("prefix", prefix); err != nil {
			return err
		}
	}
	if err := ValidateEndpoint("endpoint", withScheme(p.Endpoint)); err != nil {
		return err
	}
	for _, f := range []struct{ name, value string }{{"region", p.Region}, {"profile", p.Profile}} {
		if err := checkText(f.name, f.value); err != nil {
			return err
		}
	}
	return checkPulumiParameters(p.Parameters, p.Version)
}

func (p PulumiS3) text() string {
	u := url.URL{Scheme: s3Type, Host: p.Bucket}
	if prefix := strings.Trim(p.Prefix, "/"); prefix != "" {
		u.Path = "/" + prefix
	}
	var q query
	q.add("region", p.Region)
	if endpoint := withScheme(p.Endpoint); endpoint != "" {
		if e, err := url.Parse(endpoint); err == nil {
			bare := url.URL{Scheme: e.Scheme, Host: e.Host, Path: strings.TrimSuffix(e.Path, "/")}
			q.add("endpoint", bare.String())
		}
	}
	q.add("profile", p.Profile)
	if p.PathStyle {
		// The older name, which the new versions take as well.
		q.add("s3ForcePathStyle", "true")
	}
	more := maps.Clone(p.Parameters)
	if value := p.checksums(); value != "" && more[checksumParameter] == "" {
		if more == nil {
			more = map[string]string{}
		}
		more[checksumParameter] = value
	}
	q.all(more)
	u.RawQuery = q.String()
	return u.String()
}

const checksumParameter = "request_checksum_calculation"

// checksums is what a version has to be told beside an endpoint, or "". Before 3.245
// it does not know the parameter. 3.245 to 3.255 send checksums in trailers, which
// other services than AWS may refuse. 3.256 and 3.257 would leave them out, but then
// send the word UNSIGNED-PAYLOAD for one, which MinIO and R2 refuse.
func (p PulumiS3) checksums() string {
	if p.Endpoint == "" || p.Version == nil {
		return ""
	}
	switch v := p.Version.Core(); {
	case v.LessThan(pulumi3245), v.GreaterThanOrEqual(pulumi3258):
		return ""
	case v.LessThan(pulumi3256):
		return "when_required"
	}
	return "when_supported"
}

// pulumiSince is true for an unknown version, which stands for the newest.
func pulumiSince(v, since *version.Version) bool {
	return v == nil || v.Core().GreaterThanOrEqual(since)
}

func withScheme(endpoint string) string {
	if endpoint == "" || strings.Contains(endpoint, "://") {
		return endpoint
	}
	return "https://" + endpoint
}

// URL is the address, checked. Errors are *FieldError and *CredentialError.
func (p PulumiPostgres) URL() (string, error) {
	if err := p.validate(); err != nil {
		return "", err
	}
	u := url.URL{Scheme: postgresScheme, Host: p.Host, Path: "/" + p.Database}
	if strings.Contains(p.Host, ":") {
		u.Host = "[" + p.Host + "]"
	}
	if p.Port != 0 {
		u.Host += ":" + strconv.Itoa(p.Port)
	}
	var q query
	q.add("table", p.Table)
	q.all(p.Parameters)
	u.RawQuery = q.String()
	return u.String(), nil
}

func (p PulumiPostgres) validate() error {
	refuse := func(field, format string, a ...any) error {
		return &FieldError{Field: field, Reason: fmt.Sprintf(format, a...)}
	}
	switch {
	case p.Version != nil && !pulumiSince(p.Version, pulumiPostgres):
		return refuse("tool_version", "is %s; Pulumi keeps states in PostgreSQL since 2025, and %s is the oldest version known to do so", p.Version, pulumiPostgres)
	case p.Database == "":
		return refuse("database", "is empty; name the database")
	case p.Port < 0 || p.Port > 65535:
		return refuse("port", "is %d; a port is a number from 1 to 65535", p.Port)
	case strings.ContainsAny(p.Host, "/@?#[]% "), strings.Contains(p.Host, ":") && !isIP(p.Host):
		return refuse("host", "is %q, which is no host name or IP address; give the folder of a Unix socket in PGHOST", p.Host)
	case p.Table != "" && !plainTable(p.Table):
		return refuse("table", "is %q; Pulumi writes the table's name into SQL as it is, so use lower-case letters, digits and _ only, starting with a letter or _, and search_path for another schema", p.Table)
	}
	for _, f := range []struct{ name, value string }{{"host", p.Host}, {"database", p.Database}} {
		if err := checkText(f.name, f.value); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Parameters)) {
		if name == "table" {
			return refuse("parameters", "has table, which is a setting of its own")
		}
		if err := checkPostgresParameter("parameters["+strconv.Quote(name)+"]", name, p.Parameters[name]); err != nil {
			return err
		}
	}
	return nil
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// plainTable leaves room for _key_prefix_idx, which Pulumi appends.
func plainTable(s string) bool {
	const suffix = "_key_prefix_idx"
	for i, r := range s {
		if r != '_' && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != "" && len(s)+len(suffix) <= maxIdentifierBytes
}

// query collects parameters in the order in which they are to be written.
type query []string

func (q *query) add(name, value string) {
	if value == "" {
		return
	}
	// Colons and slashes are legal in a query, and people read these.
	escaped := strings.NewReplacer("%3A", ":", "%2F", "/").Replace(url.QueryEscape(value))
	*q = append(*q, url.QueryEscape(name)+"="+escaped)
}

func (q *query) all(parameters map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		q.add(name, parameters[name])
	}
}

// String is the query without its question mark.
func (q query) String() string { return strings.Join(q, "&") }

// ParsePulumiVersion reads a version of the Pulumi CLI; empty and "latest" are nil.
func ParsePulumiVersion(s string) (*version.Version, error) {
	if s == "" || s == "latest" {
		return nil, nil //nolint:nilnil // no version is a version here: the newest
	}
	v, err := version.NewVersion(strings.TrimPrefix(s, "v"))
	if err != nil {
		return nil, &FieldError{Field: "tool_version", Reason: fmt.Sprintf("is %q, which is no version; write it like 3.258.0", s)}
	}
	if v.Core().Segments()[0] != 3 {
		return nil, &FieldError{Field: "tool_version", Reason: fmt.Sprintf("is %q; groundwork knows version 3 of the Pulumi CLI", s)}
	}
	return v, nil
}
