package backendcfg

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecide(t *testing.T) {
	const want = "backend \"s3\" {\n  # Managed\n  bucket = \"b\"\n  key    = \"k\"\n\n  endpoints = {\n    s3 = \"https://e\"\n  }\n}\n"
	const reordered = "backend \"s3\" {\r\n  key=\"k\" # by hand\r\n  bucket = \"b\"\r\n  endpoints = { s3 = \"https://e\" }\r\n}"
	const other = "backend \"s3\" {\n  bucket = \"b\"\n  key    = \"other\"\n  secret_key = \"hunter2\"\n}\n"
	for name, tt := range map[string]struct {
		mode      IfExists
		found     string
		exists    bool
		action    Action
		refused   bool
		identical bool
	}{
		"nothing there, error":          {IfExistsError, "", false, ActionWrite, false, false},
		"nothing there, adopt":          {IfExistsAdoptIdentical, "", false, ActionWrite, false, false},
		"same, error":                   {IfExistsError, want, true, 0, true, true},
		"same, default":                 {"", want, true, 0, true, true},
		"same, adopt":                   {IfExistsAdoptIdentical, want, true, ActionAdopt, false, false},
		"same meaning, adopt":           {IfExistsAdoptIdentical, reordered, true, ActionAdopt, false, false},
		"same, overwrite":               {IfExistsOverwrite, want, true, ActionWrite, false, false},
		"other, error":                  {IfExistsError, other, true, 0, true, false},
		"other, adopt":                  {IfExistsAdoptIdentical, other, true, 0, true, false},
		"other, overwrite":              {IfExistsOverwrite, other, true, ActionWrite, false, false},
		"empty file, adopt":             {IfExistsAdoptIdentical, "", true, 0, true, false},
		"a file that does not parse":    {IfExistsAdoptIdentical, "secret_key = \"hunter2", true, 0, true, false},
		"unknown function, not a value": {IfExistsAdoptIdentical, strings.Replace(want, `"k"`, `lower("k")`, 1), true, 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decide(tt.mode, "main.tf", tt.found, tt.exists, want)
			var e *ExistsError
			if errors.As(err, &e) != tt.refused {
				t.Fatalf("got %v", err)
			}
			if !tt.refused {
				if got != tt.action || err != nil {
					t.Fatalf("got action %v, %v", got, err)
				}
				return
			}
			if e.Identical != tt.identical || !strings.Contains(err.Error(), "main.tf") || !strings.Contains(err.Error(), "if_exists") {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds a value: %v", err)
			}
		})
	}
	if _, err := Decide("skip", "main.tf", "", false, want); !errors.As(err, new(*FieldError)) {
		t.Errorf("got %v", err)
	}
	_, err := Decide(IfExistsError, "main.tf", other, true, want)
	for _, s := range []string{"line 3 key", "line 4 secret_key", "missing: new line 4 key"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

func TestEquivalent(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a = 1", "a = 1.0", true},
		{"a = 1\nb = 2\n", "b = 2\na = 1 # c\n", true},
		{"a = [1,2]", "a = [\n 1, # x\n 2,\n]", true},
		{"a = var.x", "a = var . x", true},
		{"a = var.x", "a = var.y", false},
		{"a = { x = 1 }", "a = { \"x\" : 1 }", true},
		{"a = \"1\"", "a = 1", false},
		{"b \"x\" {}", "b \"y\" {}", false},
		{"b {}\nc {}", "c {}\nb {}", false},
		{"a = 1", "a = 1\nb = 2", false},
		{"a = [for x in y : x]", "a = [for x in y: x]", true},
		{"a = (", "a = (", true},
		{"a = (", "a = ( ", false},
	} {
		if got := Equivalent(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, got)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		want       []LineChange
	}{
		{"same", "a = 1\n", "a = 1\n", nil},
		{"indentation and line ends", "a =  1\r\nb {\r\n}\r\n", "\ta = 1\n  b {\n}", nil},
		{"changed", "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 4\nc = 3\n", []LineChange{{false, 2, "b"}, {true, 2, "b"}}},
		{"removed", "a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n", []LineChange{{false, 2, "b"}}},
		{"added to nothing", "", "a = 1\n\"b\": 2\n}", []LineChange{{true, 1, "a"}, {true, 2, "b"}, {true, 3, ""}}},
		{"moved", "x = 1\ny = 2\nz = 3\n", "y = 2\nz = 3\nx = 1\n", []LineChange{{false, 1, "x"}, {true, 3, "x"}}},
		{"secret on its own line", "hunter2\n", "", []LineChange{{false, 1, ""}}},
	} {
		if diff := cmp.Diff(tt.want, Diff(tt.a, tt.b)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	var long strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&long, "a%d = %d\n", i, i)
	}
	changes := Diff(long.String(), "b = 1\n")
	if len(changes) != 2001 {
		t.Errorf("%d changes", len(changes))
	}
	if s := summarise(changes); len(s) > 300 || !strings.Contains(s, "and 1995 more") {
		t.Errorf("summary %q", s)
	}
}
