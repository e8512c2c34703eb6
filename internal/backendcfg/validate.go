package backendcfg

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxKeyBytes is what S3 allows for an object's name.
const maxKeyBytes = 1024

// lockSuffix is what the tools append to the state's key for their lock object.
const lockSuffix = ".tflock"

// kmsKeyShape is what both tools accept: a key's ID, a multi-region ID, an alias,
// or the ARN of one.
var kmsKeyShape = regexp.MustCompile(`^(?:arn:[\w-]+:kms:[\w-]+:\d+:(?:key/(?:` + kmsID + `)|` + kmsAlias + `)|` + kmsID + `|` + kmsAlias + `)$`)

const (
	kmsID    = `[a-f0-9]{8}-[a-f0-9]{4}-[1-5][a-f0-9]{3}-[ab89][a-f0-9]{3}-[a-f0-9]{12}|mrk-[a-f0-9]{32}`
	kmsAlias = `alias/[a-zA-Z0-9/_-]+`
)

var bucketShape = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if err := c.validatePlace(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, r := range c.RemoteStates {
		if seen[r.Name] {
			return &FieldError{Field: "remote_states", Reason: fmt.Sprintf("has %q twice; names must differ", r.Name)}
		}
		seen[r.Name] = true
		if err := r.validate(c); err != nil {
			return err
		}
	}
	return nil
}

// validatePlace checks where the state is, and its lock.
func (c Config) validatePlace() error {
	if err := c.LockDatabase.validate(); err != nil {
		return err
	}
	switch {
	case c.PG != nil:
		return c.validatePG()
	case c.HTTP != nil:
		return c.validateHTTP()
	case c.Pulumi != nil:
		return c.Pulumi.validate()
	}
	if err := c.S3.validate(""); err != nil {
		return err
	}
	return c.validateLock()
}

func (c Config) validateLock() error {
	switch c.Lock.Mode {
	case "", LockNone:
	case LockLockfile:
		if !c.Target.lockfile() {
			return &LockError{LockLockfile, c.Target, "use_lockfile needs version 1.10 or newer"}
		}
		if len(c.S3.Key)+len(lockSuffix) > maxKeyBytes {
			return &FieldError{Field: "key", Reason: fmt.Sprintf("is %d bytes long, which leaves no room for %s within S3's %d; shorten it", len(c.S3.Key), lockSuffix, maxKeyBytes)}
		}
	case LockDynamoDB:
		if c.Lock.DynamoDBTable == "" {
			return &FieldError{Field: "dynamodb_table", Reason: "is empty; name the lock table"}
		}
		return checkText("dynamodb_table", c.Lock.DynamoDBTable)
	default:
		return &FieldError{Field: "lock", Reason: fmt.Sprintf("is %q, which is not resolved; call ResolveLock first", string(c.Lock.Mode))}
	}
	return nil
}

// validate checks s; prefix comes before the names of fields in errors.
func (s S3) validate(prefix string) error {
	if err := ValidateBucket(prefix+"bucket", s.Bucket, s.Endpoint == ""); err != nil {
		return err
	}
	if err := ValidateKey(prefix+"key", s.Key); err != nil {
		return err
	}
	if s.WorkspaceKeyPrefix != "" {
		if err := ValidateKey(prefix+"workspace_key_prefix", s.WorkspaceKeyPrefix); err != nil {
			return err
		}
	}
	for _, e := range []struct{ name, value string }{
		{"endpoint", s.Endpoint}, {"dynamodb_endpoint", s.DynamoDBEndpoint}, {"sts_endpoint", s.STSEndpoint},
	} {
		if err := ValidateEndpoint(prefix+e.name, e.value); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, value string }{
		{"region", s.Region}, {"kms_key_id", s.KMSKeyID}, {"profile", s.Profile}, {"ca_bundle", s.CABundle},
	} {
		if err := checkText(prefix+f.name, f.value); err != nil {
			return err
		}
	}
	if s.KMSKeyID != "" && !kmsKeyShape.MatchString(s.KMSKeyID) {
		return &FieldError{Field: prefix + "kms_key_id", Reason: fmt.Sprintf("is %q; the tools accept a KMS key ID, alias/NAME or the ARN of either", s.KMSKeyID)}
	}
	if s.MaxRetries != nil && *s.MaxRetries < 0 {
		return &FieldError{Field: prefix + "max_retries", Reason: fmt.Sprintf("is %d; use 0 or more", *s.MaxRetries)}
	}
	return s.AssumeRole.validate(prefix)
}

func (a *AssumeRole) validate(prefix string) error {
	if a == nil {
		return nil
	}
	prefix += "assume_role."
	if a.RoleARN == "" {
		return &FieldError{Field: prefix + "role_arn", Reason: "is empty; name the role, or leave assume_role out"}
	}
	if a.Duration < 0 {
		return &FieldError{Field: prefix + "duration", Reason: "is negative"}
	}
	texts := []struct{ name, value string }{
		{"role_arn", a.RoleARN}, {"session_name", a.SessionName}, {"external_id", a.ExternalID},
	}
	for _, v := range a.PolicyARNs {
		texts = append(texts, struct{ name, value string }{"policy_arns", v})
	}
	for _, v := range a.TransitiveTagKeys {
		texts = append(texts, struct{ name, value string }{"transitive_tag_keys", v})
	}
	for k, v := range a.Tags {
		texts = append(texts, struct{ name, value string }{"tags", k}, struct{ name, value string }{"tags", v})
	}
	for _, t := range texts {
		if err := checkText(prefix+t.name, t.value); err != nil {
			return err
		}
	}
	return checkValue(prefix+"policy", a.Policy)
}

