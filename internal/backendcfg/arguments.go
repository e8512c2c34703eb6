package backendcfg

import (
	"fmt"
	"math"
	"sort"

	"github.com/zclconf/go-cty/cty"
)

const (
	requestChecksum  = "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
	responseChecksum = "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"
)

// argument is one name = value of a backend block.
type argument struct {
	name  string
	value cty.Value
}

func text(name, value string) argument { return argument{name, cty.StringVal(value)} }

// arguments collects the ones that have a value.
type arguments []argument

func (a *arguments) text(name, value string) {
	if value != "" {
		*a = append(*a, text(name, value))
	}
}

func (a *arguments) flag(name string, set bool) {
	if set {
		*a = append(*a, argument{name, cty.True})
	}
}

func (a *arguments) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	vals := make([]cty.Value, len(values))
	for i, v := range values {
		vals[i] = cty.StringVal(v)
	}
	*a = append(*a, argument{name, cty.TupleVal(vals)})
}

func (a *arguments) object(name string, values map[string]string) {
	vals := map[string]cty.Value{}
	for k, v := range values {
		if v != "" {
			vals[k] = cty.StringVal(v)
		}
	}
	if len(vals) > 0 {
		*a = append(*a, argument{name, cty.ObjectVal(vals)})
	}
}

// backendArguments are those of the backend block, in groups.
func backendArguments(c Config) [][]argument {
	if c.PG != nil {
		return pgArguments(*c.PG)
	}
	if c.HTTP != nil {
		return httpArguments(*c.HTTP)
	}
	groups := readArguments(c.S3, c.Target)
	var keep arguments
	if c.S3.Encrypt != nil {
		keep = append(keep, argument{"encrypt", cty.BoolVal(*c.S3.Encrypt)})
	}
	keep.text("kms_key_id", c.S3.KMSKeyID)
	switch c.Lock.Mode {
	case LockLockfile:
		keep.flag("use_lockfile", true)
	case LockDynamoDB:
		keep.text("dynamodb_table", c.Lock.DynamoDBTable)
	}
	// After the names, before the flags.
	return append([][]argument{groups[0], keep}, groups[1:]...)
}

// readArguments are those that a reader of the state needs as well.
func readArguments(s S3, t Target) [][]argument {
	var names, flags, client arguments
	names.text("bucket", s.Bucket)
	names.text("key", s.Key)
	names.text("region", s.Region)
	names.text("workspace_key_prefix", s.WorkspaceKeyPrefix)
	names.text("profile", s.Profile)

	flags.flag("skip_credentials_validation", s.Flags.SkipCredentialsValidation)
	flags.flag("skip_region_validation", s.Flags.SkipRegionValidation)
	flags.flag("skip_requesting_account_id", s.Flags.SkipRequestingAccountID && t.terraformSince(v161))
	flags.flag("skip_metadata_api_check", s.Flags.SkipMetadataAPICheck)
	flags.flag("skip_s3_checksum", s.Flags.SkipS3Checksum && t.terraformSince(v163))
	if t.nestedArguments() {
		flags.flag("use_path_style", s.Flags.UsePathStyle)
		client.text("custom_ca_bundle", s.CABundle)
	} else {
		flags.flag("force_path_style", s.Flags.UsePathStyle)
	}
	if s.MaxRetries != nil {
		client = append(client, argument{"max_retries", cty.NumberIntVal(int64(*s.MaxRetries))})
	}
	return [][]argument{names, flags, client, endpointArguments(s, t), roleArguments(s.AssumeRole, t)}
}

func endpointArguments(s S3, t Target) []argument {
	var a arguments
	if t.nestedArguments() {
		a.object("endpoints", map[string]string{"s3": s.Endpoint, "dynamodb": s.DynamoDBEndpoint, "sts": s.STSEndpoint})
		return a
	}
	a.text("endpoint", s.Endpoint)
	a.text("dynamodb_endpoint", s.DynamoDBEndpoint)
	a.text("sts_endpoint", s.STSEndpoint)
	return a
}

func roleArguments(r *AssumeRole, t Target) []argument {
	if r == nil {
		return nil
	}
	if !t.nestedArguments() {
		return flatRoleArguments(r)
	}
	var in arguments
	in.text("role_arn", r.RoleARN)
	in.text("session_name", r.SessionName)
	in.text("external_id", r.ExternalID)
	if r.Duration > 0 {
		in.text("duration", r.Duration.String())
	}
	in.text("policy", r.Policy)
	in.texts("policy_arns", r.PolicyARNs)
	in.object("tags", r.Tags)
	in.texts("transitive_tag_keys", r.TransitiveTagKeys)
	vals := make(map[string]cty.Value, len(in))
	for _, a := range in {
		vals[a.name] = a.value
	}
	return []argument{{"assume_role", cty.ObjectVal(vals)}}
}

