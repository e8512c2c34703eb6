package s3store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The access levels.
const (
	AccessReadOnly  = "read-only"
	AccessReadWrite = "read-write"
	AccessAdmin     = "admin"
)

// AccessLevels lists the levels from least to most.
func AccessLevels() []string { return []string{AccessReadOnly, AccessReadWrite, AccessAdmin} }

// Access lets principals in at a level, to the whole bucket or to the keys under a prefix.
type Access struct {
	Level      string
	Principals []string
	Prefix     string
}

// bucketActions and objectActions are what a level needs: read-write is exactly what Terraform,
// OpenTofu and Pulumi call on their state, plus what groundwork needs to show history.
var (
	bucketActions = map[string][]string{
		AccessReadOnly:  {"s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketLocation"},
		AccessReadWrite: {"s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"},
	}
	objectActions = map[string][]string{
		AccessReadOnly:  {"s3:GetObject", "s3:GetObjectVersion"},
		AccessReadWrite: {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
		AccessAdmin:     {"s3:*"},
	}
)

type statementJSON struct {
	Sid       string         `json:"Sid"`
	Effect    string         `json:"Effect"`
	Principal any            `json:"Principal"`
	Action    any            `json:"Action"`
	Resource  any            `json:"Resource"`
	Condition map[string]any `json:"Condition,omitempty"`
}

func (s statementJSON) statement() Statement {
	raw, _ := json.Marshal(s) // strings and lists of strings always marshal
	return Statement{Sid: s.Sid, Raw: raw}
}

// policyWriter renders statements for one bucket in one dialect.
type policyWriter struct {
	dialect PolicyDialect
	bucket  string
	region  string
}

func (w policyWriter) version() string {
	if w.dialect == DialectScaleway {
		return "2023-04-17"
	}
	return "2012-10-17"
}

// BucketARN names a bucket in the AWS dialect, in the partition of its region.
func BucketARN(bucket, region string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":s3:::" + bucket
}

func (w policyWriter) resource(suffix string) string {
	if w.dialect == DialectScaleway {
		return w.bucket + suffix
	}
	return BucketARN(w.bucket, w.region) + suffix
}

func (w policyWriter) principal(ids []string) any {
	sorted := slices.Sorted(slices.Values(ids))
	if w.dialect == DialectScaleway {
		return map[string][]string{"SCW": sorted}
	}
	return map[string][]string{"AWS": sorted}
}

// requireTLS denies everything over plain http.
func (w policyWriter) requireTLS() Statement {
	return statementJSON{
		Sid: SidRequireTLS, Effect: "Deny", Principal: "*", Action: "s3:*",
		Resource:  []string{w.resource(""), w.resource("/*")},
		Condition: map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
	}.statement()
}

// caller keeps the door open for groundwork itself where a policy shuts out all it does not name.
func (w policyWriter) caller(principal string) Statement {
	return statementJSON{
		Sid: SidCaller, Effect: "Allow", Principal: w.principal([]string{principal}), Action: "s3:*",
		Resource: []string{w.resource(""), w.resource("/*")},
	}.statement()
}

// access renders one entry. S3 actions on the bucket and on its objects take different resources,
// and only the first can be narrowed by s3:prefix, hence two statements; all actions on everything
// take both resources in one.
func (w policyWriter) access(a Access) []Statement {
	sid := accessSid(a)
	if a.Level == AccessAdmin && a.Prefix == "" {
		return []Statement{statementJSON{
			Sid: sid, Effect: "Allow", Principal: w.principal(a.Principals), Action: []string{"s3:*"},
			Resource: []string{w.resource(""), w.resource("/*")},
		}.statement()}
	}
	list := statementJSON{
		Sid: sid + "-bucket", Effect: "Allow", Principal: w.principal(a.Principals),
		Action: bucketActions[a.Level], Resource: []string{w.resource("")},
	}
	if a.Prefix != "" {
		list.Condition = map[string]any{"StringLike": map[string][]string{"s3:prefix": {a.Prefix, a.Prefix + "*"}}}
		list.Action = []string{"s3:ListBucket", "s3:ListBucketVersions"}
	}
	objects := statementJSON{
		Sid: sid + "-objects", Effect: "Allow", Principal: w.principal(a.Principals),
		Action: objectActions[a.Level], Resource: []string{w.resource("/" + a.Prefix + "*")},
	}
	return []Statement{list.statement(), objects.statement()}
}

// accessSid is stable for a level and prefix, so that an entry keeps its statements when
// principals come and go.
func accessSid(a Access) string {
	sid := sidAccess + a.Level
	if a.Prefix != "" {
		sid += "-" + shortHash(a.Prefix)
	}
	return sid
}

// shortHash makes an identifier out of a text that has characters which identifiers lack.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

var (
	awsPrincipal = regexp.MustCompile(`^(arn:aws[a-z-]*:(iam|sts)::[0-9A-Za-z]*:.+|[A-Za-z0-9_+=,.@:/-]*:user/[^*]+)$`)
	awsAccount   = regexp.MustCompile(`^[0-9]{12}$`)
	keyPrincipal = regexp.MustCompile(`^[^\s:/"]+$`)
	scwPrincipal = regexp.MustCompile(`^(user_id|application_id):[0-9a-fA-F-]{36}$`)
)

// CheckAccess refuses what would be rendered wrongly or would open the bucket to everyone.
func CheckAccess(d PolicyDialect, entries []Access) error {
	seen := map[string]bool{}
	for _, a := range entries {
		if !slices.Contains(AccessLevels(), a.Level) {
			return fmt.Errorf("unknown access level %q; the levels are %s", a.Level, strings.Join(AccessLevels(), ", "))
		}
		if len(a.Principals) == 0 {
			return fmt.Errorf("the %s entry names no principal", a.Level)
		}
		if strings.ContainsAny(a.Prefix, "*?$") {
			return fmt.Errorf("the prefix %q has one of *, ? and $, which policies take for patterns and variables", a.Prefix)
		}
		if sid := accessSid(a); seen[sid] {
			return fmt.Errorf("two entries have level %q and prefix %q: put their principals into one", a.Level, a.Prefix)
		} else {
			seen[sid] = true
		}
		for _, p := range a.Principals {
			if err := CheckPrincipal(d, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckPrincipal checks one principal's spelling in a dialect.
func CheckPrincipal(d PolicyDialect, p string) error {
	if strings.Contains(p, "*") {
		return fmt.Errorf("the principal %q would open the state to everyone it matches: name each one", p)
	}
	if d == DialectScaleway && !scwPrincipal.MatchString(p) {
		return fmt.Errorf("the principal %q is none of Scaleway's: write user_id:<uuid> or application_id:<uuid>", p)
	}
	if d == DialectKeys && !keyPrincipal.MatchString(p) {
		return fmt.Errorf("the principal %q is no access key: the accounts of this service have no ARN, and its policies name them by access key", p)
	}
	if d == DialectAWS && awsAccount.MatchString(p) {
		// AWS stores it in the other spelling, which would show as a change for ever.
		return fmt.Errorf("write the account %s as arn:aws:iam::%s:root", p, p)
	}
	if d == DialectAWS && !awsPrincipal.MatchString(p) {
		return fmt.Errorf("the principal %q is no ARN of a user or role, such as arn:aws:iam::123456789012:role/ci", p)
	}
	return nil
}

// ObservedAccess reads groundwork's own access statements back. An entry whose statements were
// changed by hand is left out, so that a plan shows it as missing and an apply repairs it.
func (c *Client) ObservedAccess(bucket, region string, doc *PolicyDocument) []Access {
	w := c.policyWriter(bucket, region)
	var out []Access
	for _, s := range doc.Select(func(s Statement) bool { return isAccessSid(s.Sid) && !strings.HasSuffix(s.Sid, "-bucket") }) {
		if a, ok := w.parseAccess(s); ok && w.intact(a, doc) {
			out = append(out, a)
		}
	}
	return out
}

// intact tells whether all statements of an entry stand in the policy as they are written.
func (w policyWriter) intact(a Access, doc *PolicyDocument) bool {
	for _, want := range w.access(a) {
		have, found := doc.Find(want.Sid)
		if !found || !SameStatement(have.Raw, want.Raw) {
			return false
		}
	}
	return true
}

// parseAccess reads an entry out of its statement on objects, which names all of it.
func (w policyWriter) parseAccess(s Statement) (Access, bool) {
	var st struct {
		Principal map[string]stringList `json:"Principal"`
		Resource  stringList            `json:"Resource"`
	}
	if json.Unmarshal(s.Raw, &st) != nil {
		return Access{}, false
	}
	a := Access{Principals: st.Principal["AWS"]}
	if w.dialect == DialectScaleway {
		a.Principals = st.Principal["SCW"]
	}
	slices.Sort(a.Principals)
	for _, r := range st.Resource {
		prefix, onObjects := strings.CutPrefix(r, w.resource("/"))
		if !onObjects {
			continue
		}
		a.Prefix = strings.TrimSuffix(prefix, "*")
		for _, level := range AccessLevels() {
			a.Level = level
			if statements := w.access(a); statements[len(statements)-1].Sid == s.Sid {
				return a, true
			}
		}
	}
	return Access{}, false
}

// stringList reads both spellings of a list of one.
type stringList []string

// UnmarshalJSON implements json.Unmarshaler.
func (l *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = stringList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*l = many
	return nil
}

func (c *Client) policyWriter(bucket, region string) policyWriter {
	return policyWriter{dialect: c.profile.Dialect, bucket: bucket, region: region}
}

// RequiresTLS tells whether groundwork's own TLS statement stands in the policy, unchanged.
func (c *Client) RequiresTLS(bucket, region string, doc *PolicyDocument) bool {
	have, found := doc.Find(SidRequireTLS)
	return found && SameStatement(have.Raw, c.policyWriter(bucket, region).requireTLS().Raw)
}
