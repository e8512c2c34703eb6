package statefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

func isNotState(err error) bool { return errors.Is(err, ErrNotState) }

func TestWhatIsNoState(t *testing.T) {
	for _, doc := range []string{
		`{}`, `[]`, `[1`, `null`, `true`, `42`, `"state"`, `{"a":{"version":4,"resources":[]}}`,
		`{"version":4}`, `{"version":"4","name":"x"}`, `{"version":1,"serial":2}`, `{"version":3,"name":"lock","packages":{}}`,
		`{"serial":1}`, `{"resources":[]}`, `{"outputs":{}}`, `{"version":4,"resources":[{"kind":"x"}]}`,
		`{"version":2,"checkpoint":"x"}`, `{"checkpoint":{"epoch":3}}`, `{"version":3,"deployment":{"replicas":2}}`,
		`{"version":1,"tags":{}}`, `{"ID":"1","Operation":"apply","Info":"","Who":"a@b","Version":"1.11.4","Created":"","Path":"b/k"}`,
		`{"kind":"update","startTime":1795403633,"message":"","environment":{},"config":{},"version":0,"result":"succeeded","endTime":1,"resourceChanges":{"create":1}}`,
		`{"pid":1,"username":"a","hostname":"b","timestamp":"c"}`,
		`{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{}}}`,
	} {
		if sum, err := summarize(t, doc); !isNotState(err) {
			t.Errorf("%s: %+v, %v", doc, sum, err)
		}
	}
}

