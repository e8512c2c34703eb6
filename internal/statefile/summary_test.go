package statefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func summarize(t testing.TB, doc string) (*Summary, error) {
	t.Helper()
	return Summarize(t.Context(), strings.NewReader(doc), Options{})
}

// wantSmall is what the small states hold.
var wantSmall = map[string]Summary{
	"terraform": {
		Kind: Terraform, Version: 4, Tool: ToolTerraform, ToolVersion: "1.11.4", Serial: 7, Lineage: "9d4cbb31", Outputs: 1,
		ManagedResources: 2, ManagedInstances: 4, DataInstances: 1, Deposed: 1, Tainted: 1,
	},
	"encrypted": {Kind: Encrypted, Tool: ToolOpenTofu, Serial: 3, Lineage: "d1948a89"},
	"pulumi checkpoint": {
		Kind: Pulumi, Version: 3, Tool: ToolPulumi, ToolVersion: "v3.256.0", Stack: "dev", Project: "shop", Outputs: 2,
		ManagedResources: 4, ManagedInstances: 4, Deposed: 1, Tainted: 1, External: 1, PendingOperations: 1,
	},
	"pulumi export": {
		Kind: Pulumi, Version: 3, Tool: ToolPulumi, ToolVersion: "v3.256.0", Stack: "dev", Project: "shop", Outputs: 2,
		ManagedResources: 4, ManagedInstances: 4, Deposed: 1, Tainted: 1, External: 1, PendingOperations: 1,
	},
}

func TestSummarizeSmallStates(t *testing.T) {
	for name, doc := range smallStates {
		t.Run(name, func(t *testing.T) {
			want := wantSmall[name]
			want.Size = int64(len(doc))
			for form, data := range map[Compression][]byte{
				None: []byte(doc), Gzip: gzipped(t, []byte(doc)), Zstd: zstded(t, []byte(doc)),
			} {
				want.Compression = form
				got, err := Summarize(t.Context(), iotest.OneByteReader(bytes.NewReader(data)), Options{})
				if err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				if diff := cmp.Diff(&want, got); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", form, diff)
				}
				if !got.Live() {
					t.Errorf("%s: not live", form)
				}
			}
		})
	}
}

