package leaserun

import "testing"

func TestParseStat(t *testing.T) {
	for text, want := range map[string]process{
		"12 (sh) S 3 4 5 6":           {pid: 12, parent: 3, group: 4},
		"12 (a) S 1 (b c) R 3 4 5 6 ": {pid: 12, parent: 3, group: 4},
		"12 (sh) T 3 4 5 6":           {pid: 12, parent: 3, group: 4, still: true},
		"12 (sh) D 3 4 5 6":           {pid: 12, parent: 3, group: 4, deep: true},
		"12 (sh) Z 3 4 5 6":           {pid: 12, parent: 3, group: 4, still: true},
		"":                            {},
		"12 (sh":                      {},
		"12 (sh) S":                   {},
		"x (sh) S 3 4":                {},
	} {
		got, ok := parseStat(text)
		if valid := want != (process{}); ok != valid || ok && got != want {
			t.Errorf("%q: %+v, %t", text, got, ok)
		}
	}
}