func TestEmpty(t *testing.T) {
	for name, data := range map[string][]byte{"plain": nil, "gzip": gzipped(t, nil), "zstd": zstded(t, []byte{})} {
		if name == "zstd" && len(data) == 0 {
			data = append(zstdMagic, 0x00, 0x00, 0x01, 0x00, 0x00) // a frame with one empty block
		}
		if _, err := Summarize(t.Context(), bytes.NewReader(data), Options{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnsupportedVersions(t *testing.T) {
	for doc, want := range map[string]UnsupportedVersionError{
		`{"version":1,"serial":3,"modules":[{"path":["root"]}]}`:                                             {Kind: Terraform, Version: 1},
		`{"version":2,"terraform_version":"0.6.9","serial":3,"modules":[]}`:                                  {Kind: Terraform, Version: 2, ToolVersion: "0.6.9"},
		`{"version":3,"terraform_version":"0.11.14","serial":3,"lineage":"x","modules":[{"path":["root"]}]}`: {Kind: Terraform, Version: 3, ToolVersion: "0.11.14"},
		`{"lineage":"x","modules":[{"resources":{}}],"serial":3,"terraform_version":"0.11.14","version":3}`:  {Kind: Terraform, Version: 3, ToolVersion: "0.11.14"},
		`{"version":5,"terraform_version":"3.0.0","serial":3,"lineage":"x","resources":{"new":"shape"}}`:     {Kind: Terraform, Version: 5, ToolVersion: "3.0.0"},
		`{"version":0,"terraform_version":"0.1.0","serial":3,"lineage":"x"}`:                                 {Kind: Terraform, Version: 0, ToolVersion: "0.1.0"},
		"tfstate\x01\x02\x03": {Kind: Terraform},
		`{"version":1,"checkpoint":{"stack":"dev","latest":{"manifest":{"version":"v0.1.0"},"resources":[]}}}`: {Kind: Pulumi, Version: 1, ToolVersion: "v0.1.0"},
		`{"version":2,"checkpoint":{"stack":"dev","latest":{}}}`:                                               {Kind: Pulumi, Version: 2},
		`{"version":5,"checkpoint":{"stack":"organization/a/b","latest":{"manifest":{}}}}`:                     {Kind: Pulumi, Version: 5},
		`{"version":9,"deployment":{"manifest":{"version":"v9.0.0"},"resources":[]}}`:                          {Kind: Pulumi, Version: 9, ToolVersion: "v9.0.0"},
		`{"stack":"dev","latest":{"manifest":{"version":"v0.1.0"},"resources":[{"urn":"a","type":"b"}]}}`:      {Kind: Pulumi, ToolVersion: "v0.1.0"},
	} {
		_, err := summarize(t, doc)
		var got *UnsupportedVersionError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		if !regexp.MustCompile(`upgrade|rewrites`).MatchString(err.Error()) {
			t.Errorf("%q does not say what to do", err)
		}
	}
}

func TestMalformedStates(t *testing.T) {
	resource := func(body string) string {
		return `{"version":4,"serial":1,"lineage":"x","resources":[{"mode":"data","type":"a","name":"b","instances":[]},{` + body + `}]}`
	}
	instance := func(body string) string {
		return resource(`"mode":"managed","type":"a","name":"b","instances":[{},` + body + `]`)
	}
	node := func(body string) string {
		return `{"version":3,"checkpoint":{"stack":"s","latest":{"manifest":{},"resources":[` + body + `]}}}`
	}
	for _, test := range []struct{ doc, path, reason string }{
		{`{"serial":1,"lineage":"x","terraform_version":"1"}`, "version", "is missing"},
		{`{"version":"4","serial":1,"lineage":"x"}`, "version", "is a string instead of a number"},
		{`{"version":4.0,"serial":1,"lineage":"x"}`, "version", "is not a whole number"},
		{`{"version":4,"serial":-1,"lineage":"x"}`, "serial", "is not a whole number"},
		{`{"version":4,"serial":18446744073709551616,"lineage":"x"}`, "serial", "is larger than any that the tools write"},
		{`{"version":4,"serial":1,"lineage":7,"terraform_version":"1"}`, "lineage", "is a number instead of a string"},
		{`{"version":4,"serial":1,"lineage":"x","resources":{}}`, "resources", "is an object instead of an array"},
		{`{"version":4,"serial":1,"lineage":"x","resources":"none"}`, "resources", "is a string instead of an array"},
		{`{"version":4,"serial":1,"lineage":"x","outputs":[]}`, "outputs", "is an array instead of an object"},
		{`{"version":4,"serial":1,"lineage":"x","outputs":{"a":{"value":1}}}`, "outputs", "holds an output without a type"},
		{`{"version":4,"serial":1,"lineage":"x","outputs":{"a":1}}`, "outputs", "is a number instead of an object"},
		{`{"version":4,"version":4,"serial":1,"lineage":"x"}`, "version", "appears twice in one object"},
		{`{"version":4,"serial":1,"lineage":"x","resources":[{"mode":"managed","type":"a","name":"b","instances":[{}]}],"resources":[]}`, "resources", "appears twice in one object"},
		{`{"version":4,"serial":1,"lineage":"x","resources":[],"Resources":[]}`, "resources", "appears twice in one object"},
		{`{"version":4,"serial":1,"lineage":"x","resources":[null]}`, "resources[0]", "is null"},
		{`{"version":4,"serial":1,"lineage":"x","resources":[7]}`, "resources[0]", "is a number instead of an object"},
		{resource(`"type":"a","name":"b","instances":[]`), "resources[1].mode", "is missing"},
		{resource(`"mode":"ephemeral","type":"a","name":"b"`), "resources[1].mode", `is neither "managed" nor "data"`},
		{resource(`"mode":"managed","name":"b"`), "resources[1]", "has no type or no name"},
		{resource(`"mode":"managed","type":["a"],"name":"b"`), "resources[1].type", "is an array instead of a string"},
		{resource(`"mode":"managed","type":"a","name":"b","instances":{}`), "resources[1].instances", "is an object instead of an array"},
		{resource(`"mode":"managed","type":"a","name":"b","instances":[],"instances":[]`), "resources[1].instances", "appears twice in one object"},
		{resource(`"mode":"managed","mode":"data","type":"a","name":"b"`), "resources[1].mode", "appears twice in one object"},
		{instance(`null`), "resources[1].instances[1]", "is null"},
		{instance(`[]`), "resources[1].instances[1]", "is an array instead of an object"},
		{instance(`{"status":"broken"}`), "resources[1].instances[1].status", `is not "tainted"`},
		{instance(`{"status":true}`), "resources[1].instances[1].status", "is a boolean instead of a string"},
		{instance(`{"deposed":1}`), "resources[1].instances[1].deposed", "is a number instead of a string"},
		{instance(`{"index_key":1.5}`), "resources[1].instances[1].index_key", "is not a whole number"},
		{instance(`{"index_key":1e400}`), "resources[1].instances[1].index_key", "is not a whole number"},
		{instance(`{"index_key":{}}`), "resources[1].instances[1].index_key", "is an object instead of a string"},
		{instance(`{"attributes":"{}"}`), "resources[1].instances[1].attributes", "is a string instead of an object"},
		{instance(`{"attributes":{"a":1,"a":2}}`), "resources[1].instances[1].attributes.a", "appears twice in one object"},
		{instance(`{"deposed":"a","deposed":""}`), "resources[1].instances[1].deposed", "appears twice in one object"},
		{`{"checkpoint":{"stack":"s","latest":{"manifest":{}}}}`, "version", "is missing"},
		{`{"version":3,"checkpoint":{"stack":"s"},"deployment":{}}`, "the document", "holds more than one checkpoint or deployment"},
		{`{"version":3,"checkpoint":{"stack":"s","stack":"t"}}`, "checkpoint.stack", "appears twice in one object"},
		{`{"version":3,"checkpoint":{"stack":"s","latest":[]}}`, "checkpoint.latest", "is an array instead of an object"},
		{node(`{"urn":"a","type":"b"}],"resources":[`), "checkpoint.latest.resources", "appears twice in one object"},
		{node(`null`), "checkpoint.latest.resources[0]", "has no urn or no type"},
		{node(`{"urn":"a"}`), "checkpoint.latest.resources[0]", "has no urn or no type"},
		{node(`{"urn":"a","type":"b"},{"urn":"a","type":"b","delete":"yes"}`), "checkpoint.latest.resources[1].delete", "is a string instead of a boolean"},
		{node(`{"urn":"a","type":"b","outputs":[]}`), "checkpoint.latest.resources[0].outputs", "is an array instead of an object"},
	} {
		opts := Options{Attributes: func(string) []string { return []string{"a"} }}
		_, err := Walk(t.Context(), strings.NewReader(test.doc), opts, func(Resource) error { return nil })
		var malformed *MalformedError
		if !errors.As(err, &malformed) {
			t.Errorf("%s: %v", test.doc, err)
			continue
		}
		if malformed.Path != test.path || malformed.Reason != test.reason {
			t.Errorf("%s: %s %s, want %s %s", test.doc, malformed.Path, malformed.Reason, test.path, test.reason)
		}
		if malformed.Offset > int64(len(test.doc)) {
			t.Errorf("%s: offset %d", test.doc, malformed.Offset)
		}
	}
}

func TestErrorsNameTheStateAndTheWayOut(t *testing.T) {
	for doc, want := range map[string]string{
		terraformState[:100]: "s3://b/k: invalid JSON at byte 100: the document ends where the end of a string is expected; " +
			"restore an earlier version of it, or replace it with what the tool's own `state pull` or `stack export` prints",
		`{"version":4,"serial":1,"lineage":"x","resources":[7]}`: "s3://b/k: damaged state: resources[0], at byte 51, is a number instead of an object; " +
			"restore an earlier version of it, or replace it with what the tool's own `state pull` or `stack export` prints",
		``: "s3://b/k: the state is empty (0 bytes)",
		`{"version":3,"terraform_version":"0.11.14","lineage":"x"}`: "s3://b/k: Terraform state of format version 3, written by \"0.11.14\", is too old to be read here: " +
			"run `terraform apply -refresh-only` in its working directory, which rewrites it in version 4",
		"\xff\xfe{\x00": "s3://b/k: invalid JSON at byte 0: the state begins with a byte order mark, so a shell or an editor rewrote it as UTF-16: " +
			"save it as UTF-8 without a mark; restore an earlier version of it, or replace it with what the tool's own `state pull` or `stack export` prints",
	} {
		if _, err := Summarize(t.Context(), strings.NewReader(doc), Options{Name: "s3://b/k"}); fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestByteOrderMarks(t *testing.T) {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		var syntax *SyntaxError
		if _, err := summarize(t, mark+terraformState); !errors.As(err, &syntax) || !strings.Contains(err.Error(), "byte order mark") {
			t.Errorf("%q: %v", mark, err)
		}
		if got := LooksLikeState([]byte(mark + terraformState)); got != Maybe {
			t.Errorf("%q: %s", mark, got)
		}
	}
}

func TestInvalidUTF8IsReadAsTheToolsReadIt(t *testing.T) {
	doc := strings.Replace(terraformState, `"9d4cbb31"`, "\"9d\xff\"", 1)
	if sum, err := summarize(t, doc); err != nil || sum.Lineage != "9d\ufffd" {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestHostileDocuments(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 1<<20)
	state := `{"version":4,"serial":1,"lineage":"x",`
	for name, doc := range map[string]string{
		"deep nesting":                  deep,
		"deep nesting in a state":       state + `"resources":[{"mode":"managed","type":"a","name":"b","instances":[{"attributes":` + deep,
		"deep nesting, asked for":       state + `"resources":[{"mode":"managed","type":"a","name":"b","instances":[{"attributes":{"a":` + strings.Repeat("[", 1<<20),
		"a huge serial":                 `{"version":4,"lineage":"x","serial":` + strings.Repeat("9", 4<<20) + `}`,
		"a huge version":                `{"lineage":"x","serial":1,"version":1` + strings.Repeat("0", 400) + `}`,
		"a huge lineage":                `{"version":4,"serial":1,"lineage":"` + strings.Repeat("x", 4<<20) + `"}`,
		"a huge key":                    `{"version":4,"serial":1,"lineage":"x","` + strings.Repeat("x", 4<<20) + `":1}`,
		"a huge type":                   state + `"resources":[{"mode":"managed","type":"` + strings.Repeat("x", 4<<20) + `","name":"b"}]}`,
		"a zero byte":                   state + "\x00" + `"resources":[]}`,
		"something behind it":           terraformState + "{}",
		"a zero byte behind it":         terraformState + "\x00",
		"a control character in a name": strings.Replace(terraformState, `"this"`, "\"th\x01is\"", 1),
		"a broken escape in a secret":   strings.Replace(terraformState, `"s3cr3t"`, `"s3\xcr3t"`, 1),
		"a page of a proxy":             "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
		"YAML":                          "version: 4\n",
		"white space":                   " \n\t ",
	} {
		opts := Options{Attributes: func(string) []string { return []string{"a", "token"} }}
		_, err := Walk(t.Context(), strings.NewReader(doc), opts, func(Resource) error { return nil })
		var (
			syntax    *SyntaxError
			tooLong   *TooLongError
			malformed *MalformedError
		)
		if !errors.As(err, &syntax) && !errors.As(err, &tooLong) && !errors.As(err, &malformed) {
			t.Errorf("%s: %v", name, err)
		}
		if len(fmt.Sprint(err)) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

// TestTruncatedAnywhereIsAnError cuts every kind of state at every byte: a
// part must never pass for a smaller state.
func TestTruncatedAnywhereIsAnError(t *testing.T) {
	docs := map[string][]byte{
		"gzip": gzipped(t, []byte(terraformState)),
		"zstd": zstded(t, []byte(terraformState)),
	}
	for name, doc := range smallStates {
		docs[name] = []byte(doc)
	}
	opts := Options{Attributes: bucketAttributes}
	for name, doc := range docs {
		for n := range doc {
			sum, err := Summarize(t.Context(), iotest.DataErrReader(bytes.NewReader(doc[:n])), Options{})
			if err == nil {
				t.Fatalf("%s, cut at %d of %d: %+v", name, n, len(doc), sum)
			}
			if isNotState(err) {
				t.Fatalf("%s, cut at %d of %d: %v", name, n, len(doc), err)
			}
			last := errors.New("nothing was yielded")
			for _, err := range Resources(t.Context(), bytes.NewReader(doc[:n]), opts) {
				last = err
			}
			if last == nil {
				t.Fatalf("%s, cut at %d of %d: Resources ends without an error", name, n, len(doc))
			}
		}
	}
}

// TestChangedAnywhereNeverPanics changes every byte, and requires that what
// still passes as JSON agrees with encoding/json.
func TestChangedAnywhereNeverPanics(t *testing.T) {
	const intruders = "{}[]\",:0x\\ \x00\xff"
	for _, doc := range smallStates {
		for i := range len(doc) {
			changed := []byte(doc)
			changed[i] = intruders[i%len(intruders)]
			agrees(t, changed)
		}
	}
}

func TestDamagedCompression(t *testing.T) {
	for name, data := range map[Compression][]byte{Gzip: gzipped(t, []byte(terraformState)), Zstd: zstded(t, []byte(terraformState))} {
		for _, damage := range []func([]byte) []byte{
			func(b []byte) []byte { b[len(b)-1] ^= 0xff; return b },
			func(b []byte) []byte { return append(b, "garbage"...) },
			func(b []byte) []byte { return b[:len(b)-3] },
			func(b []byte) []byte { return b[:5] },
		} {
			_, err := Summarize(t.Context(), bytes.NewReader(damage(bytes.Clone(data))), Options{})
			var decompress *DecompressError
			if !errors.As(err, &decompress) || decompress.Compression != name {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// A window of 1 GiB, in a frame that needs nothing of it.
	huge := append(bytes.Clone(zstdMagic), 0x00, 0xa0, 0x01, 0x00, 0x00)
	var decompress *DecompressError
	if _, err := Summarize(t.Context(), bytes.NewReader(huge), Options{}); !errors.As(err, &decompress) {
		t.Errorf("a huge window: %v", err)
	}
}

func TestFailingSource(t *testing.T) {
	boom := errors.New("connection reset")
	for name, doc := range map[string][]byte{
		"plain": []byte(terraformState), "gzip": gzipped(t, []byte(terraformState)), "zstd": zstded(t, []byte(terraformState)),
	} {
		for _, n := range []int{0, 3, 20, len(doc) - 1, len(doc)} {
			for _, cause := range []error{boom, io.ErrUnexpectedEOF} {
				_, err := Summarize(t.Context(), io.MultiReader(bytes.NewReader(doc[:n]), iotest.ErrReader(cause)), Options{})
				var read *ReadError
				if !errors.Is(err, cause) || !errors.As(err, &read) {
					t.Errorf("%s, failing after %d bytes with %v: %v", name, n, cause, err)
				}
			}
		}
	}
}

// TestErrorsShowNoValue gives every value of a state the wrong kind in turn.
func TestErrorsShowNoValue(t *testing.T) {
	const secret = "s3cr3t"
	value := regexp.MustCompile(`:("[^"]*"|[0-9]+|true|false|null|\[|\{)`)
	for name, doc := range smallStates {
		for _, at := range value.FindAllStringIndex(doc, -1) {
			for _, other := range []string{`"` + secret + `"`, `["` + secret + `"]`, `{"` + secret + `":"` + secret + `"}`, `"` + secret + `\q`, `"` + secret + "\x01", secret} {
				changed := doc[:at[0]+1] + other + doc[at[1]:]
				opts := Options{Attributes: func(string) []string { return []string{"name", "token", "region", "key"} }}
				_, err := Walk(t.Context(), strings.NewReader(changed), opts, func(Resource) error { return nil })
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}
