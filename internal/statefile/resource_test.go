package statefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	bucketType  = "groundwork_state_bucket"
	bucketToken = "groundwork:index/stateBucket:StateBucket"
)

// bucketAttributes asks for what tells one state bucket from another.
func bucketAttributes(resourceType string) []string {
	if resourceType == bucketType || resourceType == bucketToken {
		return []string{"name", "endpoint", "region"}
	}
	return nil
}

func TestTerraformResources(t *testing.T) {
	provider := `provider["registry.terraform.io/groundwork-iac/groundwork"]`
	want := []Resource{
		{
			Mode: ModeManaged, Type: bucketType, Name: "this", Provider: provider, IndexKey: "eu",
			Attributes: map[string]any{"name": "states", "endpoint": nil, "region": "fr-par"}, Sensitive: []string{"region"},
		},
		{
			Mode: ModeManaged, Type: bucketType, Name: "this", Provider: provider, IndexKey: "us", Tainted: true,
			Attributes: map[string]any{"name": "states-us", "region": "us-east-1"},
		},
		{
			Mode: ModeManaged, Type: bucketType, Name: "this", Provider: provider, IndexKey: "us", Deposed: "0badc0de",
			Attributes: map[string]any{"name": "states-old"},
		},
		{
			Mode: ModeManaged, Type: "aws_vpc", Name: "main", Module: "module.net[0]", IndexKey: int64(0),
			Provider: `module.net.provider["registry.terraform.io/hashicorp/aws"].eu`,
		},
		{Mode: ModeData, Type: "aws_region", Name: "here", Provider: `provider["registry.terraform.io/hashicorp/aws"]`},
	}
	got, err := collect(t, []byte(terraformState), Options{Attributes: bucketAttributes})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for i, want := range []string{
		`groundwork_state_bucket.this["eu"]`, `groundwork_state_bucket.this["us"]`,
		`groundwork_state_bucket.this["us"] (deposed 0badc0de)`, `module.net[0].aws_vpc.main[0]`, `data.aws_region.here`,
	} {
		if address := got[i].Address(); address != want {
			t.Errorf("address %s, want %s", address, want)
		}
		if got[i].Bookkeeping() {
			t.Errorf("%s is called bookkeeping", want)
		}
	}
}

