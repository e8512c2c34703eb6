package statefile

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// BenchmarkSummarize counts a state of 20 MB and 9,000 instances: streaming,
// and as a program would that loads it with encoding/json.
func BenchmarkSummarize(b *testing.B) {
	doc, err := io.ReadAll(newGenerated(9000, 1))
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, count func(data []byte) (int, error), data []byte) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if n, err := count(data); err != nil || n != 9000 {
					b.Fatal(n, err)
				}
			}
		})
	}
	summarize := func(data []byte) (int, error) {
		sum, err := Summarize(b.Context(), bytes.NewReader(data), Options{})
		if err != nil {
			return 0, err
		}
		return sum.ManagedInstances, nil
	}
	opts := Options{Attributes: func(string) []string { return []string{"id"} }}
	resources := func(data []byte) (int, error) {
		n := 0
		for _, err := range Resources(b.Context(), bytes.NewReader(data), opts) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	typed := func(data []byte) (int, error) {
		var ref reference
		if err := json.Unmarshal(data, &ref); err != nil {
			return 0, err
		}
		return ref.summary().ManagedInstances, nil
	}
	untyped := func(data []byte) (int, error) {
		var v struct{ Resources []map[string]any }
		err := json.NewDecoder(bytes.NewReader(data)).Decode(&v)
		return len(v.Resources), err
	}
	run("statefile", summarize, doc)
	run("statefile-resources", resources, doc)
	run("statefile-gzip", summarize, gzipped(b, doc))
	run("statefile-zstd", summarize, zstded(b, doc))
	run("encoding-json-typed", typed, doc)
	run("encoding-json-full", untyped, doc)
}
