package s3store

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const (
	scwUser = "user_id:aaaaaaaa-2222-3333-4444-555555555555"
	scwApp  = "application_id:11111111-2222-3333-4444-555555555555"
	awsRole = "arn:aws:iam::123456789012:role/ci"
	awsUser = "arn:aws:iam::123456789012:user/ops"
)

// accessClients are one client for each dialect.
func accessClients(t *testing.T) map[PolicyDialect]*Client {
	t.Helper()
	return map[PolicyDialect]*Client{
		DialectAWS:      newClient(t, Config{Service: "aws", Region: "eu-west-3"}),
		DialectScaleway: newClient(t, Config{Service: "scaleway"}),
	}
}

// What is written into policies is fixed by files, and reads back as what was asked for.
func TestAccessRendering(t *testing.T) {
	t.Parallel()
	principals := map[PolicyDialect][]string{DialectAWS: {awsUser, awsRole}, DialectScaleway: {scwUser, scwApp}}
	for dialect, c := range accessClients(t) {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			w := c.policyWriter("states", c.Region())
			doc := &PolicyDocument{Version: w.version()}
			if dialect == DialectAWS {
				doc.Statements = append(doc.Statements, w.requireTLS())
			}
			var entries []Access
			for _, level := range AccessLevels() {
				for _, prefix := range []string{"", "infra/"} {
					a := Access{Level: level, Principals: principals[dialect], Prefix: prefix}
					entries = append(entries, a)
					doc.Statements = append(doc.Statements, w.access(a)...)
				}
			}
			doc.Statements = append(doc.Statements, w.caller(principals[dialect][0]))
			must(t, CheckAccess(dialect, entries))
			golden(t, "access-"+string(dialect)+".json", doc)

			// Principals are a set: they come back sorted.
			for i := range entries {
				entries[i].Principals = []string{principals[dialect][1], principals[dialect][0]}
			}
			if diff := cmp.Diff(entries, c.ObservedAccess("states", c.Region(), parsePolicy(t, doc.String()))); diff != "" {
				t.Errorf("read back (-want +got):\n%s", diff)
			}
			if c.RequiresTLS("states", c.Region(), doc) != (dialect == DialectAWS) {
				t.Error("TLS is read back wrongly")
			}
			if !c.showsAccess("states", entries, doc) || c.showsAccess("states", entries[1:], doc) || c.showsAccess("other", entries, doc) {
				t.Error("showsAccess is wrong")
			}
		})
	}
}

// golden compares a policy with a file.
func golden(t *testing.T, name string, doc *PolicyDocument) {
	t.Helper()
	var indented strings.Builder
	enc := json.NewEncoder(&indented)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	must(t, enc.Encode(json.RawMessage(doc.String())))
	file := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(file, []byte(indented.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), indented.String()); diff != "" {
		t.Errorf("%s differs; run go test -update if that is meant (-want +got):\n%s", file, diff)
	}
}

// A statement that somebody changed is not shown as what it was, so that a plan repairs it.
func TestObservedAccessAfterChanges(t *testing.T) {
	t.Parallel()
	c := newClient(t, Config{Service: "aws", Region: "eu-west-3"})
	w := c.policyWriter("states", "eu-west-3")
	entry := Access{Level: AccessReadWrite, Principals: []string{awsRole}, Prefix: "infra/"}
	whole := w.access(entry)
	change := func(s Statement, from, to string) Statement {
		if !strings.Contains(string(s.Raw), from) {
			t.Fatalf("%s has no %s", s.Raw, from)
		}
		return Statement{Sid: s.Sid, Raw: []byte(strings.Replace(string(s.Raw), from, to, 1))}
	}
	tests := map[string]struct {
		statements []Statement
		shown      bool
	}{
		"unchanged":             {whole, true},
		"in the other order":    {[]Statement{whole[1], whole[0]}, true},
		"an action more":        {[]Statement{whole[0], change(whole[1], `"s3:PutObject"`, `"s3:PutObject","s3:PutObjectAcl"`)}, false},
		"an action less":        {[]Statement{change(whole[0], `"s3:ListBucket",`, ``), whole[1]}, false},
		"another principal":     {[]Statement{whole[0], change(whole[1], "role/ci", "role/other")}, false},
		"open to everybody":     {[]Statement{whole[0], change(whole[1], `{"AWS":["`+awsRole+`"]}`, `"*"`)}, false},
		"of another bucket":     {[]Statement{whole[0], change(whole[1], ":::states", ":::others")}, false},
		"for the whole bucket":  {[]Statement{whole[0], change(whole[1], "infra/*", "*")}, false},
		"a condition less":      {[]Statement{change(whole[0], `,"Condition":`, `,"Ignored":`), whole[1]}, false},
		"the listing is gone":   {whole[1:], false},
		"the objects are gone":  {whole[:1], false},
		"two resources":         {[]Statement{whole[0], change(whole[1], `"Resource":[`, `"Resource":["x",`)}, false},
		"a resource of numbers": {[]Statement{whole[0], {whole[1].Sid, []byte(`{"Resource":[1],"Principal":{}}`)}}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := &PolicyDocument{Statements: tc.statements}
			got := c.ObservedAccess("states", "eu-west-3", doc)
			if (len(got) == 1) != tc.shown || len(got) > 1 {
				t.Errorf("shown as %+v", got)
			}
			if c.showsAccess("states", []Access{entry}, doc) != tc.shown {
				t.Error("Verify sees something else")
			}
		})
	}
	if got := c.ObservedAccess("states", "eu-west-3", nil); got != nil {
		t.Errorf("no policy shows %+v", got)
	}
}

