package s3store

import (
	"bytes"
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func parseLifecycle(t testing.TB, text string) LifecycleDocument {
	t.Helper()
	doc, err := ParseLifecycle([]byte(text))
	must(t, err)
	return doc
}

// everything is a lifecycle with all settings on.
func everything() Lifecycle {
	return Lifecycle{
		NoncurrentExpirationDays: days(90), NoncurrentVersionsToKeep: days(5), AbortIncompleteUploadsDays: days(7),
		ExpireDeleteMarkers: aws.Bool(true), Expirations: map[string]int32{".pulumi/backups/": 30, "logs/ü&<": 2},
	}
}

func TestLifecycleRoundTrip(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x/", 300)
	for name, want := range map[string]Lifecycle{
		"nothing":       {},
		"everything":    everything(),
		"noncurrent":    {NoncurrentExpirationDays: days(1)},
		"uploads":       {AbortIncompleteUploadsDays: days(1)},
		"markers":       {ExpireDeleteMarkers: aws.Bool(true)},
		"a long prefix": {Expirations: map[string]int32{long: 1, long + "y": 2}},
		"likely IDs":    {Expirations: map[string]int32{"a/b": 1, "a_b": 2, "a b": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := (&LifecycleDocument{}).render(want.rules())
			must(t, err)
			doc := parseLifecycle(t, string(text))
			if !doc.Owned.Equal(want) || doc.drifted || len(doc.foreign) != 0 {
				t.Errorf("read back as %+v from %s", doc, text)
			}
			seen := map[string]bool{}
			for _, r := range want.rules() {
				if len(r.ID) > 255 || seen[r.ID] || !Owned(r.ID) {
					t.Errorf("bad ID %q", r.ID)
				}
				seen[r.ID] = true
			}
		})
	}
}

// The golden text: the dialect that every service has to take.
func TestLifecycleText(t *testing.T) {
	t.Parallel()
	want := `<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		`<Rule><ID>groundwork-noncurrent</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays><NewerNoncurrentVersions>5</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>` +
		`<Rule><ID>groundwork-abort-uploads</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>` +
		`<Rule><ID>groundwork-delete-markers</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>` +
		`<Rule><ID>groundwork-expire-.pulumi_backups_-b87528a4</ID><Status>Enabled</Status><Filter><Prefix>.pulumi/backups/</Prefix></Filter><Expiration><Days>30</Days></Expiration></Rule>` +
		`<Rule><ID>groundwork-expire-logs____-38d0a07a</ID><Status>Enabled</Status><Filter><Prefix>logs/ü&amp;&lt;</Prefix></Filter><Expiration><Days>2</Days></Expiration></Rule>` +
		`</LifecycleConfiguration>`
	l := everything()
	got, err := (&LifecycleDocument{}).render(l.rules())
	must(t, err)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("unexpected text (-want +got):\n%s", diff)
	}
}

// Own rules that were changed are not taken for what they were.
func TestLifecycleDrift(t *testing.T) {
	t.Parallel()
	const (
		id      = "<ID>groundwork-noncurrent</ID>"
		enabled = "<Status>Enabled</Status>"
		action  = "<NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays></NoncurrentVersionExpiration>"
		expire  = "<ID>groundwork-expire-x</ID>" + enabled
	)
	tests := map[string]struct {
		rule    string
		drifted bool
		want    Lifecycle
	}{
		"as written":               {id + enabled + "<Filter><Prefix></Prefix></Filter>" + action, false, Lifecycle{NoncurrentExpirationDays: days(90)}},
		"an empty filter":          {id + enabled + "<Filter/>" + action, false, Lifecycle{NoncurrentExpirationDays: days(90)}},
		"the old form":             {id + enabled + "<Prefix/>" + action, false, Lifecycle{NoncurrentExpirationDays: days(90)}},
		"what is not set is there": {id + enabled + "<Filter/><Expiration></Expiration>" + action, false, Lifecycle{NoncurrentExpirationDays: days(90)}},
		"disabled":                 {id + "<Status>Disabled</Status><Filter/>" + action, true, Lifecycle{}},
		"narrowed to a prefix":     {id + enabled + "<Filter><Prefix>a/</Prefix></Filter>" + action, true, Lifecycle{}},
		"narrowed to a tag":        {id + enabled + "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>" + action, true, Lifecycle{}},
		"narrowed by size":         {id + enabled + "<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>" + action, true, Lifecycle{}},
		"one action more":          {id + enabled + "<Filter/>" + action + "<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>", true, Lifecycle{}},
		"a transition more":        {id + enabled + "<Filter/>" + action + "<Transition><Days>1</Days></Transition>", true, Lifecycle{}},
		"another action":           {id + enabled + "<Filter/><Expiration><Days>1</Days></Expiration>", true, Lifecycle{}},
		"no action":                {id + enabled + "<Filter/>", true, Lifecycle{}},
		"an ID of later":           {"<ID>groundwork-future</ID>" + enabled + "<Filter/>" + action, true, Lifecycle{}},
		"an expiration":            {expire + "<Filter><Prefix>x</Prefix></Filter><Expiration><Days>3</Days></Expiration>", false, Lifecycle{Expirations: map[string]int32{"x": 3}}},
		"an expiration of all":     {expire + "<Filter/><Expiration><Days>3</Days></Expiration>", true, Lifecycle{}},
		"an expiration by date":    {expire + "<Filter><Prefix>x</Prefix></Filter><Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>", true, Lifecycle{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parseLifecycle(t, "<LifecycleConfiguration><Rule>"+tc.rule+"</Rule></LifecycleConfiguration>")
			if doc.drifted != tc.drifted || !doc.Owned.Equal(tc.want) || doc.ForeignRules() != 0 {
				t.Errorf("drifted %v, owned %+v", doc.drifted, doc.Owned)
			}
		})
	}
}

// What is not groundwork's goes back byte for byte, in its order, under the root that it came in.
func TestLifecycleForeign(t *testing.T) {
	t.Parallel()
	const (
		own   = `<Rule><ID>groundwork-abort-uploads</ID><Status>Enabled</Status><Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>`
		minio = "<Rule>\n <ID>theirs</ID><Status>Enabled</Status><Filter><And><Prefix>a &amp; b/</Prefix></And></Filter>\n<DelMarkerExpiration><Days>5</Days></DelMarkerExpiration><Expiration><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions></Expiration></Rule>"
		odd   = `<Rule x:kind="odd"><!-- keep --><ID><![CDATA[group]]>work</ID><x:Extension a='1'/></Rule>`
		noID  = `<Rule><Status>Disabled</Status><Prefix/></Rule>`
		other = `<ExpiryUpdatedAt>2026-01-01T00:00:00Z</ExpiryUpdatedAt>`
	)
	tests := map[string]struct {
		start, end string
		foreign    []string
	}{
		"the usual root":         {`<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`, `</LifecycleConfiguration>`, []string{minio, noID}},
		"no namespace":           {`<LifecycleConfiguration>`, `</LifecycleConfiguration>`, []string{noID}},
		"declarations":           {`<LifecycleConfiguration xmlns:x="urn:x" >`, `</LifecycleConfiguration>`, []string{odd, other, minio}},
		"a prefix":               {"<s3:LifecycleConfiguration\n xmlns:s3=\"urn:s3\">", `</s3:LifecycleConfiguration>`, []string{`<s3:Rule><s3:ID>y</s3:ID></s3:Rule>`}},
		"nothing but an element": {`<LifecycleConfiguration>`, `</LifecycleConfiguration>`, []string{other}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := xml.Header + tc.start + "\n" + strings.Join(append([]string{own}, tc.foreign...), "\n  ") + "\n" + tc.end + "\n"
			doc := parseLifecycle(t, text)
			if deref(doc.Owned.AbortIncompleteUploadsDays) != 7 {
				t.Errorf("the own rule was lost: %+v", doc.Owned)
			}
			got, err := doc.render(nil)
			must(t, err)
			if want := tc.start + strings.Join(tc.foreign, "") + tc.end; string(got) != want {
				t.Errorf("became\n%s\nwant\n%s", got, want)
			}
		})
	}
	empty := parseLifecycle(t, `<LifecycleConfiguration a="/"/>`)
	if got, err := empty.render(nil); err != nil || string(got) != `<LifecycleConfiguration a="/"></LifecycleConfiguration>` {
		t.Errorf("%s, %v", got, err)
	}
	if doc := parseLifecycle(t, " \n"); doc.ForeignRules() != 0 || doc.root != nil {
		t.Errorf("nothing is %+v", doc)
	}
}

func TestParseLifecycleRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a text":              "hello",
		"JSON":                "{}",
		"another root":        "<html></html>",
		"two roots":           "<LifecycleConfiguration/><LifecycleConfiguration/>",
		"a cut document":      "<LifecycleConfiguration><Rule><ID>x</ID>",
		"a cut root":          "<LifecycleConfiguration><Rule/>",
		"an own rule of text": "<LifecycleConfiguration><Rule><ID>groundwork-noncurrent</ID><NoncurrentVersionExpiration><NoncurrentDays>soon</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>",
		"an unknown entity":   "<LifecycleConfiguration><Rule><ID>&x;</ID></Rule></LifecycleConfiguration>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if doc, err := ParseLifecycle([]byte(text)); err == nil || !strings.Contains(err.Error(), "lifecycle") {
				t.Errorf("%+v, %v", doc, err)
			}
		})
	}
}

func TestLifecycleMerge(t *testing.T) {
	t.Parallel()
	have := everything()
	tests := map[string]struct {
		want   *Lifecycle
		result Lifecycle
	}{
		"nothing said":   {&Lifecycle{}, have},
		"one changed":    {&Lifecycle{NoncurrentExpirationDays: days(30)}, with(have, func(l *Lifecycle) { l.NoncurrentExpirationDays = days(30) })},
		"markers off":    {&Lifecycle{ExpireDeleteMarkers: aws.Bool(false)}, with(have, func(l *Lifecycle) { l.ExpireDeleteMarkers = nil })},
		"uploads off":    {&Lifecycle{AbortIncompleteUploadsDays: days(0)}, with(have, func(l *Lifecycle) { l.AbortIncompleteUploadsDays = nil })},
		"no expirations": {&Lifecycle{Expirations: map[string]int32{}}, with(have, func(l *Lifecycle) { l.Expirations = nil })},
		"others":         {&Lifecycle{Expirations: map[string]int32{"x/": 1}}, with(have, func(l *Lifecycle) { l.Expirations = map[string]int32{"x/": 1} })},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := have.merge(tc.want); !got.Equal(tc.result) {
				t.Errorf("merged into %+v", got)
			}
			if !have.Equal(everything()) {
				t.Error("what was there was changed")
			}
		})
	}
}

func with(l Lifecycle, change func(*Lifecycle)) Lifecycle {
	l.Expirations = maps.Clone(l.Expirations)
	change(&l)
	return l
}

func TestCheckLifecycle(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   Lifecycle
		says string
	}{
		"everything":           {everything(), ""},
		"nothing":              {Lifecycle{}, ""},
		"keeping from nothing": {Lifecycle{NoncurrentVersionsToKeep: days(3)}, "needs noncurrent_expiration_days"},
		"no days":              {Lifecycle{Expirations: map[string]int32{"x/": 0}}, "at least 1 day"},
		"live state":           {Lifecycle{Expirations: map[string]int32{"x/": 1, "env:/dev/": 1}}, "workspaces"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := CheckLifecycle(tc.in); (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

func TestCheckExpirationPrefix(t *testing.T) {
	t.Parallel()
	for prefix, says := range map[string]string{
		"":                               "every state",
		".":                              "Pulumi",
		".pulumi":                        "Pulumi",
		".pulumi/":                       "Pulumi",
		".pulumi/stacks":                 "Pulumi",
		".pulumi/stacks/":                "Pulumi",
		".pulumi/stacks/shop/":           "Pulumi",
		".pulumi/stacks/shop/dev.json":   "Pulumi",
		".pulumi/meta.yaml":              "Pulumi",
		"team/.pulumi/":                  "Pulumi",
		"team/.pu":                       "Pulumi",
		"a/b/.pulumi/stacks/shop/":       "Pulumi",
		"infra/terraform.tfstate":        "Terraform",
		"e":                              "workspaces",
		"env:":                           "workspaces",
		"env:/":                          "workspaces",
		"env:/dev/infra/":                "workspaces",
		".pulumi/backups/":               "",
		".pulumi/backups/shop/":          "",
		".pulumi/history/":               "",
		"team/.pulumi/backups/":          "",
		"my.pulumi/":                     "",
		"logs/":                          "",
		"environments/":                  "",
		"infra/terraform.tfstate.backup": "",
		"backups":                        "",
	} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			err := CheckExpirationPrefix(prefix)
			if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("unexpected %v", err)
			}
		})
	}
}

func FuzzParseLifecycle(f *testing.F) {
	for _, seed := range []string{
		`<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>groundwork-noncurrent</ID><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration></Rule><Rule><ID>x</ID><DelMarkerExpiration><Days>5</Days></DelMarkerExpiration></Rule></LifecycleConfiguration>`,
		`<LifecycleConfiguration/>`, `<a:LifecycleConfiguration xmlns:a="b"><a:Rule/><a:X>]]&gt;</a:X></a:LifecycleConfiguration >`,
		"<?xml version='1.0'?><!-- c --><LifecycleConfiguration a='>' ><Rule b='/'><ID><![CDATA[</Rule>]]></ID></Rule></LifecycleConfiguration>",
		`<LifecycleConfiguration><Rule><ID>groundwork-expire-x</ID><Status>Enabled</Status><Filter><Prefix>x</Prefix></Filter><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := ParseLifecycle(text)
		if err != nil {
			return
		}
		for _, e := range doc.foreign {
			if !bytes.Contains(text, e.Raw) || (e.Rule && Owned(e.ID)) {
				t.Fatalf("%s is not as it came", e.Raw)
			}
		}
		rendered, err := doc.render(doc.Owned.rules())
		if err != nil {
			return // a prefix that XML cannot carry
		}
		again, err := ParseLifecycle(rendered)
		if err != nil {
			t.Fatalf("%s became %s, which cannot be read: %v", text, rendered, err)
		}
		if !slices.EqualFunc(doc.foreign, again.foreign, func(a, b rawElement) bool { return a.ID == b.ID && bytes.Equal(a.Raw, b.Raw) }) {
			t.Fatalf("%s became %s", text, rendered)
		}
		if !again.Owned.Equal(doc.Owned) || again.drifted {
			t.Fatalf("%+v became %+v by %s", doc.Owned, again.Owned, rendered)
		}
	})
}