// flatRoleArguments are how Terraform before 1.6 spelled assume_role.
func flatRoleArguments(r *AssumeRole) []argument {
	var a arguments
	a.text("role_arn", r.RoleARN)
	a.text("session_name", r.SessionName)
	a.text("external_id", r.ExternalID)
	if r.Duration > 0 {
		a = append(a, argument{"assume_role_duration_seconds", cty.NumberIntVal(int64(r.Duration.Seconds()))})
	}
	a.text("assume_role_policy", r.Policy)
	a.texts("assume_role_policy_arns", r.PolicyARNs)
	a.object("assume_role_tags", r.Tags)
	a.texts("assume_role_transitive_tag_keys", r.TransitiveTagKeys)
	return a
}

// Warnings are what the user should know about c: the lock's, and what the
// targeted version lacks.
func (c Config) Warnings() []Warning {
	out := append([]Warning(nil), c.Lock.Warnings...)
	lacks := func(argument, since, effect string) {
		out = append(out, Warning{"argument_unavailable",
			fmt.Sprintf("%s does not have %s (added in %s), so it was left out: %s", c.Target, argument, since, effect)})
	}
	switch {
	case c.PG != nil:
		return out
	case c.HTTP != nil:
		return append(out, c.HTTP.httpWarnings()...)
	case c.Pulumi != nil:
		if p := c.Pulumi.S3; p != nil {
			out = append(out, PulumiWarnings(p.Version, p.Endpoint)...)
		}
		return out
	}
	f := c.S3.Flags
	if f.SkipRequestingAccountID && c.Target.atLeast(v160) && !c.Target.terraformSince(v161) {
		lacks("skip_requesting_account_id", "1.6.1", "it asks AWS for an account ID, which fails on other services; use 1.6.1 or newer.")
	}
	if f.SkipS3Checksum && c.Target.atLeast(v160) && !c.Target.terraformSince(v163) {
		lacks("skip_s3_checksum", "1.6.3", "this service may refuse its uploads; use 1.6.3 or newer.")
	}
	if c.S3.CABundle != "" && !c.Target.nestedArguments() {
		lacks("custom_ca_bundle", "1.6.0", "set AWS_CA_BUNDLE in the environment.")
	}
	if needsChecksumEnvironment(c) {
		out = append(out, Warning{"checksum_environment",
			"No backend argument stops Terraform from sending checksums that this service refuses: set " +
				requestChecksum + " and " + responseChecksum + " in the environment."})
	}
	return out
}

// WarningsFor are those that matter in a format: a .env file says nothing about the
// backend's lock, and sets the variables that a service needs.
func (c Config) WarningsFor(f Format) []Warning {
	if f == FormatDotenv && c.Pulumi == nil {
		return nil
	}
	return c.Warnings()
}

// needsChecksumEnvironment: in Terraform, skip_s3_checksum leaves the SDK's own
// CRC32 on. OpenTofu's switches both off.
func needsChecksumEnvironment(c Config) bool {
	return c.PG == nil && c.HTTP == nil && c.Pulumi == nil && c.S3.Flags.SkipS3Checksum && c.Target.Tool != OpenTofu && c.Target.atLeast(v160)
}

// defaultsValue turns JSON-like values into an object, refusing secrets.
func defaultsValue(field string, m map[string]any) (cty.Value, error) {
	vals := make(map[string]cty.Value, len(m))
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		name := fmt.Sprintf("%s[%q]", field, k)
		if err := checkValue(name, k); err != nil {
			return cty.NilVal, err
		}
		if s, ok := m[k].(string); ok && s != "" && secretName(k) {
			return cty.NilVal, &CredentialError{Field: name, Kind: "a secret, by its name"}
		}
		v, err := anyValue(name, m[k])
		if err != nil {
			return cty.NilVal, err
		}
		vals[k] = v
	}
	return cty.ObjectVal(vals), nil
}

func anyValue(field string, v any) (cty.Value, error) {
	switch v := v.(type) {
	case nil:
		return cty.NullVal(cty.DynamicPseudoType), nil
	case bool:
		return cty.BoolVal(v), nil
	case int:
		return cty.NumberIntVal(int64(v)), nil
	case int64:
		return cty.NumberIntVal(v), nil
	case float64:
		return floatValue(field, v)
	case string:
		return cty.StringVal(v), checkValue(field, v)
	case []any:
		out := make([]cty.Value, len(v))
		for i := range v {
			var err error
			if out[i], err = anyValue(fmt.Sprintf("%s[%d]", field, i), v[i]); err != nil {
				return cty.NilVal, err
			}
		}
		return cty.TupleVal(out), nil
	case map[string]any:
		return defaultsValue(field, v)
	}
	return cty.NilVal, &FieldError{Field: field, Reason: fmt.Sprintf("is a %T; use strings, numbers, booleans, lists and maps", v)}
}

func floatValue(field string, v float64) (cty.Value, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return cty.NilVal, &FieldError{Field: field, Reason: "is not a finite number"}
	}
	return cty.NumberFloatVal(v), nil
}
