package statefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// fixture returns a file of testdata.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name)) //nolint:gosec // only names of fixtures get here
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// fixtures returns the name and content of every state in testdata.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.*")
	if err != nil || len(paths) < 5 {
		t.Fatalf("testdata holds %d states: %v", len(paths), err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		out[filepath.Base(path)] = fixture(t, filepath.Base(path))
	}
	return out
}

// plain undoes the compression of a fixture with nothing of the package.
func plain(t testing.TB, data []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(data)
	switch {
	case bytes.HasPrefix(data, gzipMagic):
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case bytes.HasPrefix(data, zstdMagic):
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// terraformState is a small state with everything that is counted.
const terraformState = `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"9d4cbb31","outputs":{"a":{"value":"x","type":"string"}},"resources":[
{"mode":"managed","type":"groundwork_state_bucket","name":"this","provider":"provider[\"registry.terraform.io/groundwork-iac/groundwork\"]","instances":[
 {"index_key":"eu","schema_version":0,"attributes":{"name":"states","endpoint":null,"region":"fr-par","versioning":true,"tags":{"team":"core"},"token":"s3cr3t"},"sensitive_attributes":[[{"type":"get_attr","value":"region"}]],"private":"bnVsbA=="},
 {"index_key":"us","status":"tainted","schema_version":0,"attributes":{"name":"states-us","region":"us-east-1"}},
 {"index_key":"us","deposed":"0badc0de","schema_version":0,"attributes_flat":{"name":"states-old"}}]},
{"module":"module.net[0]","mode":"managed","type":"aws_vpc","name":"main","provider":"module.net.provider[\"registry.terraform.io/hashicorp/aws\"].eu","instances":[{"index_key":0,"schema_version":1,"attributes":{"id":"vpc-1"}}]},
{"mode":"data","type":"aws_region","name":"here","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":0,"attributes":{"name":"eu-west-1"}}]}
],"check_results":null}`

//nolint:gosec // it is no credential
const pulumiSecret = `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"v1:s3cr3t"}`

// pulumiDeployment is the part that checkpoints and exports share.
const pulumiDeployment = `{"manifest":{"time":"2026-01-02T03:04:05Z","magic":"d0a1","version":"v3.256.0"},
"secrets_providers":{"type":"passphrase","state":{"salt":"v1:abc"}},
"resources":[
{"urn":"urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev","custom":false,"type":"pulumi:pulumi:Stack","outputs":{"url":"https://x","key":` + pulumiSecret + `}},
{"urn":"urn:pulumi:dev::shop::pulumi:providers:groundwork::default_0_1_0","custom":true,"id":"77","type":"pulumi:providers:groundwork","inputs":{"version":"0.1.0"}},
{"urn":"urn:pulumi:dev::shop::groundwork:index/stateBucket:StateBucket::b::odd","custom":true,"id":"states@fr-par","type":"groundwork:index/stateBucket:StateBucket",
 "inputs":{"name":"states","region":` + pulumiSecret + `},"outputs":{"name":"states","endpoint":"https://s3.fr-par.scw.cloud","region":` + pulumiSecret + `,"nested":[{"k":` + pulumiSecret + `}]},
 "parent":"urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev","provider":"urn:pulumi:dev::shop::pulumi:providers:groundwork::default_0_1_0::77"},
{"urn":"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::old","custom":true,"delete":true,"id":"old","type":"aws:s3/bucket:Bucket"},
{"urn":"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::bad","custom":true,"id":"bad","taint":true,"type":"aws:s3/bucket:Bucket"},
{"urn":"urn:pulumi:dev::shop::aws:ec2/vpc:Vpc::read","custom":true,"id":"vpc","external":true,"type":"aws:ec2/vpc:Vpc"}],
"pending_operations":[{"resource":{"urn":"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::new","custom":true,"type":"aws:s3/bucket:Bucket"},"type":"creating"}],"metadata":{}}`

const (
	pulumiCheckpoint = `{"version":3,"checkpoint":{"stack":"organization/shop/dev","latest":` + pulumiDeployment + `}}`
	pulumiExport     = `{"version":3,"deployment":` + pulumiDeployment + `}`
	encryptedState   = `{"serial":3,"lineage":"d1948a89","meta":{"key_provider.pbkdf2.a":"eyJ9"},"encrypted_data":"Owxo2e1C","encryption_version":"v0"}`
)

// smallStates are one of each kind.
var smallStates = map[string]string{
	"terraform": terraformState, "encrypted": encryptedState,
	"pulumi checkpoint": pulumiCheckpoint, "pulumi export": pulumiExport,
}

// reference counts what a Terraform state holds as Terraform would read it.
type reference struct {
	Version   *uint64 `json:"version"`
	Serial    uint64  `json:"serial"`
	Lineage   string  `json:"lineage"`
	Outputs   map[string]json.RawMessage
	Resources []struct {
		Module    string
		Mode      string
		Type      string
		Name      string
		Instances []struct {
			IndexKey any `json:"index_key"`
			Status   string
			Deposed  string
		}
	}
}

func (ref *reference) summary() Summary {
	s := Summary{Kind: Terraform, Version: *ref.Version, Serial: ref.Serial, Lineage: ref.Lineage, Outputs: len(ref.Outputs)}
	for _, r := range ref.Resources {
		if r.Mode == ModeData {
			s.DataInstances += len(r.Instances)
			continue
		}
		s.ManagedResources++
		s.ManagedInstances += len(r.Instances)
		for _, i := range r.Instances {
			s.Deposed += count(i.Deposed != "")
			s.Tainted += count(i.Status == "tainted")
		}
	}
	return s
}

// comparable drops from a summary what the reference does not know.
func (s Summary) comparable() Summary {
	s.Tool, s.ToolVersion, s.Size, s.Compression = "", "", 0, None
	return s
}

// member is one key of an object whose order is kept.
type member struct {
	key   string
	value any
}

// ordered decodes a document so that it can be written in another order.
func ordered(t testing.TB, dec *json.Decoder) any {
	t.Helper()
	token, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		out := []member{}
		for dec.More() {
			key, _ := dec.Token()
			out = append(out, member{fmt.Sprint(key), ordered(t, dec)})
		}
		_, _ = dec.Token()
		return out
	case json.Delim('['):
		out := []any{}
		for dec.More() {
			out = append(out, ordered(t, dec))
		}
		_, _ = dec.Token()
		return out
	}
	return token
}

// reorder writes a document with the members of every object rearranged.
func reorder(t testing.TB, doc []byte, arrange func([]member)) []byte {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var b bytes.Buffer
	var write func(v any)
	write = func(v any) {
		switch v := v.(type) {
		case []member:
			v = slices.Clone(v)
			arrange(v)
			for i, m := range v {
				b.WriteString([]string{"{", ","}[min(i, 1)] + fmt.Sprintf("%q:", m.key))
				write(m.value)
			}
			b.WriteString(strings.Repeat("{", count(len(v) == 0)) + "}")
		case []any:
			for i, e := range v {
				b.WriteString([]string{"[", ","}[min(i, 1)])
				write(e)
			}
			b.WriteString(strings.Repeat("[", count(len(v) == 0)) + "]")
		default:
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
	}
	write(ordered(t, dec))
	return b.Bytes()
}

func sorted(m []member) {
	slices.SortStableFunc(m, func(a, b member) int { return strings.Compare(a.key, b.key) })
}

func reversed(m []member) {
	sorted(m)
	slices.Reverse(m)
}

func shuffled(r *rand.Rand) func([]member) {
	return func(m []member) { r.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] }) }
}

// collect reads every resource of a state.
func collect(t testing.TB, doc []byte, opts Options) ([]Resource, error) {
	t.Helper()
	var out []Resource
	for r, err := range Resources(t.Context(), bytes.NewReader(doc), opts) {
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, nil
}