func TestPulumiResources(t *testing.T) {
	for _, doc := range []string{pulumiCheckpoint, pulumiExport} {
		got, err := collect(t, []byte(doc), Options{Attributes: func(typ string) []string {
			if typ == stackType {
				return []string{"url", "key"}
			}
			return append(bucketAttributes(typ), "nested")
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 6 {
			t.Fatalf("%d resources", len(got))
		}
		stack, bucket := got[0], got[2]
		if diff := cmp.Diff(map[string]any{"url": "https://x", "key": Secret{}}, stack.Attributes); diff != "" {
			t.Errorf("outputs of the stack (-want +got)\n%s", diff)
		}
		want := Resource{
			Mode: ModeManaged, Type: bucketToken, Name: "b::odd", ID: "states@fr-par",
			URN:      "urn:pulumi:dev::shop::groundwork:index/stateBucket:StateBucket::b::odd",
			Provider: "urn:pulumi:dev::shop::pulumi:providers:groundwork::default_0_1_0::77",
			Attributes: map[string]any{
				"name": "states", "endpoint": "https://s3.fr-par.scw.cloud", "region": Secret{},
				"nested": []any{map[string]any{"k": Secret{}}},
			},
			Inputs: map[string]any{"name": "states", "region": Secret{}},
		}
		if diff := cmp.Diff(want, bucket); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if bucket.Address() != bucket.URN {
			t.Errorf("address %s", bucket.Address())
		}
		var flags []string
		for _, r := range got {
			flags = append(flags, fmt.Sprint(r.Bookkeeping(), r.PendingDelete, r.Tainted, r.External))
		}
		wantFlags := []string{
			"true false false false", "true false false false", "false false false false",
			"false true false false", "false false true false", "false false false true",
		}
		if diff := cmp.Diff(wantFlags, flags); diff != "" {
			t.Errorf("bookkeeping, pending delete, tainted, external (-want +got)\n%s", diff)
		}
	}
}

// TestAddressesOfRealStates compares with what `terraform state list` printed.
func TestAddressesOfRealStates(t *testing.T) {
	want := []string{
		`data.terraform_remote_state.other`,
		`terraform_data.counted[0]`, `terraform_data.counted[1]`, `terraform_data.counted[2]`,
		`terraform_data.replaced`, `terraform_data.secret`, `terraform_data.tainted`,
		`module.east.terraform_data.each["a"]`, `module.east.terraform_data.each["b/c"]`,
		`module.east.terraform_data.each["quote\"d $${x}"]`, `module.east.terraform_data.plain`,
		`module.zone["x"].terraform_data.each["only"]`, `module.zone["x"].terraform_data.plain`,
		`module.zone["y"].terraform_data.each["only"]`, `module.zone["y"].terraform_data.plain`,
	}
	for _, name := range []string{"terraform-full.tfstate", "opentofu-full.tfstate"} {
		got, err := collect(t, fixture(t, name), Options{Attributes: func(string) []string { return []string{"id", "input"} }})
		if err != nil {
			t.Fatal(err)
		}
		var addresses []string
		for _, r := range got {
			if r.Deposed == "" {
				addresses = append(addresses, r.Address())
			}
			if id, ok := r.Attributes["id"].(string); r.Mode == ModeManaged && (!ok || len(id) != 36) {
				t.Errorf("%s has the id %q", r.Address(), id)
			}
			if (r.Name == "secret") != slices.Equal(r.Sensitive, []string{"input"}) {
				t.Errorf("%s: sensitive are %q", r.Address(), r.Sensitive)
			}
		}
		if diff := cmp.Diff(want, addresses); diff != "" {
			t.Errorf("%s (-state list +statefile)\n%s", name, diff)
		}
	}
}

func TestSecretsOfRealCheckpoints(t *testing.T) {
	for name, data := range fixtures(t) {
		if !strings.HasPrefix(name, "pulumi-") || name == "pulumi-empty.json" {
			continue
		}
		got, err := collect(t, data, Options{Attributes: func(typ string) []string {
			if typ == stackType {
				return []string{"token"}
			}
			return append(bucketAttributes(typ), "accessKey")
		}})
		if err != nil || len(got) != 8 {
			t.Fatalf("%s: %d resources, %v", name, len(got), err)
		}
		if got[0].Attributes["token"] != (Secret{}) {
			t.Errorf("%s: the token is %v", name, got[0].Attributes["token"])
		}
		for _, r := range got {
			if r.Type != bucketToken {
				continue
			}
			want := map[string]any{"name": "shop-states", "region": "fr-par", "endpoint": "https://s3.fr-par.scw.cloud", "accessKey": Secret{}}
			if diff := cmp.Diff(want, r.Attributes); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	}
}

func TestAttributeValues(t *testing.T) {
	state := func(attributes, more string) string {
		return `{"version":4,"serial":1,"lineage":"x","resources":[{"mode":"managed","type":"t","name":"n","instances":[{"attributes":` + attributes + more + `}]}]}`
	}
	for _, test := range []struct {
		attributes, more string
		want             map[string]any
		sensitive        []string
	}{
		{`{"a":"x"}`, ``, map[string]any{"a": "x"}, nil},
		{`{"a":12345678901234567890}`, ``, map[string]any{"a": json.Number("12345678901234567890")}, nil},
		{`{"a":-1.5e300,"b":true}`, ``, map[string]any{"a": json.Number("-1.5e300"), "b": true}, nil},
		{`{"a":null,"b":[1,[],{"c":{}}]}`, ``, map[string]any{"a": nil, "b": []any{json.Number("1"), []any{}, map[string]any{"c": map[string]any{}}}}, nil},
		{`{"a":"\u00e9\ud83d\ude00\"` + "\xff" + `"}`, ``, map[string]any{"a": "\u00e9\U0001f600\"\ufffd"}, nil},
		{`{"A":"x","other":{"a":1}}`, ``, nil, nil},
		{`{"\u0061":"x"}`, ``, map[string]any{"a": "x"}, nil},
		{`null`, `,"attributes_flat":{"a":"flat"}`, map[string]any{"a": "flat"}, nil},
		{`{"a":"x"}`, `,"attributes_flat":{"a":"flat"}`, map[string]any{"a": "x"}, nil},
		{`{"a":{"b":1}}`, `,"sensitive_attributes":[[{"type":"get_attr","value":"a"},{"type":"get_attr","value":"b"}],[{"type":"get_attr","value":"z"}]]`, map[string]any{"a": map[string]any{"b": json.Number("1")}}, []string{"a"}},
		{`{"a":1,"b":2}`, `,"sensitive_attributes":[[]]`, map[string]any{"a": json.Number("1"), "b": json.Number("2")}, []string{"a", "b"}},
	} {
		got, err := collect(t, []byte(state(test.attributes, test.more)), Options{Attributes: func(string) []string { return []string{"a", "b"} }})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %d resources, %v", test.attributes, len(got), err)
			continue
		}
		if diff := cmp.Diff(test.want, got[0].Attributes); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.attributes, diff)
		}
		if diff := cmp.Diff(test.sensitive, got[0].Sensitive); diff != "" {
			t.Errorf("%s: sensitive (-want +got)\n%s", test.attributes, diff)
		}
	}
}

func TestSpecialPulumiValues(t *testing.T) {
	const key = `"4dabf18193072939515e22adb298388d":`
	for value, want := range map[string]any{
		`{` + key + `"1b47061264138c4ac30d75fd1eb44270","plaintext":"\"s3cr3t\""}`: Secret{},
		`{"plaintext":"\"s3cr3t\"",` + key + `"1b47061264138c4ac30d75fd1eb44270"}`: Secret{},
		`{` + key + `"a signature of the future","value":"s3cr3t"}`:                Secret{},
		`{` + key + `{"not":"a string"},"value":"s3cr3t"}`:                         Secret{},
		`{` + key + `"c44067f5952c0a294b673a41bacd8c17","text":"hello"}`: map[string]any{
			"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "hello",
		},
	} {
		doc := `{"version":3,"deployment":{"manifest":{},"resources":[{"urn":"urn:pulumi:a::b::c::d","type":"c","outputs":{"v":` + value + `}}]}}`
		got, err := collect(t, []byte(doc), Options{Attributes: func(string) []string { return []string{"v"} }})
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %v", value, err)
		}
		if diff := cmp.Diff(want, got[0].Attributes["v"]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", value, diff)
		}
	}
	text, err := json.Marshal(map[string]any{"a": Secret{}})
	if err != nil || string(text) != `{"a":"[secret]"}` {
		t.Errorf("a secret is encoded as %s, %v", text, err)
	}
	if text := fmt.Sprintf("%v %s", Secret{}, Secret{}); text != "[secret] [secret]" {
		t.Errorf("a secret is printed as %s", text)
	}
}

func TestResourcesInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same orders in every run
	docs := map[string][]byte{"opentofu": fixture(t, "opentofu-full.tfstate")}
	for name, doc := range smallStates {
		docs[name] = []byte(doc)
	}
	delete(docs, "encrypted")
	opts := Options{Attributes: func(typ string) []string { return append(bucketAttributes(typ), "input") }}
	for name, doc := range docs {
		want, err := collect(t, doc, opts)
		if err != nil {
			t.Fatal(err)
		}
		arrangements := []func([]member){sorted, reversed}
		for range 100 {
			arrangements = append(arrangements, shuffled(r))
		}
		refused := 0
		for i, arrange := range arrangements {
			other := reorder(t, doc, arrange)
			got, err := collect(t, other, opts)
			var malformed *MalformedError
			if errors.As(err, &malformed) && strings.Contains(malformed.Reason, "an order that no tool writes") && i > 1 {
				refused++
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, other)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got)\n%s\n%s", name, diff, other)
			}
		}
		if refused > len(arrangements)/3 {
			t.Errorf("%s: %d of %d orders are refused", name, refused, len(arrangements))
		}
	}
}

func TestReorderedBlocksAreBounded(t *testing.T) {
	doc := reorder(t, fixture(t, "terraform-full.tfstate"), sorted)
	_, err := collect(t, doc, Options{MaxValue: 100})
	var tooLong *TooLongError
	if !errors.As(err, &tooLong) || tooLong.Limit != 100 {
		t.Errorf("got %v", err)
	}
	if _, err := Summarize(t.Context(), bytes.NewReader(doc), Options{MaxValue: 100}); err != nil {
		t.Errorf("counting alone needs no memory: %v", err)
	}
}

