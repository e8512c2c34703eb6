package guard

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/groundwork-iac/terraform-provider-groundwork/internal/s3store"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv"
	"github.com/groundwork-iac/terraform-provider-groundwork/internal/testenv/s3proxy"
)

func gzipped(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, content)
	must(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

// What an object is found to be.
const (
	nothing    = ""
	live       = "live"
	dead       = "a state of nothing"
	unreadable = "unreadable, so live"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	terraform, pulumi := fixture(t, "terraform-full.tfstate"), fixture(t, "pulumi-full.json")
	gz, zst := fixture(t, "pulumi-full.json.gz"), fixture(t, "pulumi-full.json.zst")
	encrypted := fixture(t, "opentofu-encrypted.tfstate")
	half := func(b []byte) []byte { return b[:len(b)/2] }
	padding := strings.Repeat("x", 2*sniff)
	objects := map[string]struct {
		content []byte
		is      string
	}{
		"infra/terraform.tfstate":             {terraform, live},
		"infra/any name":                      {terraform, live},
		"env:/dev/infra/terraform.tfstate":    {fixture(t, "opentofu-full.tfstate"), live},
		"env:/dev/any name":                   {terraform, live},
		"encrypted.tfstate":                   {encrypted, live},
		"encrypted":                           {encrypted, live},
		"destroyed.tfstate":                   {fixture(t, "terraform-destroyed.tfstate"), dead},
		"destroyed":                           {fixture(t, "terraform-destroyed.tfstate"), dead},
		".pulumi/stacks/shop/dev.json":        {pulumi, live},
		".pulumi/stacks/shop/gz.json.gz":      {gz, live},
		".pulumi/stacks/shop/zst.json.zst":    {zst, live},
		".pulumi/stacks/shop/empty.json":      {fixture(t, "pulumi-empty.json"), dead},
		".pulumi/stacks/legacy.json":          {pulumi, live},
		"team/.pulumi/stacks/shop/dev.json":   {pulumi, live},
		"exports/dev":                         {fixture(t, "pulumi-export.json"), live},
		"exports/dev.gz":                      {gz, live},
		"exports/dev.zst":                     {zst, live},
		"cut.tfstate":                         {half(terraform), unreadable},
		"cut":                                 {half(terraform), unreadable},
		".pulumi/stacks/shop/cut.json.gz":     {half(gz), unreadable},
		"old.tfstate":                         {[]byte(`{"version":3,"terraform_version":"0.11.0","serial":1,"lineage":"x","modules":[]}`), unreadable},
		"old":                                 {[]byte(`{"version":3,"terraform_version":"0.11.0","serial":1,"lineage":"x","modules":[]}`), unreadable},
		"future.tfstate":                      {[]byte(`{"version":9,"terraform_version":"9.0.0","serial":1,"lineage":"x","resources":[]}`), unreadable},
		"other.tfstate":                       {[]byte(`{"hello":"world"}`), unreadable},
		"page.tfstate":                        {[]byte("<html>sign in</html>"), unreadable},
		"bom.tfstate":                         {append([]byte("\xef\xbb\xbf"), terraform...), unreadable},
		"cut behind its start":                {[]byte(`{"padding":"` + padding + `","version":4,`), unreadable},
		"empty.tfstate":                       {nil, nothing},
		"empty":                               {nil, nothing},
		"one byte":                            {[]byte("x"), nothing},
		"object.json":                         {[]byte(`{"hello":"world"}`), nothing},
		"large object.json":                   {[]byte(`{"padding":"` + padding + `"}`), nothing},
		"list.json":                           {[]byte(`[1,2,3]`), nothing},
		"lines.json":                          {[]byte("{\"a\":1}\n{\"b\":2}\n"), nothing},
		"README.md":                           {[]byte("# states"), nothing},
		"notes.txt":                           {[]byte("\xff\xfen\x00o\x00t\x00e\x00"), nothing},
		"picture.png":                         {[]byte("\x89PNG\r\n\x1a\n\x00\x01\x02" + padding), nothing},
		"archive.gz":                          {gzipped(t, "hello, world"), nothing},
		"damaged.gz":                          {[]byte("\x1f\x8b\x08\x00damaged"), unreadable},
		"infra/terraform.tfstate.tflock":      {[]byte(`{"ID":"x"}`), nothing},
		"infra/terraform.tfstate.backup":      {terraform, nothing},
		".pulumi/meta.yaml":                   {[]byte("version: 1\n"), nothing},
		".pulumi/stacks/shop/dev.json.bak":    {pulumi, nothing},
		".pulumi/stacks/shop/dev.pulumi-tags": {[]byte(`{"version":1}`), nothing},
		".pulumi/backups/shop/dev/dev.1763000000000000000.json":  {pulumi, nothing},
		".pulumi/history/shop/dev/dev-1.checkpoint.json":         {pulumi, nothing},
		".pulumi/locks/organization/shop/dev/0b1c2d3e-4f50.json": {[]byte(`{"pid":1}`), nothing},
		s3store.ProbePrefix + "x/terraform.tfstate":              {terraform, nothing},
	}
	c := client(t)
	bucket := newBucket(t, c, true)
	for key, o := range objects {
		put(t, c, bucket, key, o.content)
	}
	// What was live once and is not any more.
	put(t, c, bucket, "emptied.tfstate", terraform)
	put(t, c, bucket, "emptied.tfstate", fixture(t, "terraform-destroyed.tfstate"))
	put(t, c, bucket, "deleted.tfstate", terraform)
	must(t, c.DeleteObject(t.Context(), bucket, "deleted.tfstate", ""))

	r, err := Inspect(t.Context(), c, bucket, Options{})
	must(t, err)
	found := map[string]string{}
	for _, s := range r.States {
		switch {
		case s.Err != nil && s.Live():
			found[s.Key] = unreadable
		case s.Live():
			found[s.Key] = live
		default:
			found[s.Key] = dead
		}
		if s.ManagesBucket || s.Superseded {
			t.Errorf("%s manages the bucket %v, superseded %v", s.Key, s.ManagesBucket, s.Superseded)
		}
	}
	for key, o := range objects {
		if found[key] != o.is {
			t.Errorf("%q is %q, want %q", key, found[key], o.is)
		}
		delete(found, key)
	}
	if found["emptied.tfstate"] != dead || len(found) != 1 {
		t.Errorf("beside them are %v", found)
	}
	if r.Objects != len(objects)-1+1 || r.Versions != 2 || r.Markers != 1 || r.Empty() || r.Bucket != bucket || r.Example == "" {
		t.Errorf("counted %+v", r)
	}
	if want := []string{".pulumi/locks/organization/shop/dev/0b1c2d3e-4f50.json", "infra/terraform.tfstate.tflock"}; !slices.Equal(r.Locks, want) {
		t.Errorf("locks %v", r.Locks)
	}
	if !slices.IsSortedFunc(r.States, func(a, b State) int { return strings.Compare(a.Key, b.Key) }) {
		t.Error("the states are not sorted")
	}
}

// resource is a state of Terraform that manages one bucket.
func stateOf(mode, typ, bucket, endpoint string) []byte {
	attributes := fmt.Sprintf(`"name":%q`, bucket)
	if endpoint != "" {
		attributes += fmt.Sprintf(`,"endpoint":%q`, endpoint)
	}
	return fmt.Appendf(nil, `{"version":4,"terraform_version":"1.11.4","serial":3,"lineage":"0b1c2d3e","outputs":{},"resources":[`+
		`{"mode":%q,"type":%q,"name":"this","provider":"provider[\"registry.terraform.io/groundwork-iac/groundwork\"]","instances":[{"schema_version":0,"attributes":{%s}}]}],"check_results":null}`,
		mode, typ, attributes)
}

// stackOf is the same of Pulumi.
func stackOf(inputs, outputs string) []byte {
	return fmt.Appendf(nil, `{"version":3,"checkpoint":{"stack":"organization/shop/dev","latest":{"manifest":{"time":"2026-01-02T03:04:05Z","magic":"d0a1","version":"v3.256.0"},"resources":[`+
		`{"urn":"urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev","custom":false,"type":"pulumi:pulumi:Stack"},`+
		`{"urn":"urn:pulumi:dev::shop::groundwork:index/stateBucket:StateBucket::b","custom":true,"id":"x","type":"groundwork:index/stateBucket:StateBucket","inputs":{%s},"outputs":{%s}}],"metadata":{}}}}`,
		inputs, outputs)
}

func TestSelfManaged(t *testing.T) {
	t.Parallel()
	c := client(t)
	const managed = "managed"
	tests := map[string]struct {
		key     string
		content func(bucket string) []byte
		self    bool
	}{
		"this bucket": {"a.tfstate", func(b string) []byte { return stateOf(managed, bucketType, b, c.Endpoint()) }, true},
		"this bucket, under any name": {
			"infra/state", func(b string) []byte { return stateOf(managed, bucketType, b, c.Endpoint()) }, true,
		},
		"this bucket, with a slash": {"a.tfstate", func(b string) []byte { return stateOf(managed, bucketType, b, c.Endpoint()+"/") }, true},
		"this bucket, by a state that says no endpoint": {
			"a.tfstate", func(b string) []byte { return stateOf(managed, bucketType, b, "") }, true,
		},
		"one of that name elsewhere": {"a.tfstate", func(b string) []byte { return stateOf(managed, bucketType, b, "https://s3.fr-par.scw.cloud") }, false},
		"another bucket":             {"a.tfstate", func(b string) []byte { return stateOf(managed, bucketType, b+"x", c.Endpoint()) }, false},
		"a data source":              {"a.tfstate", func(b string) []byte { return stateOf("data", bucketType, b, c.Endpoint()) }, false},
		"another type":               {"a.tfstate", func(b string) []byte { return stateOf(managed, "aws_s3_bucket", b, c.Endpoint()) }, false},
		"a Pulumi stack": {".pulumi/stacks/shop/dev.json", func(b string) []byte {
			return stackOf(fmt.Sprintf(`"name":%q`, b), fmt.Sprintf(`"name":%q,"endpoint":%q`, b, c.Endpoint()))
		}, true},
		"a Pulumi stack in the middle of creating it": {".pulumi/stacks/shop/dev.json", func(b string) []byte {
			return stackOf(fmt.Sprintf(`"name":%q`, b), "")
		}, true},
		"a Pulumi stack with one elsewhere": {".pulumi/stacks/shop/dev.json", func(b string) []byte {
			return stackOf("", fmt.Sprintf(`"name":%q,"endpoint":"https://s3.fr-par.scw.cloud"`, b))
		}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, c, false)
			put(t, c, bucket, "b.tfstate", fixture(t, "terraform-full.tfstate"))
			put(t, c, bucket, tc.key, tc.content(bucket))
			r, err := Inspect(t.Context(), c, bucket, Options{})
			must(t, err)
			err = Refuse(r, Permission{ForceDestroy: true, FinalBackup: true})
			var self *SelfManagedError
			if errors.As(err, &self) != tc.self || (err != nil) != tc.self {
				t.Fatalf("unexpected %v", err)
			}
			if tc.self && (self.Key != tc.key || !strings.Contains(err.Error(), bucket)) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

// A service that does not answer is an error: nobody may conclude that there is nothing.
func TestInspectFails(t *testing.T) {
	t.Parallel()
	full := client(t)
	bucket := newBucket(t, full, false)
	put(t, full, bucket, "infra/terraform.tfstate", fixture(t, "terraform-full.tfstate"))
	put(t, full, bucket, "large", bytes.Repeat([]byte("x"), 1<<20))
	get := func(key string) s3proxy.Match { return s3proxy.Match{Operation: "GetObject", KeySuffix: key} }
	tests := map[string]s3proxy.Rule{
		"no listing":                        {Match: s3proxy.Match{Operation: "ListObjectVersions"}, Action: s3proxy.CutBefore()},
		"half a listing":                    {Match: s3proxy.Match{Operation: "ListObjectVersions"}, Action: s3proxy.CutMiddle()},
		"no right to list":                  {Match: s3proxy.Match{Operation: "ListObjectVersions"}, Action: s3proxy.Respond(403, "AccessDenied", "no", nil)},
		"no state":                          {Match: get(".tfstate"), Action: s3proxy.CutBefore()},
		"half a state":                      {Match: get(".tfstate"), Action: s3proxy.CutMiddle()},
		"no right to read":                  {Match: get(".tfstate"), Action: s3proxy.Respond(403, "AccessDenied", "no", nil)},
		"half of what may be a state":       {Match: get("large"), Action: s3proxy.CutMiddle()},
		"a page in place of a state":        {Match: get(".tfstate"), Action: s3proxy.RespondHTML(http.StatusOK, "<html></html>")},
		"a page in place of what may be it": {Match: get("large"), Action: s3proxy.RespondHTML(http.StatusOK, "<html></html>")},
	}
	for name, rule := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, proxy := proxied(t)
			proxy.AddRule(rule)
			r, err := Inspect(t.Context(), c, bucket, Options{})
			if err == nil || r != nil {
				t.Fatalf("found %+v", r)
			}
			if !strings.Contains(err.Error(), bucket) {
				t.Errorf("%v does not name the bucket", err)
			}
		})
	}
	if _, err := Inspect(t.Context(), full, testenv.BucketName(t), Options{}); !errors.Is(err, s3store.ErrNotFound) {
		t.Errorf("unexpected %v", err)
	}
}

// What is deleted between the listing and the reading is not there.
func TestInspectWhileObjectsGo(t *testing.T) {
	t.Parallel()
	c, proxy := proxied(t)
	bucket := newBucket(t, c, false)
	for _, key := range []string{"a.tfstate", "b"} {
		put(t, c, bucket, key, fixture(t, "terraform-full.tfstate"))
	}
	proxy.AddRule(s3proxy.Rule{Match: s3proxy.Match{Operation: "GetObject"}, Action: s3proxy.Respond(404, "NoSuchKey", "gone", nil)})
	r, err := Inspect(t.Context(), c, bucket, Options{})
	if err != nil || len(r.States) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestInspectEmpty(t *testing.T) {
	t.Parallel()
	c := client(t)
	bucket := newBucket(t, c, true)
	put(t, c, bucket, s3store.ProbePrefix+"x/lock", nil)
	r, err := Inspect(t.Context(), c, bucket, Options{WorkDir: t.TempDir()})
	if err != nil || !r.Empty() || Refuse(r, Permission{}) != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
