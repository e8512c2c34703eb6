package statefile

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestNoPrefixOfAStateIsRefused looks at states through prefixes of any length.
func TestNoPrefixOfAStateIsRefused(t *testing.T) {
	docs := map[string][]byte{"old": []byte(`{"version":3,"terraform_version":"0.11.14","serial":3,"lineage":"x","modules":[]}`)}
	for name, doc := range smallStates {
		docs[name] = []byte(doc)
		docs[name+", gzip"] = gzipped(t, []byte(doc))
		docs[name+", zstd"] = zstded(t, []byte(doc))
		docs[name+", sorted"] = reorder(t, []byte(doc), sorted)
		docs[name+", reversed"] = reorder(t, []byte(doc), reversed)
	}
	for name, data := range fixtures(t) {
		docs[name] = data
	}
	for name, doc := range docs {
		step := max(1, len(doc)/500)
		for n := 0; n <= len(doc); n += step {
			if LooksLikeState(doc[:n]) == No {
				t.Errorf("%s: no at %d of %d bytes", name, n, len(doc))
				break
			}
		}
		if got := LooksLikeState(doc); got != Yes {
			t.Errorf("%s: %s as a whole", name, got)
		}
	}
}

func TestAFewBytesAreEnough(t *testing.T) {
	for name, doc := range smallStates {
		if got := LooksLikeState([]byte(doc[:min(len(doc), 150)])); got != Yes {
			t.Errorf("%s: %s after 150 bytes", name, got)
		}
	}
	for name, data := range fixtures(t) {
		if got := LooksLikeState(data[:min(len(data), 4<<10)]); got == No || got == Maybe && !strings.HasSuffix(name, ".zst") {
			t.Errorf("%s: %s after 4 KiB", name, got)
		}
	}
}

func TestLooksLikeState(t *testing.T) {
	long := strings.Repeat("x", 4000)
	for _, test := range []struct {
		prefix string
		want   Verdict
	}{
		{``, Maybe},
		{` `, Maybe},
		{`{`, Maybe},
		{`{"a":1`, Maybe},
		{`{"version":4,`, Maybe},
		{`{"name":"` + long, Maybe},
		{`{"version":4,"terraform_version":"1.11.4",`, Yes},
		{`{"lineage":"x","serial":4,`, Yes},
		{`{"version":4,"terraform_version":"1.11.4","x":tru!`, Yes},
		{"tfstate\x01", Yes},
		{`[{"version":4,"terraform_version":"1"`, No},
		{`{"a": 1 }`, No},
		{`{"a":1}`, Maybe}, // fewer bytes than a signature takes
		{`{"a":1,}`, No},
		{`{"version":4,"a":b`, No},
		{`<?xml version="1.0"?>`, No},
		{`# Read me first`, No},
		{"\x89PNG\r\n\x1a\n", No},
		{"PK\x03\x04........", No},
		{"{" + strings.Repeat(`"a":1,`, foreignKeys+1), No},
		{string(gzipped(t, []byte(`# Read me first, then the rest`))), No},
		{string(gzipped(t, bytes.Repeat([]byte(" "), 8<<20))), Maybe},
		{"\x1f\x8b", Maybe},
		{"\x1f\x8bgarbage that is no gzip", Maybe},
		{"\x28\xb5\x2f\xfd", Maybe},
	} {
		if got := LooksLikeState([]byte(test.prefix)); got != test.want {
			t.Errorf("%.60q: %s, want %s", test.prefix, got, test.want)
		}
	}
}

// TestNoIsFinal requires that what is refused by a prefix is refused whole.
func TestNoIsFinal(t *testing.T) {
	for _, doc := range []string{
		`{"a":1}`, `[1,2,3]`, `plain text`, `{"a":{"b":[}}`, `{"version":1,"serial":7}`, `{"ID":"1","Operation":"apply"}`,
	} {
		for n := range len(doc) + 1 {
			if LooksLikeState([]byte(doc[:n])) != No {
				continue
			}
			_, err := summarize(t, doc)
			var syntax *SyntaxError
			if !isNotState(err) && !errors.As(err, &syntax) {
				t.Errorf("%s: no after %d bytes, but %v", doc, n, err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		Yes.String(): "yes", Maybe.String(): "maybe", No.String(): "no",
		None.String(): "none", Gzip.String(): "gzip", Zstd.String(): "zstd",
		Unknown.String(): "unknown", Terraform.String(): "Terraform state", Encrypted.String(): "encrypted OpenTofu state", Pulumi.String(): "Pulumi checkpoint",
		KeyPulumiMeta.String(): "Pulumi meta", KeyKind(99).String(): "other",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