func TestSummarizeRealStates(t *testing.T) {
	for name, want := range map[string]struct {
		Summary
		live bool
	}{
		"terraform-full.tfstate": {Summary{
			Kind: Terraform, Version: 4, Tool: ToolTerraform, ToolVersion: "1.11.4", Serial: 19,
			Lineage: "808673eb-fe69-9b7d-583e-8a35be5f7b29", Outputs: 3,
			ManagedResources: 10, ManagedInstances: 15, DataInstances: 1, Deposed: 1, Tainted: 1,
		}, true},
		"terraform-destroyed.tfstate": {Summary{
			Kind: Terraform, Version: 4, Tool: ToolTerraform, ToolVersion: "1.11.4", Serial: 36,
			Lineage: "808673eb-fe69-9b7d-583e-8a35be5f7b29",
		}, false},
		"opentofu-full.tfstate": {Summary{
			Kind: Terraform, Version: 4, Tool: ToolTerraform, ToolVersion: "1.12.6", Serial: 2,
			Lineage: "d1948a89-b819-b004-4a6c-db9704114860", Outputs: 3,
			ManagedResources: 10, ManagedInstances: 15, DataInstances: 1, Deposed: 1, Tainted: 1,
		}, true},
		"opentofu-encrypted.tfstate": {Summary{
			Kind: Encrypted, Tool: ToolOpenTofu, Serial: 3, Lineage: "d1948a89-b819-b004-4a6c-db9704114860",
		}, true},
		"pulumi-full.json":     {pulumiFull(4, 1, None), true},
		"pulumi-export.json":   {pulumiFull(4, 1, None), true},
		"pulumi-full.json.gz":  {pulumiFull(4, 1, Gzip), true},
		"pulumi-full.json.zst": {pulumiFull(3, 0, Zstd), true},
		"pulumi-empty.json": {Summary{
			Kind: Pulumi, Version: 3, Tool: ToolPulumi, ToolVersion: "v3.256.0", Stack: "empty", Project: "shop",
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := fixture(t, name)
			got, err := Summarize(t.Context(), bytes.NewReader(data), Options{})
			if err != nil {
				t.Fatal(err)
			}
			want.Size = int64(len(plain(t, data)))
			if diff := cmp.Diff(&want.Summary, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got.Live() != want.live {
				t.Errorf("live: %t", got.Live())
			}
		})
	}
}

func pulumiFull(version uint64, tainted int, form Compression) Summary {
	return Summary{
		Kind: Pulumi, Compression: form, Version: version, Tool: ToolPulumi, ToolVersion: "v3.256.0",
		Stack: "dev", Project: "shop", Outputs: 3,
		ManagedResources: 5, ManagedInstances: 5, Deposed: 1, Tainted: tainted, External: 1,
	}
}

func TestEmptyStatesAreNotLive(t *testing.T) {
	for name, doc := range map[string]string{
		"terraform, never applied": `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"x","outputs":{},"resources":[],"check_results":null}`,
		"terraform, only nulls":    `{"version":4,"serial":0,"outputs":null,"resources":null}`,
		"terraform, only data":     `{"version":4,"serial":1,"resources":[{"mode":"data","type":"a","name":"b","instances":[{}]}]}`,
		"terraform, no instances":  `{"version":4,"serial":1,"resources":[{"mode":"managed","type":"a","name":"b","instances":[]},{"mode":"managed","type":"a","name":"c"}]}`,
		"pulumi, never deployed":   `{"version":3,"checkpoint":{"stack":"organization/shop/dev"}}`,
		"pulumi, latest null":      `{"version":3,"checkpoint":{"stack":"organization/shop/dev","latest":null}}`,
		"pulumi, null":             `{"version":3,"checkpoint":null}`,
		"pulumi, export of none":   `{"version":3,"deployment":{}}`,
		"pulumi, legacy stack":     `{"version":3,"checkpoint":{"stack":"dev","latest":{"manifest":{"version":"v3.1.0"}}}}`,
		"pulumi, destroyed": `{"version":4,"features":["views"],"checkpoint":{"stack":"organization/shop/dev","latest":{"manifest":{},
			"resources":[{"urn":"urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev","type":"pulumi:pulumi:Stack"},
			{"urn":"urn:pulumi:dev::shop::pulumi:providers:aws::p","type":"pulumi:providers:aws"}]}}}`,
	} {
		got, err := summarize(t, doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Live() || got.Kind == Unknown {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.HasPrefix(name, "pulumi, ") && strings.Contains(doc, `"stack"`) && got.Stack != "dev" {
			t.Errorf("%s: stack %q", name, got.Stack)
		}
	}
}

func TestLive(t *testing.T) {
	for name, doc := range map[string]string{
		"only a deposed object":       `{"version":4,"serial":1,"resources":[{"mode":"managed","type":"a","name":"b","instances":[{"deposed":"12345678"}]}]}`,
		"keys in another case":        `{"Version":4,"SERIAL":1,"Re` + "\u017f" + `ources":[{"MODE":"managed","Type":"a","Name":"b","INSTANCES":[{}]}]}`,
		"escaped keys":                `{"\u0076ersion":4,"serial":1,"\u0072esources":[{"m\u006fde":"managed","type":"a","name":"b","instances":[{}]}]}`,
		"only a pending operation":    `{"version":3,"checkpoint":{"stack":"s","latest":{"manifest":{},"pending_operations":[{"type":"creating","resource":{}}]}}}`,
		"only a component":            `{"version":3,"deployment":{"manifest":{},"resources":[{"urn":"urn:pulumi:a::b::c:d:E::f","type":"c:d:E"}]}}`,
		"encrypted, without a serial": `{"meta":{},"encrypted_data":"AAAA","encryption_version":"v0"}`,
		"encrypted, of a newer form":  `{"serial":1,"lineage":"x","encryption_version":"v9","data":["AAAA"]}`,
		"without version-like luxury": `{"version":4,"resources":[{"mode":"managed","type":"a","name":"b","instances":[{}]}]}`,
	} {
		if got, err := summarize(t, doc); err != nil || !got.Live() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestToolIsToldByContent(t *testing.T) {
	state := func(resource string) string {
		return `{"version":4,"terraform_version":"1.12.6","serial":1,"lineage":"x","resources":[` + resource + `]}`
	}
	for _, test := range []struct{ resource, want string }{
		{`{"mode":"managed","type":"a","name":"b","provider":"provider[\"registry.terraform.io/x/a\"]","instances":[{}]}`, ToolTerraform},
		{`{"mode":"managed","type":"a","name":"b","provider":"module.m.provider[\"registry.opentofu.org/x/a\"].eu","instances":[{}]}`, ToolOpenTofu},
		{`{"mode":"managed","type":"a","name":"b","instances":[{"provider":"provider[\"registry.terraform.io/x/a\"].eu"}]}`, ToolOpenTofu},
		{`{"mode":"managed","type":"a","name":"b","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"skip_destroy":true}]}`, ToolOpenTofu},
	} {
		if got, err := summarize(t, state(test.resource)); err != nil || got.Tool != test.want {
			t.Errorf("%s: %+v, %v", test.resource, got, err)
		}
	}
}

func TestOrderOfKeysDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same orders in every run
	docs := map[string][]byte{}
	for name, doc := range smallStates {
		docs[name] = []byte(doc)
	}
	for name, data := range fixtures(t) {
		docs[name] = plain(t, data)
	}
	for name, doc := range docs {
		want, err := Summarize(t.Context(), bytes.NewReader(doc), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		arrangements := []func([]member){sorted, reversed}
		for range 50 {
			arrangements = append(arrangements, shuffled(r))
		}
		for _, arrange := range arrangements {
			other := reorder(t, doc, arrange)
			got, err := Summarize(t.Context(), bytes.NewReader(other), Options{})
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, other)
			}
			got.Size = want.Size
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got)\n%s\n%s", name, diff, other)
			}
		}
	}
}

// randomState writes a state that Terraform would read.
func randomState(r *rand.Rand) []byte {
	type object map[string]any
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	resources := []object{}
	for range r.IntN(6) {
		instances := []object{}
		for i := range r.IntN(5) {
			instance := object{"schema_version": r.IntN(3), "attributes": object{"x": pick(1, "managed", nil, []int{1}, object{"mode": "managed"})}}
			if r.IntN(2) == 0 {
				instance["index_key"] = pick(i, "k", "\u00e9\"", 1e3)
			}
			if r.IntN(3) == 0 {
				instance["status"] = pick("tainted", "", nil)
			}
			if r.IntN(3) == 0 {
				instance["deposed"] = pick("12345678", "", nil)
			}
			instances = append(instances, instance)
		}
		resource := object{"mode": pick("managed", "managed", "data"), "type": "t", "name": "n", "instances": instances}
		if r.IntN(2) == 0 {
			resource["module"] = "module.m"
		}
		resources = append(resources, resource)
	}
	outputs := object{}
	for range r.IntN(4) {
		outputs["abcdefghijklmnopqrstuvwxyz"[r.IntN(26):]] = object{"value": pick(1, "x", object{"type": nil}), "type": "string"}
	}
	doc, _ := json.Marshal(object{ //nolint:errchkjson // nothing in it can fail
		"version": 4, "serial": r.Uint64(), "lineage": pick("a", "b-c"), "terraform_version": "1.11.4",
		"outputs": outputs, "resources": resources, "check_results": pick(nil, []object{{"status": "pass"}}),
	})
	return doc
}

func TestRandomStatesAsEncodingJSONReadsThem(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same states in every run
	docs := [][]byte{[]byte(terraformState), fixture(t, "terraform-full.tfstate"), fixture(t, "opentofu-full.tfstate")}
	for range 2000 {
		docs = append(docs, randomState(r))
	}
	for _, doc := range docs {
		got, err := Summarize(t.Context(), bytes.NewReader(doc), Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		var ref reference
		if err := json.Unmarshal(doc, &ref); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ref.summary(), got.comparable()); diff != "" {
			t.Fatalf("(-encoding/json +statefile)\n%s\n%s", diff, doc)
		}
	}
}

func TestBothToolsInOneDocument(t *testing.T) {
	doc := strings.TrimSuffix(terraformState, "}") + `,"checkpoint":{"stack":"a"}}`
	var malformed *MalformedError
	if _, err := summarize(t, doc); !errors.As(err, &malformed) {
		t.Errorf("got %v", err)
	}
}