func TestLargeValuesAreRefused(t *testing.T) {
	for name, value := range map[string]string{
		"a long string":  `"` + strings.Repeat("x", 5000) + `"`,
		"a long number":  strings.Repeat("1", 5000),
		"many elements":  `[` + strings.Repeat(`[],`, 500) + `1]`,
		"many members":   `{` + strings.Repeat(`"a":1,`, 500) + `"b":1}`,
		"a long key":     `{"` + strings.Repeat("x", 5000) + `":1}`,
		"a deep nesting": strings.Repeat("[", 500) + strings.Repeat("]", 500),
	} {
		doc := `{"version":4,"serial":1,"resources":[{"mode":"managed","type":"t","name":"n","instances":[{"attributes":{"a":` + value + `}}]}]}`
		_, err := collect(t, []byte(doc), Options{MaxValue: 4000, Attributes: func(string) []string { return []string{"a"} }})
		var tooLong *TooLongError
		if !errors.As(err, &tooLong) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := collect(t, []byte(doc), Options{MaxValue: 4000}); err != nil {
			t.Errorf("%s, not asked for: %v", name, err)
		}
	}
}

func TestResourcesStopsWhenTheLoopDoes(t *testing.T) {
	seen := 0
	for _, err := range Resources(t.Context(), strings.NewReader(terraformState), Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("%d resources were seen", seen)
	}
}

func TestResourcesOfWhatHasNone(t *testing.T) {
	for doc, want := range map[string]error{
		encryptedState: ErrEncrypted, ``: ErrEmpty, `{"a":1}`: ErrNotState,
	} {
		got, err := collect(t, []byte(doc), Options{Name: "s3://b/k"})
		if len(got) != 0 || !errors.Is(err, want) || !strings.HasPrefix(fmt.Sprint(err), "s3://b/k: ") {
			t.Errorf("%s: %d resources, %v", doc, len(got), err)
		}
	}
}

func TestWalkReturnsTheVisitorsError(t *testing.T) {
	boom := errors.New("boom")
	visits := 0
	sum, err := Walk(t.Context(), strings.NewReader(pulumiCheckpoint), Options{}, func(Resource) error {
		visits++
		return boom
	})
	if err != boom || sum != nil || visits != 1 { //nolint:errorlint // it must be returned as it is
		t.Errorf("after %d visits: %v, %v", visits, sum, err)
	}
}

func TestWalkSummarizesAndVisits(t *testing.T) {
	var visited int
	sum, err := Walk(t.Context(), strings.NewReader(terraformState), Options{}, func(r Resource) error {
		visited++
		if r.Attributes != nil {
			t.Errorf("%s has attributes that nobody asked for", r.Address())
		}
		return nil
	})
	if err != nil || visited != sum.ManagedInstances+sum.DataInstances {
		t.Errorf("visited %d of %+v, %v", visited, sum, err)
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user had enough")
	visits := 0
	_, err := Walk(ctx, newGenerated(10_000, 1), Options{}, func(Resource) error {
		if visits++; visits == 100 {
			cancel(why)
		}
		return nil
	})
	if !errors.Is(err, why) || visits > 1000 {
		t.Errorf("after %d visits: %v", visits, err)
	}
	if _, err := Summarize(ctx, strings.NewReader(terraformState), Options{}); !errors.Is(err, why) {
		t.Errorf("before the first byte: %v", err)
	}
}
