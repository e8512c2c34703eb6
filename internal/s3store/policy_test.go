package s3store

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parsePolicy(t testing.TB, text string) *PolicyDocument {
	t.Helper()
	doc, err := ParsePolicy(text)
	must(t, err)
	return doc
}

func sids(list []Statement) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Sid)
	}
	return strings.Join(out, " ")
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want string // what String gives
	}{
		"a list": {
			`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Deny"},{"Effect":"Allow"}]}`,
			`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Deny"},{"Effect":"Allow"}]}`,
		},
		"one object in place of a list": {
			`{"Version":"2012-10-17","Statement":{"Sid":"a"}}`, `{"Version":"2012-10-17","Statement":[{"Sid":"a"}]}`,
		},
		"statements keep every byte": {
			"{\n \"Version\": \"2012-10-17\",\n \"Statement\": [ { \"Sid\" : \"a\",\n\t\"Action\": \"s3:\\u0047et*\" } ] }",
			"{\"Version\":\"2012-10-17\",\"Statement\":[{ \"Sid\" : \"a\",\n\t\"Action\": \"s3:\\u0047et*\" }]}",
		},
		"an Id":                  {`{"Id":"x","Version":"v","Statement":[]}`, `{"Version":"v","Id":"x","Statement":[]}`},
		"an ID, as MinIO has it": {`{"ID":"x","Version":"v","Statement":[]}`, `{"Version":"v","Id":"x","Statement":[]}`},
		"no version":             {`{"Statement":[]}`, `{"Statement":[]}`},
		"no statements":          {`{"Version":"v"}`, `{"Version":"v","Statement":[]}`},
		"null statements":        {`{"Version":"v","Statement":null}`, `{"Version":"v","Statement":[]}`},
		"an empty object":        {`{}`, `{"Statement":[]}`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parsePolicy(t, tc.text)
			if diff := cmp.Diff(tc.want, doc.String()); diff != "" {
				t.Errorf("unexpected text (-want +got):\n%s", diff)
			}
			if !json.Valid([]byte(doc.String())) {
				t.Error("that is no JSON")
			}
		})
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                `  `,
		"null":                   `null`,
		"a list":                 `[]`,
		"a text":                 `"x"`,
		"an unknown key":         `{"Version":"v","Statement":[],"Extra":1}`,
		"a key twice":            `{"Version":"v","Statement":[{"Sid":"a"}],"Statement":[]}`,
		"a key in two spellings": `{"Id":"v","ID":"w"}`,
		"something after it":     `{"Version":"v"} x`,
		"another brace after it": `{"Version":"v"}}`,
		"a cut document":         `{"Version":"v","Statement":[`,
		"a version of a number":  `{"Version":2012}`,
		"statements of a text":   `{"Statement":"x"}`,
		"a statement of null":    `{"Statement":[null]}`,
		"a statement of a list":  `{"Statement":[[]]}`,
		"a Sid of a number":      `{"Statement":[{"Sid":1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if doc, err := ParsePolicy(text); err == nil {
				t.Errorf("%s was read as %s", text, doc)
			} else if !strings.Contains(err.Error(), "policy") {
				t.Errorf("%v does not say what it is about", err)
			}
		})
	}
}

func TestCheckClaim(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, says string }{
		"fine":       {`{"Statement":[{"Sid":"a"},{"Sid":"b"}]}`, ""},
		"no Sid":     {`{"Statement":[{"Sid":"a"},{"Effect":"Deny"}]}`, "statement 2 has no Sid"},
		"twice":      {`{"Statement":[{"Sid":"a"},{"Sid":"a"}]}`, `"a" stands twice`},
		"groundwork": {`{"Statement":[{"Sid":"groundwork-x"}]}`, "reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckClaim(parsePolicy(t, tc.text))
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

func TestSameStatement(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b string
		same bool
	}{
		"white space and order of keys": {`{"Sid":"a","Effect":"Deny"}`, "{ \"Effect\": \"Deny\",\n\"Sid\": \"a\" }", true},
		"a list of one":                 {`{"Action":"s3:*","Resource":"x"}`, `{"Action":["s3:*"],"Resource":["x"]}`, true},
		"order of a list":               {`{"Action":["a","b"]}`, `{"Action":["b","a"]}`, true},
		"a value twice":                 {`{"Action":["a","b","a"]}`, `{"Action":["b","a"]}`, true},
		"everybody":                     {`{"Principal":"*"}`, `{"Principal":{"AWS":"*"}}`, true},
		"everybody, in a list":          {`{"Principal":"*"}`, `{"Principal":{"AWS":["*"]}}`, true},
		"everybody but":                 {`{"NotPrincipal":"*"}`, `{"NotPrincipal":{"AWS":["*"]}}`, true},
		"everybody and somebody":        {`{"Principal":{"AWS":["*","arn:aws:iam::1:root"]}}`, `{"Principal":"*"}`, false},
		"of two kinds":                  {`{"Principal":{"AWS":"a","Service":"b"}}`, `{"Principal":{"Service":["b"],"AWS":["a"]}}`, true},
		"of another kind":               {`{"Principal":{"Service":"*"}}`, `{"Principal":"*"}`, false},
		"a truth value":                 {`{"Condition":{"Bool":{"k":false}}}`, `{"Condition":{"Bool":{"k":["false"]}}}`, true},
		"a number":                      {`{"Condition":{"Numeric":{"k":10}}}`, `{"Condition":{"Numeric":{"k":["10"]}}}`, true},
		"a long number":                 {`{"Condition":{"Numeric":{"k":123456789012}}}`, `{"Condition":{"Numeric":{"k":["123456789012"]}}}`, true},
		"no condition":                  {`{"Sid":"a","Condition":{}}`, `{"Sid":"a"}`, true},
		"another condition":             {`{"Condition":{"Bool":{"k":false}}}`, `{"Condition":{"BoolIfExists":{"k":false}}}`, false},
		"a condition more":              {`{"Condition":{"Bool":{"k":false,"l":true}}}`, `{"Condition":{"Bool":{"k":false}}}`, false},
		"another effect":                {`{"Effect":"Deny"}`, `{"Effect":"Allow"}`, false},
		"an effect in a list":           {`{"Effect":["Deny"]}`, `{"Effect":"Deny"}`, false},
		"another Sid":                   {`{"Sid":"a"}`, `{"Sid":"b"}`, false},
		"no Sid":                        {`{"Sid":"a"}`, `{}`, false},
		"an action more":                {`{"Action":["a"]}`, `{"Action":["a","b"]}`, false},
		"not the actions":               {`{"Action":"a"}`, `{"NotAction":"a"}`, false},
		"neither is JSON, but the same": {`x`, `x`, true},
		"not JSON":                      {`x`, `{}`, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, pair := range [][2]string{{tc.a, tc.b}, {tc.b, tc.a}} {
				if SameStatement([]byte(pair[0]), []byte(pair[1])) != tc.same {
					t.Errorf("%s and %s are the same: %v", pair[0], pair[1], !tc.same)
				}
			}
		})
	}
}

func TestSamePolicy(t *testing.T) {
	t.Parallel()
	x, y := Statement{"x", []byte(`{"Sid":"x","Action":"a"}`)}, Statement{"y", []byte(`{"Sid":"y"}`)}
	spelled := Statement{"x", []byte(`{"Action":["a"],"Sid":"x"}`)}
	for name, tc := range map[string]struct {
		a, b []Statement
		same bool
	}{
		"nothing":              {nil, []Statement{}, true},
		"another order":        {[]Statement{x, y}, []Statement{y, spelled}, true},
		"one more":             {[]Statement{x}, []Statement{x, y}, false},
		"one in place of both": {[]Statement{x, x}, []Statement{x, y}, false},
		"both in place of one": {[]Statement{x, y}, []Statement{x, x}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if SamePolicy(tc.a, tc.b) != tc.same {
				t.Errorf("unexpected %v", !tc.same)
			}
		})
	}
}

func TestNextPolicy(t *testing.T) {
	t.Parallel()
	const caller = "application_id:11111111-2222-3333-4444-555555555555"
	reader := &[]Access{{Level: AccessReadOnly, Principals: []string{"arn:aws:iam::123456789012:role/ci"}}}
	scwReader := &[]Access{{Level: AccessReadOnly, Principals: []string{caller}}}
	foreign := `{"Sid":"Theirs","Effect":"Deny" ,"Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::b"}`
	on, off := true, false
	tests := map[string]struct {
		service string
		have    string
		want    Settings
		sids    string
		says    string
	}{
		"TLS on a bucket without a policy": {want: Settings{RequireTLS: &on}, sids: SidRequireTLS},
		"TLS beside what is there":         {have: foreign, want: Settings{RequireTLS: &on}, sids: "Theirs " + SidRequireTLS},
		"TLS no more":                      {have: foreign + `,{"Sid":"groundwork-require-tls"}`, want: Settings{RequireTLS: &off}, sids: "Theirs"},
		"TLS repaired in its place": {
			have: `{"Sid":"groundwork-require-tls"},` + foreign, want: Settings{RequireTLS: &on}, sids: SidRequireTLS + " Theirs",
		},
		"access": {
			have: foreign, want: Settings{Access: reader},
			sids: "Theirs groundwork-access-read-only-bucket groundwork-access-read-only-objects",
		},
		"access of others goes, statements of others stay": {
			have: `{"Sid":"groundwork-access-admin-bucket"},` + foreign + `,{"Sid":"groundwork-require-tls"}`, want: Settings{Access: &[]Access{}},
			sids: "Theirs " + SidRequireTLS,
		},
		"a claim is added, replaced and given up": {
			have: foreign + `,{"Sid":"Old"},{"Sid":"Mine","Effect":"Allow"}`,
			want: Settings{Policy: &PolicyClaim{
				Statements: []Statement{{"Mine", []byte(`{"Sid":"Mine","Effect":"Deny"}`)}, {"New", []byte(`{"Sid":"New"}`)}}, Remove: []string{"Old", "Mine"},
			}},
			sids: "Theirs Mine New",
		},
		"Scaleway keeps the door open": {
			service: "scaleway", have: foreign, want: Settings{Access: scwReader, CallerPrincipal: caller},
			sids: "Theirs groundwork-access-read-only-bucket groundwork-access-read-only-objects " + SidCaller,
		},
		"Scaleway without a caller":       {service: "scaleway", want: Settings{Access: scwReader}, says: "caller_principal"},
		"Scaleway with nothing to allow":  {service: "scaleway", have: `{"Sid":"groundwork-caller"}`, want: Settings{Access: &[]Access{}}, sids: ""},
		"an access entry that is refused": {want: Settings{Access: &[]Access{{Level: AccessAdmin, Principals: []string{"*"}}}}, says: "would open the state"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Service: "aws", Region: "eu-west-3"}
			if tc.service != "" {
				cfg = Config{Service: tc.service}
			}
			a := &applier{c: newClient(t, cfg), bucket: "b", want: tc.want, have: &Observed{}}
			if tc.have != "" {
				a.have.Policy = parsePolicy(t, `{"Version":"2008-10-17","Id":"kept","Statement":[`+tc.have+`]}`)
			}
			next, err := a.nextPolicy()
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("unexpected %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sids(next.Statements); got != tc.sids {
				t.Errorf("statements %q, want %q", got, tc.sids)
			}
			if tc.have != "" && (next.Version != "2008-10-17" || next.ID != "kept") {
				t.Errorf("version %q, ID %q", next.Version, next.ID)
			}
			if strings.Contains(tc.have, foreign) && !strings.Contains(next.String(), foreign) {
				t.Errorf("the foreign statement was changed: %s", next)
			}
		})
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, seed := range []string{
		`{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Deny","Principal":"*"},{"Sid":"groundwork-require-tls"}]}`,
		`{"Statement":{"Sid":"a","Condition":{"Bool":{"aws:SecureTransport":false}}}}`,
		"{\"ID\":\"\\u003c\",\"Statement\":[{\"Sid\" : \"\xff\"} , {}]}",
		`{"Version":null,"Statement":null}`, `{}`, `{"Statement":[null]}`, `{"Statement":[{"Sid":"a","Sid":"b"}]}`, `[]`, `{"Version":"v"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := ParsePolicy(text)
		if err != nil {
			return
		}
		first := doc.String()
		again, err := ParsePolicy(first)
		if err != nil {
			t.Fatalf("%s cannot be read back: %v", first, err)
		}
		if second := again.String(); second != first {
			t.Fatalf("%s became %s", first, second)
		}
		if !SamePolicy(doc.Statements, again.Statements) {
			t.Fatal("the statements differ")
		}
		for i, s := range doc.Statements {
			if !strings.Contains(text, string(s.Raw)) || !slices.Equal(again.Statements[i].Raw, s.Raw) || again.Statements[i].Sid != s.Sid {
				t.Fatalf("statement %s did not survive: %s", s.Raw, again.Statements[i].Raw)
			}
		}
		kept := merge(doc.Statements, func(s Statement) bool { return Owned(s.Sid) }, nil)
		if want := doc.Select(func(s Statement) bool { return !Owned(s.Sid) }); !slices.EqualFunc(kept, want, func(a, b Statement) bool { return string(a.Raw) == string(b.Raw) }) {
			t.Fatalf("a merge of nothing gave %v, want %v", kept, want)
		}
	})
}
