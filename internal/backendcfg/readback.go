package backendcfg

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// ReadBack is the inverse of the renderers: the settings that a text says, be it a
// whole file, a Fragment's or a partial configuration. Arguments that are not
// literal, or that groundwork never writes, are left out; so is the Target, which
// does not show. Every remote state comes with an S3 of its own. Found is false
// when there is no backend in the text that groundwork knows.
func ReadBack(text string) (c Config, found bool, err error) {
	d, err := parseDocument("", []byte(text))
	if err != nil {
		return Config{}, false, err
	}
	body, kind := backendBody(d.body)
	if body == nil {
		return Config{}, false, nil
	}
	in := literals(body)
	switch kind {
	case pgType:
		c.PG = in.pg()
	case httpType:
		c.HTTP = in.http()
	default:
		c.S3, c.Lock = in.s3(), in.lock()
	}
	for _, b := range d.blocks().remote {
		if r, ok := remoteState(b, kind); ok {
			c.RemoteStates = append(c.RemoteStates, r)
		}
	}
	return c, true, nil
}

// headerStart begins the comment at the top of whole files.
const headerStart = "# Managed by groundwork: "

// WholeFile is true for the text of a whole file, or of a partial configuration,
// that groundwork wrote.
func WholeFile(text string) bool {
	return strings.HasPrefix(strings.TrimPrefix(text, "\ufeff"), headerStart)
}

// Managed is true if the backend carries groundwork's comment.
func (f Fragment) Managed() bool {
	_, managed := markerOf(f.Backend)
	return managed
}

// backendBody is where the backend's arguments stand, and its type, or nil.
func backendBody(body *hclsyntax.Body) (*hclsyntax.Body, string) {
	if len(body.Blocks) == 0 && len(body.Attributes) > 0 {
		return body, partialType(body)
	}
	for _, b := range body.Blocks {
		switch {
		case b.Type == "backend" && len(b.Labels) == 1 && editable(b.Labels[0]):
			return b.Body, b.Labels[0]
		case b.Type == "terraform" && len(b.Body.Blocks) > 0:
			if inner, kind := backendBody(b.Body); inner != nil && inner != b.Body {
				return inner, kind
			}
		}
	}
	return nil, ""
}

// partialType tells by its arguments what a partial configuration completes.
func partialType(body *hclsyntax.Body) string {
	kind := s3Type
	for name := range body.Attributes {
		switch {
		case name == "bucket" || name == "key":
			return s3Type
		case slices.Contains(pgNames, name):
			kind = pgType
		case slices.Contains(httpNames, name):
			kind = httpType
		}
	}
	return kind
}

// remoteState reads a data source; one of another type than the backend is none.
func remoteState(b *hclsyntax.Block, kind string) (RemoteState, bool) {
	in := literals(b.Body)
	if in.text("backend") != kind {
		return RemoteState{}, false
	}
	r := RemoteState{Name: b.Labels[1], Workspace: in.text("workspace")}
	switch kind {
	case pgType:
		r.PG = in.object("config").pg()
	case httpType:
		r.HTTP = in.object("config").http()
	default:
		s := in.object("config").s3()
		r.Key, r.Bucket, r.S3 = s.Key, s.Bucket, &s
	}
	if v, ok := in["defaults"]; ok {
		r.Defaults, _ = plainValue(v).(map[string]any)
	}
	return r, true
}

// values are the arguments of a block whose value is literal.
type values map[string]cty.Value

func literals(body *hclsyntax.Body) values {
	out := values{}
	for name, a := range body.Attributes {
		if v, ok := nativeLiteral(a.Expr); ok && !v.IsNull() {
			out[name] = v
		}
	}
	return out
}

func (in values) text(name string) string {
	if v, ok := in[name]; ok && v.Type() == cty.String && !v.IsNull() {
		return v.AsString()
	}
	return ""
}

func (in values) flag(name string) *bool {
	if v, ok := in[name]; ok && v.Type() == cty.Bool && !v.IsNull() {
		set := v.True()
		return &set
	}
	return nil
}

func (in values) isSet(name string) bool {
	set := in.flag(name)
	return set != nil && *set
}

func (in values) number(name string) *int {
	v, ok := in[name]
	if !ok || v.Type() != cty.Number || v.IsNull() {
		return nil
	}
	n, _ := v.AsBigFloat().Int64()
	if n < math.MinInt32 || n > math.MaxInt32 {
		return nil
	}
	out := int(n)
	return &out
}