func TestCheckAccess(t *testing.T) {
	t.Parallel()
	one := func(level, prefix string, principals ...string) []Access {
		return []Access{{Level: level, Prefix: prefix, Principals: principals}}
	}
	tests := map[string]struct {
		dialect PolicyDialect
		in      []Access
		says    string
	}{
		"a role":                  {DialectAWS, one(AccessAdmin, "", awsRole), ""},
		"an account, spelled out": {DialectAWS, one(AccessAdmin, "", "arn:aws:iam::123456789012:root"), ""},
		"in China":                {DialectAWS, one(AccessAdmin, "", "arn:aws-cn:iam::123456789012:role/ci"), ""},
		"an assumed role":         {DialectAWS, one(AccessAdmin, "", "arn:aws:sts::123456789012:assumed-role/ci/x"), ""},
		"a user of Ceph":          {DialectAWS, one(AccessAdmin, "", "arn:aws:iam:::user/ci"), ""},
		"a user of IONOS":         {DialectAWS, one(AccessAdmin, "", "arn:aws:iam:::user/31000000:aaaaaaaa-2222-3333-4444-555555555555"), ""},
		"an application":          {DialectScaleway, one(AccessAdmin, "a/b.c-d_e/", scwApp, scwUser), ""},
		"no level":                {DialectAWS, one("owner", "", awsRole), "read-only, read-write, admin"},
		"nobody":                  {DialectAWS, one(AccessAdmin, ""), "names no principal"},
		"everybody":               {DialectAWS, one(AccessAdmin, "", "*"), "would open"},
		"all of an account":       {DialectAWS, one(AccessAdmin, "", "arn:aws:iam::123456789012:role/*"), "would open"},
		"everybody on Scaleway":   {DialectScaleway, one(AccessAdmin, "", "*"), "would open"},
		"an account number":       {DialectAWS, one(AccessAdmin, "", "123456789012"), "arn:aws:iam::123456789012:root"},
		"a name":                  {DialectAWS, one(AccessAdmin, "", "ci"), "no ARN"},
		"an ARN on Scaleway":      {DialectScaleway, one(AccessAdmin, "", awsRole), "user_id:<uuid>"},
		"an access key":           {DialectKeys, one(AccessAdmin, "", "AKIAEXAMPLE"), ""},
		"an ARN for a key":        {DialectKeys, one(AccessAdmin, "", awsRole), "is no access key"},
		"everybody by key":        {DialectKeys, one(AccessAdmin, "", "*"), "would open"},
		"a bare UUID":             {DialectScaleway, one(AccessAdmin, "", scwApp[15:]), "application_id:<uuid>"},
		"a pattern as a prefix":   {DialectAWS, one(AccessAdmin, "infra*", awsRole), "patterns"},
		"a variable as a prefix":  {DialectAWS, one(AccessAdmin, "${aws:username}/", awsRole), "patterns"},
		"the same entry twice": {
			DialectAWS, append(one(AccessAdmin, "x/", awsRole), one(AccessAdmin, "x/", awsUser)...), "put their principals into one",
		},
		"one level for two prefixes": {DialectAWS, append(one(AccessAdmin, "x/", awsRole), one(AccessAdmin, "y/", awsUser)...), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckAccess(tc.dialect, tc.in)
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

func TestBucketARN(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"eu-west-3": "arn:aws:s3:::states", "": "arn:aws:s3:::states", "cn-north-1": "arn:aws-cn:s3:::states",
		"us-gov-west-1": "arn:aws-us-gov:s3:::states", "us-east-1": "arn:aws:s3:::states",
	} {
		if got := BucketARN("states", region); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
}
