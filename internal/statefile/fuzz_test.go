package statefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agrees checks a reading of any input against encoding/json.
func agrees(t *testing.T, doc []byte) {
	t.Helper()
	var visited int
	opts := Options{MaxValue: 1 << 16, Attributes: func(string) []string { return []string{"name", "region", "id"} }}
	sum, err := Walk(t.Context(), bytes.NewReader(doc), opts, func(Resource) error { visited++; return nil })
	counted, countErr := Summarize(t.Context(), bytes.NewReader(doc), Options{})
	if err == nil && countErr != nil {
		t.Fatalf("visiting is happy, counting says %v\n%q", countErr, doc)
	}
	verdict := LooksLikeState(doc[:len(doc)/2])
	if err != nil {
		if sum != nil {
			t.Fatalf("a summary beside the error %v\n%q", err, doc)
		}
		if errors.Is(err, ErrNotState) {
			holdsNothing(t, doc)
		}
		return
	}
	if verdict == No {
		t.Fatalf("half of a state is said to be none\n%q", doc)
	}
	if diff := cmp.Diff(counted, sum); diff != "" {
		t.Fatalf("(-counting +visiting)\n%s\n%q", diff, doc)
	}
	if sum.Compression != None {
		return
	}
	if !json.Valid(doc) {
		t.Fatalf("accepted what is not JSON: %q", doc)
	}
	if sum.Kind != Terraform {
		return
	}
	if visited != sum.ManagedInstances+sum.DataInstances {
		t.Fatalf("visited %d of %+v\n%q", visited, sum, doc)
	}
	var ref reference
	if err := json.Unmarshal(doc, &ref); err != nil {
		t.Fatalf("encoding/json says %v\n%q", err, doc)
	}
	want, got := ref.summary(), sum.comparable()
	if want.Outputs < got.Outputs {
		// Of two outputs of one name encoding/json keeps the last.
		got.Outputs = want.Outputs
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-encoding/json +statefile)\n%s\n%q", diff, doc)
	}
}

// holdsNothing requires that Terraform would find nothing in what is said to
// be no state.
func holdsNothing(t *testing.T, doc []byte) {
	t.Helper()
	var ref reference
	if len(doc) > foreignBytes || json.Unmarshal(doc, &ref) != nil || ref.Version == nil || *ref.Version != terraformVersion {
		return
	}
	for _, r := range ref.Resources {
		if r.Mode == ModeManaged && len(r.Instances) > 0 {
			t.Fatalf("Terraform reads instances in what is said to be no state\n%q", doc)
		}
	}
}

func FuzzSummarize(f *testing.F) {
	for _, doc := range smallStates {
		f.Add([]byte(doc))
		f.Add(gzipped(f, []byte(doc)))
		f.Add(zstded(f, []byte(doc)))
	}
	for _, data := range fixtures(f) {
		f.Add(data)
	}
	f.Add([]byte(`{"version":3,"terraform_version":"0.11.14","serial":3,"lineage":"x","modules":[]}`))
	f.Fuzz(agrees)
}

func FuzzClassifyKey(f *testing.F) {
	for _, test := range keyTests {
		f.Add(test.key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		k := ClassifyKey(key)
		pulumi := k.Kind >= KeyPulumiStack
		if pulumi && k.Kind != KeyPulumiMeta && k.Stack == "" {
			t.Errorf("%q: %+v", key, k)
		}
		if pulumi == (k.StateKey != "") && k.Kind != KeyOther {
			t.Errorf("%q: %+v", key, k)
		}
	})
}