func (r RemoteState) validate(c Config) error {
	if !hclsyntax.ValidIdentifier(r.Name) {
		return &FieldError{Field: "remote_states", Reason: fmt.Sprintf("has the name %q, which cannot name a data source; use letters, digits, _ and -, starting with a letter", r.Name)}
	}
	prefix := fmt.Sprintf("remote_states[%q].", r.Name)
	if err := r.validatePlace(prefix, c); err != nil {
		return err
	}
	if err := checkText(prefix+"workspace", r.Workspace); err != nil {
		return err
	}
	_, err := defaultsValue(prefix+"defaults", r.Defaults)
	return err
}

func (r RemoteState) validatePlace(prefix string, c Config) error {
	if c.HTTP != nil {
		if r.S3 != nil || r.PG != nil || r.Key != "" || r.Bucket != "" {
			return &FieldError{Field: strings.TrimSuffix(prefix, "."), Reason: "is elsewhere, and the backend is of type http; both have to be of one type"}
		}
		return r.httpSettings(*c.HTTP).validate(prefix)
	}
	switch {
	case r.HTTP != nil:
		return &FieldError{Field: strings.TrimSuffix(prefix, "."), Reason: "is of type http, and the backend is not; both have to be of one type"}
	case c.PG == nil && r.PG != nil:
		return &FieldError{Field: strings.TrimSuffix(prefix, "."), Reason: "is in PostgreSQL, and the backend is not; both have to be of one type"}
	case c.PG == nil:
		return r.settings(c.S3).validate(prefix)
	case r.S3 != nil || r.Key != "" || r.Bucket != "":
		return &FieldError{Field: strings.TrimSuffix(prefix, "."), Reason: "is in a bucket, and the backend is in PostgreSQL; both have to be of one type"}
	}
	return r.pgSettings(*c.PG).validate(prefix, c.Target)
}

// ValidateBucket checks a bucket's name by the rules that all services share;
// aws adds the names that AWS reserves.
func ValidateBucket(field, name string, aws bool) error {
	if err := checkValue(field, name); err != nil {
		return err
	}
	refuse := func(reason string) error { return &FieldError{Field: field, Reason: reason} }
	switch {
	case name == "":
		return refuse("is empty; name the bucket")
	case !bucketShape.MatchString(name):
		return refuse(fmt.Sprintf("is %q; a bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots, and starts and ends with a letter or digit", name))
	case strings.Contains(name, ".."):
		return refuse(fmt.Sprintf("is %q; dots must not be adjacent", name))
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return refuse(fmt.Sprintf("is %q, which is an IP address", name))
	}
	if aws {
		for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
			if strings.HasPrefix(name, p) {
				return refuse(fmt.Sprintf("is %q; AWS reserves names that start with %s", name, p))
			}
		}
		for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
			if strings.HasSuffix(name, s) {
				return refuse(fmt.Sprintf("is %q; AWS reserves names that end with %s", name, s))
			}
		}
	}
	return nil
}

// ValidateKey checks an object's name, or a prefix of one, by what S3 and both
// tools accept.
func ValidateKey(field, key string) error {
	if key == "" {
		return &FieldError{Field: field, Reason: "is empty; write it like infra/terraform.tfstate"}
	}
	if err := checkText(field, key); err != nil {
		return err
	}
	refuse := func(why, fix string) error {
		return &FieldError{Field: field, Reason: fmt.Sprintf("is %q, which %s; %s", key, why, fix)}
	}
	switch {
	case len(key) > maxKeyBytes:
		return &FieldError{Field: field, Reason: fmt.Sprintf("is %d bytes long; S3 allows %d", len(key), maxKeyBytes)}
	case strings.HasPrefix(key, "/"):
		return refuse("starts with /", "remove it: S3 keys have no root")
	case strings.HasSuffix(key, "/"):
		return refuse("ends with /", "name the object, not a folder")
	case strings.Contains(key, "//"):
		return refuse("contains //", "use one / between the parts")
	case strings.Contains(key, ".."):
		return refuse("contains ..", "write the path without it: S3 does not resolve paths")
	}
	return nil
}

// ValidateEndpoint checks the URL of a service; empty is allowed. Errors never
// quote it, since it may carry a password.
func ValidateEndpoint(field, endpoint string) error {
	if endpoint == "" {
		return nil
	}
	if err := checkText(field, endpoint); err != nil {
		return err
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return &FieldError{Field: field, Reason: "is no URL; write it like https://s3.fr-par.scw.cloud"}
	}
	switch {
	case u.User != nil:
		return &CredentialError{Field: field, Kind: "a URL with a user name or password"}
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return &CredentialError{Field: field, Kind: "a URL with a query or fragment, where signatures and keys travel"}
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Hostname() == "":
		return &FieldError{Field: field, Reason: "has no http:// or https:// and host; write it like https://s3.fr-par.scw.cloud"}
	}
	return nil
}

// checkText refuses credentials and what has no place in a single line.
func checkText(field, value string) error {
	if err := checkValue(field, value); err != nil {
		return err
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			return &FieldError{Field: field, Reason: "holds a control character"}
		}
	}
	return nil
}

// checkValue refuses credentials and text that HCL would change on the way.
func checkValue(field, value string) error {
	if !utf8.ValidString(value) {
		return &FieldError{Field: field, Reason: "is not valid UTF-8"}
	}
	if kind := credentialKind(value); kind != "" {
		return &CredentialError{Field: field, Kind: kind}
	}
	if cty.NormalizeString(value) != value {
		return &FieldError{Field: field, Reason: "has accents written apart from their letters (NFD); " +
			"Terraform would join them and use another name: write it in NFC"}
	}
	return nil
}