func (in values) object(name string) values {
	v, ok := in[name]
	if !ok || !v.Type().IsObjectType() || v.IsNull() {
		return nil
	}
	return v.AsValueMap()
}

func (in values) textMap(name string) map[string]string {
	var out map[string]string
	for k, v := range in.object(name) {
		if v.Type() == cty.String && !v.IsNull() {
			if out == nil {
				out = map[string]string{}
			}
			out[k] = v.AsString()
		}
	}
	return out
}

func (in values) texts(name string) []string {
	v, ok := in[name]
	if !ok || v.IsNull() || !v.Type().IsTupleType() {
		return nil
	}
	var out []string
	for _, e := range v.AsValueSlice() {
		if e.Type() == cty.String && !e.IsNull() {
			out = append(out, e.AsString())
		}
	}
	return out
}

// or is the first of two spellings that is there: the present one, or the one from
// before Terraform 1.6.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (in values) s3() S3 {
	endpoints := in.object("endpoints")
	return S3{
		Bucket: in.text("bucket"), Key: in.text("key"), Region: in.text("region"),
		Endpoint:           or(endpoints.text("s3"), in.text("endpoint")),
		DynamoDBEndpoint:   or(endpoints.text("dynamodb"), in.text("dynamodb_endpoint")),
		STSEndpoint:        or(endpoints.text("sts"), in.text("sts_endpoint")),
		WorkspaceKeyPrefix: in.text("workspace_key_prefix"),
		Encrypt:            in.flag("encrypt"), KMSKeyID: in.text("kms_key_id"), Profile: in.text("profile"),
		CABundle: in.text("custom_ca_bundle"), MaxRetries: in.number("max_retries"),
		Flags: Flags{
			SkipCredentialsValidation: in.isSet("skip_credentials_validation"),
			SkipRegionValidation:      in.isSet("skip_region_validation"),
			SkipRequestingAccountID:   in.isSet("skip_requesting_account_id"),
			SkipMetadataAPICheck:      in.isSet("skip_metadata_api_check"),
			SkipS3Checksum:            in.isSet("skip_s3_checksum"),
			UsePathStyle:              in.isSet("use_path_style") || in.isSet("force_path_style"),
		},
		AssumeRole: in.role(),
	}
}

func (in values) role() *AssumeRole {
	r := in.object("assume_role")
	if r == nil {
		return in.flatRole()
	}
	d, err := time.ParseDuration(r.text("duration"))
	if err != nil {
		d = 0
	}
	return &AssumeRole{
		RoleARN: r.text("role_arn"), SessionName: r.text("session_name"), ExternalID: r.text("external_id"),
		Duration: d, Policy: r.text("policy"), PolicyARNs: r.texts("policy_arns"), Tags: r.textMap("tags"),
		TransitiveTagKeys: r.texts("transitive_tag_keys"),
	}
}

func (in values) flatRole() *AssumeRole {
	if in.text("role_arn") == "" {
		return nil
	}
	r := &AssumeRole{
		RoleARN: in.text("role_arn"), SessionName: in.text("session_name"), ExternalID: in.text("external_id"),
		Policy: in.text("assume_role_policy"), PolicyARNs: in.texts("assume_role_policy_arns"),
		Tags: in.textMap("assume_role_tags"), TransitiveTagKeys: in.texts("assume_role_transitive_tag_keys"),
	}
	if n := in.number("assume_role_duration_seconds"); n != nil {
		r.Duration = time.Duration(*n) * time.Second
	}
	return r
}

func (in values) lock() Resolved {
	switch table := in.text("dynamodb_table"); {
	case in.isSet("use_lockfile"):
		return Resolved{Mode: LockLockfile}
	case table != "":
		return Resolved{Mode: LockDynamoDB, DynamoDBTable: table}
	}
	return Resolved{Mode: LockNone}
}

// plainValue is v as encoding/json would have it.
func plainValue(v cty.Value) any {
	switch t := v.Type(); {
	case v.IsNull():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Bool:
		return v.True()
	case t == cty.Number:
		n, _ := v.AsBigFloat().Float64()
		return n
	case t.IsTupleType():
		out := make([]any, 0, v.LengthInt())
		for _, e := range v.AsValueSlice() {
			out = append(out, plainValue(e))
		}
		return out
	case t.IsObjectType():
		out := make(map[string]any, v.LengthInt())
		for k, e := range v.AsValueMap() {
			out[k] = plainValue(e)
		}
		return out
	}
	return nil
}
