package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRunRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{{"-x"}, {"-buckets=1"}, {"-starts=0"}, {"-locks=0"}, {"-latency=-1s"}, {"surplus"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, func(string) string { return "" }, &stdout, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, code, stderr.String())
		}
	}
}

func TestReport(t *testing.T) {
	r := &report{FormatVersion: "1.0", Latency: 30 * time.Millisecond, Machine: "a test"}
	r.add(jobCreate, bareSDK, 1, []sample{{took: 3 * time.Second}, {took: time.Second}, {requests: 5, rounds: 4, took: 2 * time.Second}})
	r.add(jobCreate, "other", 1, []sample{{took: 5 * time.Second}})
	r.add(jobRefresh, "nobody", 1, nil)
	if len(r.Buckets) != 2 || r.Buckets[0].Requests != 5 || r.Buckets[0].RoundTrips != 4 || r.Buckets[0].Ratio != 1 || r.Buckets[1].Ratio != 2.5 {
		t.Errorf("got %+v", r.Buckets)
	}
	r.Starts = []startRow{{Program: roleNothing, Median: 1500 * time.Microsecond}}
	r.Binaries = []binaryRow{{Program: roleGroundwork, Bytes: 29_960_000}}

	var out bytes.Buffer
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30ms", "2.00 s", "2.5", "1.5 ms", "30.0 MB"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tables lack %q:\n%s", want, out.String())
		}
	}
	file := filepath.Join(t.TempDir(), "bench.json")
	if err := r.writeJSON(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(text, &back); err != nil || back.Buckets[1].Took != 5*time.Second {
		t.Errorf("%v: %s", err, text)
	}
}

// One pass through the locks: what is compared is what was meant, and a lock costs two statements.
func TestLocks(t *testing.T) {
	r := &report{}
	if err := locks(t.Context(), r, 5, func(string, ...any) {}); err != nil {
		t.Fatal(err)
	}
	if len(r.Locks) != 6 || len(r.Handovers) != 3 {
		t.Fatalf("got %+v, %+v", r.Locks, r.Handovers)
	}
	for _, row := range r.Locks {
		if row.Statements < 2 || row.Statements > 2.5 || row.Took <= 0 || row.Ratio <= 0 {
			t.Errorf("got %+v", row)
		}
	}
	for i, waiters := range []int{1, 10, 100} {
		if h := r.Handovers[i]; h.Waiters != waiters || h.Runs < waiters || h.Median <= 0 || h.Statements < 2 {
			t.Errorf("got %+v", h)
		}
	}
	var out bytes.Buffer
	if err := r.print(&out); err != nil || !strings.Contains(out.String(), leaseTaken) || !strings.Contains(out.String(), "90 %") {
		t.Errorf("%v: %s", err, out.String())
	}
}
